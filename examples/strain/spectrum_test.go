package main

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/dsp/window"
)

// Parseval's theorem: the power of the samples through the window is the sum of the density over all frequencies.
func TestPeriodogramKeepsThePower(t *testing.T) {
	for _, count := range []int{1000, 1001} { // with and without a frequency at half of the rate
		samples := white(1, count, 9)
		samples[0] += 50
		var density float64
		for _, d := range periodogram(samples) {
			density += d * rate / float64(count)
		}
		ones := make([]float64, count)
		for i := range ones {
			ones[i] = 1
		}
		var power, weight float64
		for i, w := range window.Hann(ones) {
			power += w * w * samples[i] * samples[i]
			weight += w * w
		}
		near(t, "power", density, power/weight, 1e-12)
	}
}

func TestWhiteNoiseIsEquallyLoudAtAllFrequencies(t *testing.T) {
	const variance = 3.0
	density := periodogram(white(2, stretch, variance))
	const bands = 8
	size := len(density) / bands
	for b := range bands {
		// A mean of 512 values, neighbours being correlated by the window, deviates by about 6 %.
		near(t, "density of white noise", mean(density[b*size:(b+1)*size]), 2*variance/rate, 0.2)
	}
	near(t, "density over all", mean(density), 2*variance/rate, 0.05)
}

func TestAToneIsFoundAtItsFrequency(t *testing.T) {
	samples := make([]float64, stretch)
	for i := range samples {
		samples[i] = 5 * math.Cos(2*math.Pi*123.25*float64(i)/rate)
	}
	density := periodogram(samples)
	k := strongest(density, 0, len(density))
	near(t, "frequency", float64(k)*rate/stretch, 123.25, 0)
	near(t, "power", (density[k-1]+density[k]+density[k+1])*rate/stretch, 25./2, 0.01)
}

func TestQuietestLooksWhereTheSearchDoes(t *testing.T) {
	density := make([]float64, stretch/2+1)
	for k := range density {
		density[k] = 5
	}
	density[4*lowest-1], density[4*300], density[4*922] = 1, 2, 1
	near(t, "quietest frequency", quietest(density), 300, 0)
}

func TestSegmentsOverlapByHalfAndReachTheEnd(t *testing.T) {
	samples := make([]float64, length)
	for i := range samples {
		samples[i] = float64(i)
	}
	for n := range segments {
		if s := segment(samples, n); len(s) != stretch || s[0] != float64(n*stretch/2) {
			t.Errorf("segment %d begins at %v and has %d samples", n, s[0], len(s))
		}
	}
	if last := segment(samples, segments-1); last[stretch-1] != length-1 {
		t.Errorf("the last ends at %v", last[stretch-1])
	}
}

// The median of an odd number n of independent periodograms of noise is on average (1 - 1/2 + 1/3 … + 1/n) times their
// mean; `typical` undoes that.
func TestTypicalIsTheMeanOfNoiseWhateverTheNumberOfSegments(t *testing.T) {
	const variance = 4.0
	for _, n := range []int{1, 3, 15} {
		var spectra [][]float64
		for s := range n {
			spectra = append(spectra, periodogram(white(uint64(100*n+s), stretch, variance)))
		}
		near(t, "density", mean(typical(spectra)), 2*variance/rate, 0.05)
	}
}

func TestTypicalIgnoresALoudSegment(t *testing.T) {
	spectra := make([][]float64, segments)
	for n := range spectra {
		spectra[n] = periodogram(white(uint64(n), stretch, 1))
	}
	before := mean(typical(spectra))
	for k := range spectra[7] {
		spectra[7][k] *= 1e6
	}
	near(t, "density with a disturbance", mean(typical(spectra)), before, 0.15)
}
