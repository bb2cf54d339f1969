package state

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAttemptIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := AttemptID{
			Run:    RunID(rapid.StringMatching(`[0-9a-z]{26}`).Draw(t, "run")),
			Step:   rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?`).Draw(t, "step"),
			Index:  rapid.IntRange(0, 999_999).Draw(t, "index"),
			Number: rapid.IntRange(0, 1000).Draw(t, "number"),
		}
		got, err := ParseAttemptID(id.String())
		if err != nil || got != id {
			t.Fatalf("%+v became %q became %+v, %v", id, id.String(), got, err)
		}
	})
}

func TestParseAttemptIDRefuses(t *testing.T) {
	for _, s := range []string{
		"", "a", "a.b.1", "a.b.1.2.3", "a.b.-1.0", "a.b.+1.0", "a.b.01.0", "a.b.1.", "a..1.0", ".b.1.0", "A.b.1.0",
		"a/b.c.1.0", "a.b c.1.0", "a.b.99999999999.0", "a.b.1.0x",
	} {
		if id, err := ParseAttemptID(s); err == nil {
			t.Errorf("%q was read as %+v", s, id)
		}
	}
}

// FuzzParseAttemptID checks that whatever is read is written back the same: two ids never mean one attempt.
func FuzzParseAttemptID(f *testing.F) {
	f.Add("01jd0000000000000000000000.psd.12.0")
	f.Add("a.b.1.2")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseAttemptID(s); err == nil && id.String() != s {
			t.Errorf("%q was read as %+v, which is %q", s, id, id.String())
		}
	})
}
