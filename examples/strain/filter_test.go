package main

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
	"pgregory.net/rapid"
)

func TestInNoiseAloneTheSquareOfTheRatioIsTwo(t *testing.T) {
	noise, filter := whitened(coloured(7))
	for _, chirp := range []float64{10, 30, 70} {
		m := search(noise, filter, chirp)
		near(t, "mean square", math.Pow(rms(m.snr[margin:length-margin]), 2), 2, 0.15)
	}
}

// A signal of known mass, time and loudness is put into noise, and the templates of the bank around it look for it. Noise adds 1, up or down,
// to any ratio. A mass between two templates fits one a little earlier or later, and less well.
func TestAnInjectedSignalIsRecovered(t *testing.T) {
	const templates = 40
	for name, c := range map[string]struct {
		chirp, when, snr float64
		late, lost       float64 // at most, in samples and as a fraction
		begin            int     // of the templates that are tried
	}{
		"light":                 {chirpMass(4, templates), 33_333, 40, 1, 0.06, 0},
		"between two templates": {30.6, 31_000.5, 24, 3, 0.08, 16},
		"heavy":                 {chirpMass(34, templates), 50_000.8, 60, 1, 0.06, 28},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, filter := whitened(sum(coloured(8), injection(c.chirp, c.when, c.snr)))
			var best, when, found float64
			for n := c.begin; n < c.begin+12; n++ {
				m := search(data, filter, chirpMass(n, templates))
				if where, snr := loudest(m.snr, margin, length-margin); snr > best {
					best, when, found = snr, where, chirpMass(n, templates)
				}
			}
			near(t, "chirp mass", found, c.chirp, 0.06) // the next template is 5 % heavier
			if math.Abs(when-c.when) > c.late {
				t.Errorf("at sample %.2f, put at %.2f", when, c.when)
			}
			near(t, "signal-to-noise ratio", best, c.snr, c.lost)
		})
	}
}

// The template as it was fitted, taken out of the data, must leave noise.
func TestTheFittedTemplateIsTheSignal(t *testing.T) {
	const chirp, when = 30, 30_000
	data, filter := whitened(sum(coloured(9), injection(chirp, when, 50)))
	m := search(data, filter, chirp)
	_, before := loudest(m.snr, when-10, when+10)
	fit := fourier.NewFFT(length).Sequence(nil, m.fitted(when))
	for i := range data {
		data[i] -= fit[i] / length
	}
	if after := search(data, filter, chirp).snr[when]; before < 45 || after > 3 {
		t.Errorf("signal-to-noise ratio %.1f, and %.1f once the template is taken out", before, after)
	}
}

func TestLoudestIsBetweenSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := rapid.Float64Range(2, 17).Draw(t, "top")
		height := rapid.Float64Range(1, 100).Draw(t, "height")
		bend := rapid.Float64Range(0.01, 1).Draw(t, "bend")
		values := make([]float64, 20)
		for i := range values {
			values[i] = height - bend*math.Pow(float64(i)-top, 2)
		}
		where, value := loudest(values, 1, 19)
		if math.Abs(where-top) > 1e-6 || math.Abs(value-height) > 1e-6 {
			t.Errorf("at %g with %g, is at %g with %g", where, value, top, height)
		}
	})
}

func TestLoudestGoesNoFurtherThanItMayLook(t *testing.T) {
	for name, c := range map[string]struct {
		values      []float64
		begin, end  int
		where, want float64
	}{
		"still rising at the end":           {[]float64{1, 2, 2.9, 3.7}, 0, 3, 2, 2.9},
		"fallen since before the beginning": {[]float64{3.7, 2.9, 2, 1}, 1, 4, 1, 2.9},
		"level":                             {[]float64{2, 2, 2, 2}, 0, 4, 0, 2},
		"the ends meet":                     {[]float64{5, 4, 0, 4}, 0, 4, 0, 5},
	} {
		if where, value := loudest(c.values, c.begin, c.end); where != c.where || value != c.want {
			t.Errorf("%s: at %g with %g, want at %g with %g", name, where, value, c.where, c.want)
		}
	}
}
