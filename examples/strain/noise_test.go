package main

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

// white is Gaussian noise of a variance whose samples are independent, the same for the same seed.
func white(seed uint64, count int, variance float64) []float64 {
	random := rand.New(rand.NewPCG(seed, 0))
	samples := make([]float64, count)
	for i := range samples {
		samples[i] = math.Sqrt(variance) * random.NormFloat64()
	}
	return samples
}

// advanced is a spectrum of noise with the shape of a detector's: one-sided, per Hz.
func advanced(f float64) float64 {
	x := max(f, 10) / 100
	return 1e-46 * (math.Pow(x, -6)/20 + 1 + x*x)
}

// coloured is noise of the spectrum `advanced`.
func coloured(seed uint64) []float64 {
	fft := fourier.NewFFT(length)
	spectrum := fft.Coefficients(nil, white(seed, length, 1))
	for k := range spectrum {
		// White noise of variance 1 has the density 2 / rate.
		spectrum[k] *= complex(math.Sqrt(advanced(float64(k)*rate/length)*rate/2)/length, 0)
	}
	return fft.Sequence(nil, spectrum)
}

// injection is the signal of two black holes that is strongest at a time, in samples, with a signal-to-noise ratio in
// noise of the spectrum `advanced`: FINDCHIRP, equation (4.3), 4 times the integral of |signal|² / density.
func injection(chirp, when, snr float64) []float64 {
	spectrum := shift(template(chirp), when)
	var optimal float64
	for k, c := range spectrum {
		f := float64(k) * rate / length
		amplitude := cmplx.Abs(c) / rate // of the transform over time
		optimal += 4 * amplitude * amplitude / advanced(f) * rate / length
	}
	for k := range spectrum {
		spectrum[k] *= complex(snr/math.Sqrt(optimal)/length, 0)
	}
	return fourier.NewFFT(length).Sequence(nil, spectrum)
}

func sum(first, second []float64) []float64 {
	out := make([]float64, len(first))
	for i := range out {
		out[i] = first[i] + second[i]
	}
	return out
}

// whitened is what the steps spectrum and whiten do.
func whitened(samples []float64) (white, filter []float64) {
	var spectra [][]float64
	for n := range segments {
		spectra = append(spectra, periodogram(segment(samples, n)))
	}
	filter = whitener(typical(spectra))
	return whiten(samples, filter), filter
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func rms(values []float64) float64 {
	squares := make([]float64, len(values))
	for i, v := range values {
		squares[i] = v * v
	}
	return math.Sqrt(mean(squares))
}

// near fails a test unless got is want, give or take a fraction of it.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s: %g, want %g give or take %g %%", what, got, want, 100*tolerance)
	}
}
