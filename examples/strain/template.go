package main

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

const (
	// solarMass is G × the mass of the Sun / c³, in seconds: 4.925 µs.
	solarMass = 4.925490947e-6
	// lightest and heaviest bound the bank of templates: chirp masses of pairs of black holes, in solar masses.
	lightest, heaviest = 10, 70
)

// chirpMass is the n-th of `of` chirp masses in the bank, in solar masses, as seen by the detectors: the expansion of
// the universe makes a source seem heavier by 1 + its redshift. Each is heavier than the one before by the same
// factor.
func chirpMass(n, of int) float64 {
	if of == 1 {
		return math.Sqrt(lightest * heaviest)
	}
	return lightest * math.Pow(float64(heaviest)/lightest, float64(n)/float64(of-1))
}

// poly is a polynomial in the symmetric mass ratio: a η² + b η + c.
type poly struct{ a, b, c float64 }

func (p poly) at(eta float64) float64 { return (p.a*eta+p.b)*eta + p.c }

// What follows is the waveform family IMRPhenomA: inspiral, merger and ringdown of two black holes that do not spin, put
// together from post-Newtonian theory and simulations. Its equations are (4.13), (4.16) and (4.18) of Ajith et al., Phys. Rev.
// D 77, 104017 (2008), arXiv:0710.2335. Its coefficients are those of Ajith, Class. Quantum Grav. 25, 114033 (2008),
// arXiv:0712.0343, table I, from longer simulations than those of the first paper.
var (
	mergerFrequency   = poly{6.6389e-1, -1.0321e-1, 1.0979e-1} // × 1/(π M), as those that follow
	ringdownFrequency = poly{1.3278, -2.0642e-1, 2.1957e-1}
	ringdownWidth     = poly{1.1383, -1.7700e-1, 4.6834e-2}
	cutoffFrequency   = poly{1.7086, -2.6592e-1, 2.8236e-1}

	// phaseTerms are the coefficients of (π M f)^((k-5)/3).
	phaseTerms = map[int]poly{
		0: {-1.5829e-1, 8.7016e-2, -3.3382e-2},
		2: {3.2967e1, -1.9000e1, 2.1345},
		3: {-3.0849e2, 1.8211e2, -2.1727e1},
		4: {1.1525e3, -7.1477e2, 9.9692e1},
		6: {1.2057e3, -8.4233e2, 1.8046e2},
	}
)

// holes are two black holes of equal mass. What the chirp mass leaves open, the ratio of the masses, changes a signal
// this short little.
type holes struct {
	mass     float64 // total, in seconds
	eta      float64 // symmetric mass ratio
	merger   float64 // Hz: where inspiral ends and merger begins
	ringdown float64 // Hz
	width    float64 // Hz
	cutoff   float64 // Hz
}

func newHoles(chirp float64) holes {
	const eta = 0.25
	mass := chirp * math.Pow(eta, -0.6) * solarMass
	hz := func(p poly) float64 { return p.at(eta) / (math.Pi * mass) }
	return holes{mass, eta, hz(mergerFrequency), hz(ringdownFrequency), hz(ringdownWidth), hz(cutoffFrequency)}
}

// amplitude is the strength at a frequency, up to a factor that depends on distance and direction.
func (b holes) amplitude(f float64) float64 {
	switch x := f / b.merger; {
	case f > b.cutoff:
		return 0
	case f < b.merger:
		return math.Pow(x, -7./6)
	case f < b.ringdown:
		return math.Pow(x, -2./3)
	default:
		lorentzian := b.width / (2 * math.Pi) / ((f-b.ringdown)*(f-b.ringdown) + b.width*b.width/4)
		return math.Pi * b.width / 2 * math.Pow(b.ringdown/b.merger, -2./3) * lorentzian
	}
}

// phase is in radians, for Fourier transforms with exp(-2πift): low frequencies come first.
func (b holes) phase(f float64) float64 {
	v := math.Pi * b.mass * f
	var sum float64
	for k := range 8 {
		if term, ok := phaseTerms[k]; ok {
			sum += term.at(b.eta) * math.Pow(v, float64(k-5)/3)
		}
	}
	return sum / b.eta
}

// template is the spectrum of the signal of two black holes, of `length` samples. The signal is strongest at sample 0, and its
// scale has no meaning.
func template(chirp float64) []complex128 {
	b := newHoles(chirp)
	spectrum := make([]complex128, length/2+1)
	for k := range spectrum {
		if f := float64(k) * rate / length; f >= lowest && f < rate/2 {
			spectrum[k] = cmplx.Rect(b.amplitude(f), b.phase(f))
		}
	}
	peak, _ := loudest(magnitudes(analytic(spectrum)), 0, length)
	return shift(spectrum, -peak)
}

// shift moves a signal to later by so many samples.
func shift(spectrum []complex128, samples float64) []complex128 {
	out := make([]complex128, len(spectrum))
	for k, c := range spectrum {
		out[k] = c * cmplx.Rect(1, -2*math.Pi*float64(k)*samples/length)
	}
	return out
}

// analytic is the signal of a spectrum of `length` samples, whose real part is the signal itself and whose magnitude is
// how strong it is, whatever its phase.
func analytic(spectrum []complex128) []complex128 {
	both := make([]complex128, length)
	for k, c := range spectrum[1 : length/2] {
		both[k+1] = 2 * c / length
	}
	return fourier.NewCmplxFFT(length).Sequence(nil, both)
}

func magnitudes(values []complex128) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = cmplx.Abs(v)
	}
	return out
}
