package tasklog

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"
)

// pieceSize is how many bytes of a log are compressed together. A reader holds one piece in memory at a time, and who
// wants the last lines reads the last ones only.
const pieceSize = 256 << 10

// span is a part of a log: Size bytes from offset At on.
type span struct {
	At   int64
	Size int
}

func (s span) end() int64 { return s.At + int64(s.Size) }

// piece is a part of a log as it is kept.
type piece struct {
	span
	// data is compressed if it is shorter than the span.
	data []byte
}

var compressors = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is one
	}
	return w
}}

// smallest is the length below which compression gains nothing.
const smallest = 128

func newPiece(at int64, data []byte) piece {
	p := piece{span{at, len(data)}, data}
	if len(data) < smallest {
		p.data = bytes.Clone(data)
		return p
	}
	var out bytes.Buffer
	w := compressors.Get().(*flate.Writer)
	defer compressors.Put(w)
	w.Reset(&out)
	_, err := w.Write(data)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a buffer takes all
	}
	if out.Len() < len(data) {
		p.data = bytes.Clone(out.Bytes())
	} else {
		p.data = bytes.Clone(data)
	}
	return p
}

// text is what the piece holds of the log.
func (p piece) text() ([]byte, error) {
	if len(p.data) >= p.Size {
		return p.data, nil
	}
	text := make([]byte, p.Size)
	if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(p.data)), text); err != nil {
		return nil, fmt.Errorf("decompressing bytes %d to %d of a log: %w", p.At, p.end(), err)
	}
	return text, nil
}

// kept is what is kept of one stream of an attempt.
type kept struct {
	// size is how many bytes the stream had, why says why nothing is kept of it; empty if something is.
	size   int64
	why    string
	pieces []piece
}

// cutter makes pieces of what is added.
type cutter struct {
	pieces []piece
	at     int64 // of the first byte of text
	text   []byte
}

// add adds what stands at an offset, the end of what was added before or behind it.
func (c *cutter) add(at int64, data []byte) {
	if at != c.end() {
		c.flush()
		c.at = at
	}
	for len(data) > 0 {
		n := min(pieceSize-len(c.text), len(data))
		c.text = append(c.text, data[:n]...)
		data = data[n:]
		if len(c.text) == pieceSize {
			c.flush()
		}
	}
}

// end is the offset behind what was added last.
func (c *cutter) end() int64 { return c.at + int64(len(c.text)) }

func (c *cutter) flush() {
	if len(c.text) > 0 {
		c.pieces = append(c.pieces, newPiece(c.at, c.text))
	}
	c.at += int64(len(c.text))
	c.text = c.text[:0]
}
