package spec

import (
	"strings"
	"testing"
)

func TestConstraintHolds(t *testing.T) {
	steps := bind(t, `
name: test
defaults: {image: busybox, run: x}
steps:
  s:
    where:
      - {attribute: site, equals: cnes}
      - {attribute: rack, matches: "rack-[1-3]|spare"}
      - {attribute: hostname, not_matches: "old.*"}
      - {attribute: text, matches: "(?i)a.b"}`, nil).Steps
	const absent = "\x00absent"
	for i, c := range []struct {
		text    string
		holds   []string
		refuses []string
	}{
		{"site=cnes", []string{"cnes"}, []string{"", "cnes2", "CNES", absent}},
		{"rack matches rack-[1-3]|spare", []string{"rack-1", "spare"}, []string{"", "rack-4", "rack-11", "xspare", "spare\n", absent}},
		{"hostname does not match old.*", []string{"new", "", "bold", absent}, []string{"old", "old-1"}},
		{"text matches (?i)a.b", []string{"axb", "A B"}, []string{"a\nb", "axbx", absent}},
	} {
		constraint := steps[0].Where[i]
		again, err := NewConstraint(constraint.Attribute, constraint.Op, constraint.Value)
		if err != nil || again.String() != c.text {
			t.Errorf("of its parts: %q, %v", again, err)
		}
		if constraint.String() != c.text {
			t.Errorf("String is %q, want %q", constraint, c.text)
		}
		for _, v := range c.holds {
			if !constraint.Holds(v, v != absent) || !again.Holds(v, v != absent) {
				t.Errorf("%s: refuses %q", constraint, v)
			}
		}
		for _, v := range c.refuses {
			if constraint.Holds(v, v != absent) || again.Holds(v, v != absent) {
				t.Errorf("%s: accepts %q", constraint, v)
			}
		}
	}
}

func TestRetriesAllow(t *testing.T) {
	if all := (Retries{}); !all.Allows(1) || !all.Allows(255) {
		t.Error("without a list, every exit code is worth another try")
	}
	if some := (Retries{ExitCodes: []int{75}}); !some.Allows(75) || some.Allows(76) {
		t.Error("with a list, only its exit codes are worth another try")
	}
}

func TestNewConstraintRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"like", "a"}, {"", "a"}, {"matches", "("}, {"matches", "a)(b"}, {"not_matches", strings.Repeat("(a{1000}){1000}", 2)},
	} {
		if got, err := NewConstraint("site", Op(c[0]), c[1]); err == nil {
			t.Errorf("%s %s gives %v", c[0], c[1], got)
		}
	}
}
