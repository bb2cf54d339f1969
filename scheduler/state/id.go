package state

import (
	"fmt"
	"strconv"
	"strings"
)

// AttemptID names one attempt of one task: task Index of step Step of run Run, attempts counted from 0.
type AttemptID struct {
	Run    RunID
	Step   string
	Index  int
	Number int
}

// String is the attempt's Mesos task id, "run.step.index.number". The parts hold only lower-case letters,
// digits and '-', so the id is safe as a directory name, which is what an agent makes of it.
func (a AttemptID) String() string {
	b := make([]byte, 0, len(a.Run)+len(a.Step)+16)
	b = append(b, a.Run...)
	b = append(b, '.')
	b = append(b, a.Step...)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(a.Index), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(a.Number), 10)
	return string(b)
}

// ParseAttemptID reads a Mesos task id that String made. It accepts nothing else, so that
// ParseAttemptID(s).String() is s.
func ParseAttemptID(s string) (AttemptID, error) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 || !validPart(parts[0]) || !validPart(parts[1]) {
		return AttemptID{}, fmt.Errorf("task id %q is not of the form run.step.index.attempt", s)
	}
	index, err1 := parseCount(parts[2])
	number, err2 := parseCount(parts[3])
	if err1 != nil || err2 != nil {
		return AttemptID{}, fmt.Errorf("task id %q does not end in two numbers", s)
	}
	return AttemptID{Run: RunID(parts[0]), Step: parts[1], Index: index, Number: number}, nil
}

func validPart(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

// parseCount reads a decimal number as strconv writes it: no sign, no leading zero.
func parseCount(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, err
	}
	if n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%q is not a plain number", s)
	}
	return int(n), nil
}
