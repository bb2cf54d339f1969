package main

import (
	"math"
	"testing"
)

// quiet is a signal-to-noise ratio of 1 throughout, but for a peak of a height at a sample.
func quiet(sample int, height float64) []float64 {
	values := make([]float64, length)
	for i := range values {
		values[i] = 1
	}
	values[sample] = height
	return values
}

func TestAPairIsNoFurtherApartThanLightTakes(t *testing.T) {
	const at = 30_000
	for apart, paired := range map[int]bool{0: true, 15: true, -15: true, 20: true, -20: true, 21: false, -21: false, 500: false} {
		p := coincidence(quiet(at, 19), quiet(at+apart, 14), 0, nothing)
		want := [2]float64{19, 14}
		if !paired {
			want = [2]float64{19, 1} // the louder with what noise there is
		}
		if p.snr != want || p.at[0] != at {
			t.Errorf("%d samples apart: %v at %v, want %v", apart, p.snr, p.at, want)
		}
		if paired && p.at[1] != float64(at+apart) {
			t.Errorf("%d samples apart: found at %v", apart, p.at)
		}
		if d := math.Abs(p.at[0] - p.at[1]); d > lightTime {
			t.Errorf("%d samples apart: a pair %g samples apart", apart, d)
		}
	}
}

func TestTheLoudestPairNeedsNotHaveTheLoudestOfOneDetector(t *testing.T) {
	first, second := quiet(20_000, 12), quiet(20_005, 12)
	first[40_000] = 14 // alone: hypot(14, 1) < hypot(12, 12)
	p := coincidence(first, second, 0, nothing)
	near(t, "combined", p.combined(), math.Hypot(12, 12), 1e-12)
}

func TestMarginsAreNotSearched(t *testing.T) {
	for _, at := range []int{margin - 1, length - margin} {
		if p := coincidence(quiet(at, 100), quiet(at, 100), 0, nothing); p.combined() > 2 {
			t.Errorf("sample %d: %v", at, p)
		}
	}
	if p := coincidence(quiet(margin, 100), quiet(margin, 100), 0, nothing); p.at != [2]float64{margin, margin} {
		t.Errorf("the first sample that is searched: %v", p)
	}
}

// With one detector's data slid what was at once is apart, and what was apart by the slide is at once.
func TestASlideMovesTheSecondDetector(t *testing.T) {
	const ring = length - 2*margin
	for n, at := range map[int]int{0: 0, 7: 30_000, 12: ring - 1, 23: 10_000} {
		later := slide(n, 24)
		together := coincidence(quiet(margin+at, 19), quiet(margin+(at-later+ring)%ring, 14), later, nothing)
		if together.snr != [2]float64{19, 14} || together.at[0] != together.at[1] {
			t.Errorf("%d samples apart: %v", later, together)
		}
		if apart := coincidence(quiet(margin+at, 19), quiet(margin+at, 14), later, nothing); apart.snr[1] != 1 {
			t.Errorf("at once: %v", apart)
		}
	}
}

func TestSlidesAreApartFromEachOtherAndFromNone(t *testing.T) {
	for _, of := range []int{1, 24, most} {
		for n := range of {
			before := 0
			if n > 0 {
				before = slide(n-1, of)
			}
			if d := slide(n, of) - before; float64(d) < 10*lightTime {
				t.Errorf("slide %d of %d is %d samples from the one before", n, of, d)
			}
		}
		if d := length - 2*margin - slide(of-1, of); float64(d) < 10*lightTime {
			t.Errorf("the last of %d is %d samples from none", of, d)
		}
	}
}

func TestWhatIsAroundTheEventIsSkipped(t *testing.T) {
	const event = 30_000.4
	skip := around(event)
	for apart, want := range map[int]bool{0: true, 4000: true, -4000: true, 4096: true, 4097: false, -4096: false} {
		if got := skip(30_000 + apart); got != want {
			t.Errorf("%d samples from the event: skipped %v", apart, got)
		}
	}
	// A slide cannot pair it with anything.
	if p := coincidence(quiet(30_000, 19), quiet(30_000, 14), slide(0, 24), skip); p.combined() > 2 {
		t.Errorf("slid: %v", p)
	}
}

func TestAPeakIsTimedBetweenSamples(t *testing.T) {
	first, second := quiet(30_000, 10), quiet(30_010, 10)
	first[30_001], second[30_009] = 10, 8.2
	p := coincidence(first, second, 0, nothing)
	near(t, "first", p.at[0], 30_000.5, 1e-12)
	near(t, "second", p.at[1], 30_010-0.5*(8.2-1)/(20-8.2-1), 1e-12)
}
