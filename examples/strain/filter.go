package main

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

// match is how well a template fits whitened data at each time.
type match struct {
	// snr is the signal-to-noise ratio, by the time at which the template is strongest. In noise alone its square is
	// 2 on average.
	snr []float64
	// scale is by what to multiply the template to fit the data best, at each time.
	scale []complex128
	// signal is the whitened template's spectrum.
	signal []complex128
}

// search slides a template over whitened data. This is the matched filter, of which Allen et al., FINDCHIRP, Phys.
// Rev. D 85, 122006 (2012), make the signal-to-noise ratio whatever the signal's phase: the sum over the samples of data ×
// template, both whitened, over the norm of the template.
func search(white, filter []float64, chirp float64) match {
	signal := template(chirp)
	var power float64
	for k := range signal {
		signal[k] *= complex(filter[k], 0)
		if k > 0 && k < length/2 {
			power += 2 * real(signal[k]*cmplx.Conj(signal[k])) / length
		}
	}
	spectrum := fourier.NewFFT(length).Coefficients(nil, white)
	for k := range spectrum {
		spectrum[k] *= cmplx.Conj(signal[k])
	}
	overlap := analytic(spectrum)
	m := match{snr: make([]float64, length), scale: overlap, signal: signal}
	for i, z := range overlap {
		m.snr[i] = cmplx.Abs(z) / math.Sqrt(power)
		m.scale[i] = z / complex(power, 0)
	}
	return m
}

// fitted is the whitened template as it fits the data best at a time, in samples.
func (m match) fitted(when float64) []complex128 {
	out := shift(m.signal, when)
	scale := m.scale[int(math.Round(when))]
	for k := range out {
		out[k] *= scale
	}
	return out
}

// loudest finds the greatest of the values from begin to before end. If it is a peak, where it is lies between samples:
// where the parabola through the greatest and its neighbours is greatest. There are neighbours beyond the ends, as in a
// ring; if one of them is greater, the values rise beyond the end, and what they rise to is not looked at.
func loudest(values []float64, begin, end int) (where, value float64) {
	top := strongest(values, begin, end)
	n := len(values)
	left, middle, right := values[(top+n-1)%n], values[top], values[(top+1)%n]
	bend := left - 2*middle + right
	if left > middle || right > middle || bend == 0 {
		return float64(top), middle
	}
	offset := (left - right) / (2 * bend)
	return float64(top) + offset, middle - (left-right)*offset/4
}
