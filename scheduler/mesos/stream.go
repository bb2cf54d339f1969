package mesos

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxRecord bounds one record of the stream. An OFFERS record holds all that one allocation gives: 10,000 agents at
// 1 to 2 KiB each in JSON. (mesos-go's recordio stops at 4 MiB, allocates half of a larger limit at once, and panics
// at a length above 2^63.)
const maxRecord = 128 << 20

// keptRecord is the largest buffer that is kept between records.
const keptRecord = 1 << 20

// errRecord says that the stream is not RecordIO; nothing after it can be trusted.
var errRecord = errors.New("malformed record")

// recordReader reads RecordIO: a decimal length, a newline, that many bytes, again and again. It is a mesos-go
// framing.Reader.
type recordReader struct {
	r   *bufio.Reader
	buf bytes.Buffer
	max uint64
}

func newRecordReader(r io.Reader) *recordReader {
	return &recordReader{r: bufio.NewReaderSize(r, 64<<10), max: maxRecord}
}

// ReadFrame waits for the next record. The bytes are valid until the next call. The stream's end between records is
// io.EOF, within one io.ErrUnexpectedEOF.
func (r *recordReader) ReadFrame() ([]byte, error) {
	n, err := r.length()
	if err != nil {
		return nil, err
	}
	if r.buf.Cap() > keptRecord {
		r.buf = bytes.Buffer{}
	}
	r.buf.Reset()
	// The buffer grows with what arrives, not with what was announced.
	if _, err := io.CopyN(&r.buf, r.r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return r.buf.Bytes(), nil
}

func (r *recordReader) length() (uint64, error) {
	line, err := r.r.ReadSlice('\n')
	switch {
	case err == io.EOF && len(line) > 0:
		return 0, io.ErrUnexpectedEOF
	case errors.Is(err, bufio.ErrBufferFull):
		return 0, fmt.Errorf("%w: no length at the beginning", errRecord)
	case err != nil:
		return 0, err
	}
	return parseLength(line[:len(line)-1], r.max)
}

func parseLength(line []byte, max uint64) (uint64, error) {
	n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %.40q is not a length", errRecord, line)
	}
	if n > max {
		return 0, fmt.Errorf("%w: %d bytes, more than the limit of %d", errRecord, n, max)
	}
	return n, nil
}

// Buffered tells whether the next record can be read without waiting for the master.
func (r *recordReader) Buffered() bool {
	b, _ := r.r.Peek(r.r.Buffered())
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return false
	}
	n, err := parseLength(b[:end], r.max)
	return err != nil || uint64(len(b)-end-1) >= n
}
