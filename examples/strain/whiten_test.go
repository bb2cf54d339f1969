package main

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

// share is how much of the power of white noise is in the frequencies that are looked at.
const share = (highest - lowest) / (rate / 2.)

func TestWhiteningMakesNoiseOfVarianceOne(t *testing.T) {
	for name, samples := range map[string][]float64{"white": white(3, length, 1e-40), "coloured": coloured(4)} {
		got, _ := whitened(samples)
		// Spectra are known to within a few per cent, from 15 segments.
		near(t, name+" noise's variance", math.Pow(rms(got[margin:length-margin]), 2), share, 0.08)
		var spectra [][]float64
		for n := 1; n < segments-1; n++ { // without the ends, which are not to be used
			spectra = append(spectra, periodogram(segment(got, n)))
		}
		density := typical(spectra)
		for f := 30; f < 900; f += 30 {
			near(t, name+" noise's density", mean(density[4*f:4*(f+30)]), 2./rate, 0.2)
		}
	}
}

// What is next to the ends must not reach what is used: so whitening forgets within its memory.
func TestWhiteningForgets(t *testing.T) {
	_, filter := whitened(coloured(5))
	kick := make([]float64, length)
	kick[length/2] = 1
	spectrum := fourier.NewFFT(length).Coefficients(nil, kick)
	for k := range spectrum {
		spectrum[k] *= complex(filter[k]/length, 0)
	}
	response := fourier.NewFFT(length).Sequence(nil, spectrum)
	top := response[length/2]
	for i, v := range response {
		if d := max(i-length/2, length/2-i); d > memory && math.Abs(v) > 1e-6*top {
			t.Fatalf("%d samples from a kick there is %g of it left", d, v/top)
		}
	}
}

func TestTaperLetsTheEndsMeet(t *testing.T) {
	out := taper(white(6, length, 1))
	if out[0] != 0 || out[length-1] != 0 {
		t.Errorf("begins at %g and ends at %g", out[0], out[length-1])
	}
	samples := white(6, length, 1)
	for i := rate / 2; i < length-rate/2; i++ {
		if out[i] != samples[i] {
			t.Fatalf("sample %d, further than half a second from the ends, became %g from %g", i, out[i], samples[i])
		}
	}
}

func TestAtIsBetweenItsNeighbours(t *testing.T) {
	density := make([]float64, stretch/2+1)
	for k := range density {
		density[k] = 10 * float64(k)
	}
	for _, f := range []float64{0, 0.25, 20.1, rate / 2} {
		near(t, "density", at(density, f), 40*f, 1e-12)
	}
}

func TestBandLetsPassWhatIsShown(t *testing.T) {
	spectrum := make([]complex128, length/2+1)
	for k := range spectrum {
		spectrum[k] = 1
	}
	band(spectrum, 35, 350)
	for f, want := range map[int]float64{0: 0, 10: 0, 35: math.Sqrt(0.5), 100: 1, 350: math.Sqrt(0.5), 1000: 0} {
		if got := real(spectrum[f*length/rate]); math.Abs(got-want) > 1e-3 {
			t.Errorf("%d Hz: gain %g, want %g", f, got, want)
		}
	}
}
