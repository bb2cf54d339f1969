package spec

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse: no bytes make the package panic, every error is Problems in lines of their own and within the file, and what
// parses can be bound and run.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	examples, err := filepath.Glob("../../examples/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(append(files, examples...), "testdata/every-field.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "n", "1")
		rest, _ := splitNotYet(file, string(text))
		f.Add(rest, "segments", "3")
	}
	f.Fuzz(func(t *testing.T, text, name, value string) {
		s, err := Parse("fuzz.yaml", []byte(text))
		if err != nil {
			checkProblems(t, text, err)
			return
		}
		given := map[string]string{}
		for _, p := range s.Params {
			if p.Required || p.Name == name {
				given[p.Name] = value
			}
		}
		p, err := s.Bind(given)
		if err != nil {
			checkProblems(t, text, err)
			return
		}
		for i := range p.Steps {
			checkStep(t, &p.Steps[i], len(p.Steps))
		}
	})
}

func checkProblems(t *testing.T, text string, err error) {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("error is %T: %v", err, err)
	}
	last := strings.Count(text, "\n") + 1
	for _, p := range problems {
		if p.Line < 0 || p.Line > last || (p.Line > 0) != (p.Column > 0) || p.Message == "" || strings.ContainsAny(p.String(), "\n\r\x00") {
			t.Errorf("%d:%d: %q", p.Line, p.Column, p.String())
		}
	}
}

func checkStep(t *testing.T, s *Step, steps int) {
	t.Helper()
	for _, n := range s.Needs {
		if n < 0 || n >= steps {
			t.Errorf("%s needs step %d of %d", s.Name, n, steps)
		}
	}
	for _, c := range s.Where {
		c.Holds("x", true)
	}
	if s.Tasks < 0 || s.Tasks > MaxTasks {
		t.Fatalf("%s has %d tasks", s.Name, s.Tasks)
	}
	if s.Tasks == 0 {
		return
	}
	for _, i := range []int{0, s.Tasks / 2, s.Tasks - 1} {
		c := s.Task(i)
		if c.Shell != "" && c.Argv != nil || c.Argv != nil && len(c.Argv) == 0 {
			t.Errorf("%s has no command, or two: %+v", s.Name, c)
		}
		size := len(c.Shell)
		for _, a := range c.Argv {
			size += len(a) + 1
		}
		for _, e := range c.Env {
			size += len(e.Name) + len(e.Value) + 2
		}
		if size > MaxCommandBytes {
			t.Errorf("%s: task %d has %d bytes", s.Name, i, size)
		}
	}
}
