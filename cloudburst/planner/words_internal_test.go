package planner

import "testing"

// TestFigure: an amount is never rounded to nothing.
func TestFigure(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.001: "0.001", 0.0012345: "0.00123", 0.25: "0.25", 1.239: "1.24", 120: "120", 1234.5: "1234.5"} {
		if got := figure(x); got != want {
			t.Errorf("%v is written %s, not %s", x, got, want)
		}
	}
}
