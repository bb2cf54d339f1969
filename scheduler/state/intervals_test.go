package state

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestIntervalsAreASet compares Intervals with a map through random additions and removals, and checks that the
// spans stay sorted, disjoint and not adjacent.
func TestIntervalsAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.IntRange(0, 20).Draw(t, "lo")
		hi := rapid.IntRange(0, 40).Draw(t, "hi")
		set, model := Range(lo, hi), map[int]bool{}
		for i := lo; i < hi; i++ {
			model[i] = true
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				i := rapid.IntRange(0, 40).Draw(t, "i")
				set.Add(i)
				model[i] = true
			},
			"remove": func(t *rapid.T) {
				i := rapid.IntRange(0, 40).Draw(t, "i")
				set.Remove(i)
				delete(model, i)
			},
			"take": func(t *rapid.T) {
				if set.Len() == 0 {
					t.Skip("empty")
				}
				i := set.TakeFirst()
				for k := range model {
					if k < i {
						t.Fatalf("took %d before %d", i, k)
					}
				}
				delete(model, i)
			},
			"": func(t *rapid.T) {
				got := map[int]bool{}
				last := -2
				set.Each(func(lo, hi int) {
					if lo <= last || lo >= hi {
						t.Fatalf("spans out of order: %v", set.spans)
					}
					last = hi
					for i := lo; i < hi; i++ {
						got[i] = true
					}
				})
				if diff := cmp.Diff(model, got); diff != "" || set.Len() != len(model) {
					t.Fatalf("length %d, want %d; %s", set.Len(), len(model), diff)
				}
				for i := 0; i <= 40; i++ {
					if set.Contains(i) != model[i] {
						t.Fatalf("Contains(%d) = %v", i, set.Contains(i))
					}
				}
			},
		})
	})
}
