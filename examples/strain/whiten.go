package main

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

const (
	// lowest and highest bound the frequencies that are looked at, in Hz: below, the ground shakes the mirrors; above,
	// the samples are too few.
	lowest  = 20
	highest = 0.9 * rate / 2
	// memory is how far whitening looks to either side, in samples: 2 s.
	memory = margin
)

// whitener is the filter that makes noise of a given spectrum white: by what to multiply each frequency of `length`
// samples, so that from lowest to highest all have the same power: that which samples have that are independent of each
// other, with mean 0 and variance 1. The spectrum is one of segments, as `typical` makes it.
//
// It is 1/sqrt(density), smoothed: as a filter in time it reaches no further than memory, so that the ends of the data
// spoil no more than that. See Usman et al., Class. Quantum Grav. 33, 215004 (2016), for the method.
func whitener(density []float64) []float64 {
	fft := fourier.NewFFT(length)
	sharp := make([]complex128, length/2+1)
	for k := range sharp {
		f := float64(k) * rate / length
		if f < lowest || f > highest {
			continue
		}
		// By Parseval's theorem the k-th coefficient of noise has the mean square density × rate × length / 2, which
		// is length for white noise of variance 1.
		sharp[k] = complex(1/math.Sqrt(at(density, f)*rate/2), 0)
	}
	response := fft.Sequence(nil, sharp)
	for i := range response {
		distance := float64(min(i, length-i))
		if distance > memory {
			response[i] = 0
			continue
		}
		response[i] *= (1 + math.Cos(math.Pi*distance/memory)) / 2 / length
	}
	smooth := fft.Coefficients(nil, response)
	filter := make([]float64, len(smooth))
	for k, c := range smooth {
		filter[k] = max(0, real(c)) // it is real, as the response is even
	}
	return filter
}

// at is a segment's spectrum at a frequency in Hz, between two of its own.
func at(density []float64, f float64) float64 {
	x := f * stretch / rate
	k := min(int(x), len(density)-2)
	t := x - float64(k)
	return (1-t)*density[k] + t*density[k+1]
}

// whiten applies the filter to samples. The first and last `margin` of them are not to be used.
func whiten(samples, filter []float64) []float64 {
	fft := fourier.NewFFT(length)
	spectrum := fft.Coefficients(nil, taper(samples))
	for k := range spectrum {
		spectrum[k] *= complex(filter[k]/length, 0)
	}
	return fft.Sequence(nil, spectrum)
}

// taper lets samples begin and end at 0, within half a second, as a Fourier transform takes the end to be followed by the
// beginning.
func taper(samples []float64) []float64 {
	const ramp = rate / 2
	out := append([]float64(nil), samples...)
	for i := range ramp {
		w := (1 - math.Cos(math.Pi*float64(i)/ramp)) / 2
		out[i] *= w
		out[len(out)-1-i] *= w
	}
	return out
}

// band keeps the frequencies from low to high, in Hz, of the spectrum of `length` samples, with soft edges.
func band(spectrum []complex128, low, high float64) {
	const order = 8
	for k := range spectrum {
		f := float64(k) * rate / length
		gain := 1 / math.Sqrt((1+math.Pow(low/max(f, 1e-9), 2*order))*(1+math.Pow(f/high, 2*order)))
		spectrum[k] *= complex(gain, 0)
	}
}
