package mesos

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"pgregory.net/rapid"
)

// seeds are the records of testdata/events.txt.
func seeds(f *testing.F) (records []wireRecord) {
	text, err := os.ReadFile("testdata/events.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if b, err := hex.DecodeString(line); err == nil {
			records = append(records, wireRecord{codecs.MediaTypeProtobuf, b})
		} else if !strings.HasPrefix(line, "#") {
			records = append(records, wireRecord{codecs.MediaTypeJSON, []byte(line)})
		}
	}
	return records
}

// FuzzRecord: whatever the bytes of a record are, decoding and using them ends well.
func FuzzRecord(f *testing.F) {
	for _, r := range seeds(f) {
		f.Add(r.bytes, r.media == codecs.MediaTypeJSON)
	}
	f.Fuzz(func(t *testing.T, record []byte, json bool) {
		var media encoding.MediaType = codecs.MediaTypeProtobuf
		if json {
			media = codecs.MediaTypeJSON
		}
		e, names, err := decodeEvent(media, record)
		if err != nil {
			return
		}
		convert(e, names)
		if e.Offers == nil {
			return
		}
		for _, o := range newOfferBook(true).add(e.Offers.Offers) {
			if r := o.Resources; r.CPUs < 0 || r.Mem < 0 || r.Disk < 0 || r.GPUs < 0 || r.Ports < 0 {
				t.Errorf("offer %+v", o)
			}
		}
	})
}

// FuzzStream: a stream of any bytes is read to an error, never beyond what it holds, and never into a panic.
func FuzzStream(f *testing.F) {
	var all []byte
	for _, r := range seeds(f) {
		f.Add(framed(r.bytes))
		all = append(all, framed(r.bytes)...)
	}
	f.Add(all)
	f.Add([]byte("18446744073709551615\nx"))
	f.Add([]byte("0\n0\n 2 \n{}9"))
	f.Add([]byte("-1\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := newRecordReader(bytes.NewReader(stream))
		total := 0
		for {
			record, err := r.ReadFrame()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errRecord) {
					t.Errorf("error %v", err)
				}
				return
			}
			if total += len(record); total > len(stream) {
				t.Fatalf("%d bytes out of %d", total, len(stream))
			}
		}
	})
}

// dripping gives what it holds in the pieces that a test wants, and fails when it is asked for more.
type dripping struct {
	pieces [][]byte
	dry    error
}

func (d *dripping) Read(b []byte) (int, error) {
	if len(d.pieces) == 0 {
		return 0, d.dry
	}
	n := copy(b, d.pieces[0])
	if d.pieces[0] = d.pieces[0][n:]; len(d.pieces[0]) == 0 {
		d.pieces = d.pieces[1:]
	}
	return n, nil
}

// TestStreamProperties: records come out as they went in, however the network cuts them, and what counts as buffered
// is read without the network.
func TestStreamProperties(t *testing.T) {
	dry := errors.New("read when all should have been there")
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 1, 20).Draw(t, "records")
		var wire []byte
		for _, r := range records {
			wire = append(wire, framed(r)...)
		}
		d := &dripping{dry: io.EOF}
		for len(wire) > 0 {
			n := min(rapid.IntRange(1, 500).Draw(t, "piece"), len(wire))
			d.pieces, wire = append(d.pieces, wire[:n]), wire[n:]
		}
		r := newRecordReader(d)
		for i, want := range records {
			buffered, rest := r.Buffered(), d.pieces
			if buffered {
				d.pieces, d.dry = nil, dry
			}
			got, err := r.ReadFrame()
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("record %d: %v, %q instead of %q", i, err, got, want)
			}
			if buffered {
				d.pieces, d.dry = rest, io.EOF
			}
		}
		if _, err := r.ReadFrame(); err != io.EOF {
			t.Fatalf("at the end: %v", err)
		}
	})
}

func TestStreamErrors(t *testing.T) {
	cases := []struct {
		stream string
		want   error
	}{
		{"", io.EOF},
		{"5\nabc", io.ErrUnexpectedEOF},
		{"5", io.ErrUnexpectedEOF},
		{"\n", errRecord},
		{"five\n", errRecord},
		{"-1\n", errRecord},
		{"18446744073709551615\n", errRecord},
		{"18446744073709551616\n", errRecord},
		{"134217729\n", errRecord},
		{strings.Repeat("1", 1<<20), errRecord},
		{"<html>", io.ErrUnexpectedEOF},
	}
	for _, c := range cases {
		if _, err := newRecordReader(strings.NewReader(c.stream)).ReadFrame(); !errors.Is(err, c.want) {
			t.Errorf("%.30q: %v, want %v", c.stream, err, c.want)
		}
	}
}

// TestAnnouncedMemory: a length alone takes no memory, and the memory of a large record is given back.
func TestAnnouncedMemory(t *testing.T) {
	r := newRecordReader(strings.NewReader("134217728\nabc"))
	if _, err := r.ReadFrame(); !errors.Is(err, io.ErrUnexpectedEOF) || r.buf.Cap() > 1<<16 {
		t.Errorf("%v with %d bytes", err, r.buf.Cap())
	}
	large := bytes.Repeat([]byte("x"), 3*keptRecord)
	r = newRecordReader(bytes.NewReader(append(framed(large), framed([]byte("small"))...)))
	if got, err := r.ReadFrame(); err != nil || !bytes.Equal(got, large) {
		t.Errorf("large record: %v", err)
	}
	if got, err := r.ReadFrame(); err != nil || string(got) != "small" || r.buf.Cap() > keptRecord {
		t.Errorf("%q, %v with %d bytes", got, err, r.buf.Cap())
	}
}

// FuzzSandboxRead: whatever an agent answers, what is taken of it is never more than was asked for.
func FuzzSandboxRead(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x08, 0x0f, 0x82, 0x01, 0x05, 0x08, 0x03, 0x12, 0x01, 'x'})
	f.Fuzz(func(t *testing.T, body []byte) {
		data, size, err := decodeRead(body)
		if err == nil && (len(data) > MaxRead || size < int64(len(data))) {
			t.Errorf("%d bytes of a file of %d", len(data), size)
		}
	})
}
