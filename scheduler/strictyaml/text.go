package strictyaml

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// PlaceIn finds the place of a piece of a scalar's value, by looking for it in the file from where the scalar begins.
// A piece that was written with escapes or over two lines is not found as such: its place is then the scalar's, and so
// it is when there are more problems than are told, because looking takes time.
func (d *Decoder) PlaceIn(scalar Place, value string, from, to int) Place {
	if d.Full() {
		return scalar
	}
	piece := value[from:to]
	occurrence := strings.Count(value[:from], piece)
	for line := scalar.Line; line <= len(d.lines); line++ {
		s, skipped := d.lines[line-1], 0
		if line == scalar.Line {
			skipped = byteOf(s, scalar.Column)
		}
		for {
			i := strings.Index(s[skipped:], piece)
			if i < 0 {
				break
			}
			if occurrence == 0 {
				return Place{line, utf8.RuneCountInString(s[:skipped+i]) + 1}
			}
			occurrence--
			skipped += i + len(piece)
		}
	}
	return scalar
}

// byteOf gives the index of the byte where a column begins.
func byteOf(s string, column int) int {
	for i := range s {
		if column--; column == 0 {
			return i
		}
	}
	return len(s)
}

// atoi is for texts that a pattern has found to be short and of digits.
func atoi(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("strictyaml: not digits: " + s)
	}
	return n
}
