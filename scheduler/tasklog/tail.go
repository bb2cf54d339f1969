package tasklog

import "context"

// tail looks for the beginning of the last lines of a log, which is given from its end to its beginning. A line is what
// stands before a newline, and what stands behind the last one if anything does.
type tail struct {
	lines int
	// begun: the last byte was seen, of which a newline begins no line.
	begun bool
}

// scan looks at the block that stands before those seen; it returns where the last lines begin if that is in it.
func (t *tail) scan(at int64, block []byte) (start int64, found bool) {
	for i := len(block) - 1; i >= 0; i-- {
		if t.lines == 0 {
			return at + int64(i) + 1, true
		}
		if block[i] == '\n' && t.begun {
			if t.lines--; t.lines == 0 {
				return at + int64(i) + 1, true
			}
		}
		t.begun = true
	}
	return 0, false
}

// begin is where the lines begin if all of a log was scanned in vain.
func (t *tail) begin(size int64) int64 {
	if t.lines == 0 {
		return size
	}
	return 0
}

// keptStart is the offset at which what is wanted of a kept log begins.
func (l *Logs) keptStart(ctx context.Context, f *found, o Options) (int64, error) {
	if o.Tail < 0 {
		return min(o.Offset, f.size), nil
	}
	t := tail{lines: o.Tail}
	for i := len(f.spans) - 1; i >= 0; i-- {
		text, err := l.archive.text(ctx, f, i)
		if err != nil {
			return 0, err
		}
		if start, found := t.scan(f.spans[i].At, text); found {
			return start, nil
		}
	}
	return t.begin(f.size), nil
}
