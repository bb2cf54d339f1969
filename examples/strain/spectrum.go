package main

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/dsp/window"
)

const (
	// stretch is the length of a segment whose spectrum is taken, in samples: 4 s, which tells frequencies apart that
	// differ by 0.25 Hz.
	stretch = 4 * rate
	// segments is how many of them there are, each overlapping half of the one before.
	segments = 2*length/stretch - 1
)

// periodogram is the power spectral density of a stretch of samples through a Hann window, one-sided and per Hz: its
// sum over all frequencies times their distance is the mean square of the samples. Its values belong to the
// frequencies 0, 1/T, 2/T … up to half of the rate, T being the length of the stretch.
func periodogram(samples []float64) []float64 {
	weights := window.Hann(slices.Repeat([]float64{1}, len(samples)))
	var power float64
	weighted := make([]float64, len(samples))
	for i, w := range weights {
		power += w * w
		weighted[i] = w * samples[i]
	}
	spectrum := fourier.NewFFT(len(samples)).Coefficients(nil, weighted)
	density := make([]float64, len(spectrum))
	for k, c := range spectrum {
		density[k] = 2 * (real(c)*real(c) + imag(c)*imag(c)) / (rate * power)
	}
	density[0] /= 2 // neither this nor the last has a twin at a negative frequency
	if len(samples)%2 == 0 {
		density[len(density)-1] /= 2
	}
	return density
}

// segment is the n-th of a detector's segments.
func segment(samples []float64, n int) []float64 {
	begin := n * stretch / 2
	return samples[begin : begin+stretch]
}

// quietest is the frequency, in Hz, at which a segment's spectrum is lowest, of those that are looked at.
func quietest(density []float64) float64 {
	begin, end := lowest*stretch/rate, int(math.Ceil(highest*stretch/rate))
	low := begin
	for k := begin; k < end; k++ {
		if density[k] < density[low] {
			low = k
		}
	}
	return float64(low) * rate / stretch
}

// typical is the median of the segments' spectra, frequency by frequency, made an estimate of their mean: a signal or
// a disturbance in few of the segments does not change it much. The median of n periodograms of noise is too small by
// a factor that is known if n is odd: Allen et al., FINDCHIRP, Phys. Rev. D 85, 122006 (2012), appendix B.
func typical(spectra [][]float64) []float64 {
	n := len(spectra)
	var bias float64
	for i := range n {
		bias += math.Pow(-1, float64(i)) / float64(i+1)
	}
	out := make([]float64, len(spectra[0]))
	column := make([]float64, n)
	for k := range out {
		for i, s := range spectra {
			column[i] = s[k]
		}
		slices.Sort(column)
		out[k] = column[n/2] / bias
	}
	return out
}
