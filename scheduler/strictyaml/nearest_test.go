package strictyaml

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	known := []string{"run", "image", "resources", "retries", "max_parallel", "timeout", "where", "when"}
	for name, want := range map[string]string{
		"images": "image", "imgae": "image", "Image": "image", "resource": "resources", "retry": "", "max-parallel": "max_parallel",
		"maxParallel": "max_parallel", "tmieuot": "timeout", "wher": "where", "whe": "when", "rum": "run", "r": "", "": "", "frobnicate": "",
		"nur": "", "timeoutseconds": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// TestNearestFindsWhatOneSlipSpoilt: a letter left out, added, replaced or swapped with the next.
func TestNearestFindsWhatOneSlipSpoilt(t *testing.T) {
	name := rapid.StringMatching(`[a-z]{4,20}`)
	rapid.Check(t, func(t *rapid.T) {
		right := name.Draw(t, "name")
		i := rapid.IntRange(0, len(right)-2).Draw(t, "at")
		letter := rapid.StringMatching(`[a-z]`).Draw(t, "letter")
		wrong := map[string]string{
			"left out": right[:i] + right[i+1:],
			"added":    right[:i] + letter + right[i:],
			"replaced": right[:i] + letter + right[i+1:],
			"swapped":  right[:i] + right[i+1:i+2] + right[i:i+1] + right[i+2:],
		}
		for kind, w := range wrong {
			if got := Nearest(w, []string{"a-very-different-name", right}); got != right {
				t.Errorf("%s: %q is %q, not %q", kind, w, got, right)
			}
		}
	})
}

func TestSlips(t *testing.T) {
	word := rapid.StringMatching(`[ab]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		n := slips(a, b)
		if n != slips(b, a) {
			t.Errorf("%q to %q takes %d, back %d", a, b, n, slips(b, a))
		}
		if (n == 0) != (a == b) || n < abs(len(a)-len(b)) || n > max(len(a), len(b)) {
			t.Errorf("%q to %q takes %d", a, b, n)
		}
	})
}
