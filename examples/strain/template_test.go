package main

import (
	"math"
	"math/cmplx"
	"testing"
)

func TestTheBankReachesFromTheLightestToTheHeaviestByOneFactor(t *testing.T) {
	for _, of := range []int{2, 3, 40, 100} {
		near(t, "lightest", chirpMass(0, of), lightest, 1e-12)
		near(t, "heaviest", chirpMass(of-1, of), heaviest, 1e-12)
		for n := 1; n < of; n++ {
			near(t, "factor", chirpMass(n, of)/chirpMass(n-1, of), math.Pow(7, 1/float64(of-1)), 1e-12)
		}
	}
	near(t, "a bank of one", chirpMass(0, 1), math.Sqrt(700), 1e-12)
}

func TestATemplateIsStrongestAtSampleZero(t *testing.T) {
	for _, chirp := range []float64{lightest, 30, heaviest} {
		where, _ := loudest(magnitudes(analytic(template(chirp))), 0, length)
		if d := math.Min(where, length-where); d > 0.5 {
			t.Errorf("chirp mass %g: strongest at sample %g", chirp, where)
		}
	}
}

// What LALSimulation, LIGO's own library, makes of two black holes of 30 suns each: the amplitude relative to that at 100 Hz,
// and the phase relative to that at 20 Hz. Computed by SimIMRPhenomAGenerateFD of the package lalsuite (lalsimulation 6.2.1),
// every 1/64 Hz; its phases have the other sign.
func TestATemplateIsWhatLIGOsLibraryMakes(t *testing.T) {
	b := newHoles(60 * math.Pow(0.25, 0.6))
	for _, want := range []struct{ f, amplitude, phase float64 }{
		{25, 5.039684199579, 20.054701065},
		{50, 2.244924096619, 50.462606740},
		{100, 1, 65.320134329},
		{150, 0.656436641513, 74.266929365},
		{200, 0.541876508446, 81.741916544},
		{250, 0.466975019004, 88.370929606},
		{300, 0.284229787017, 94.385786859},
	} {
		near(t, "amplitude", b.amplitude(want.f)/b.amplitude(100), want.amplitude, 1e-6)
		near(t, "phase", b.phase(want.f)-b.phase(20), want.phase, 1e-6)
	}
}

// The time that a signal takes from one frequency to another is what defines the chirp mass. The stationary phase says
// when a frequency is reached: the derivative of the phase over 2π. Expected is the post-Newtonian expansion up to the
// tail: Cutler and Flanagan, Phys. Rev. D 49, 2658 (1994), equation (3.3) for its time.
func TestASignalSweepsAsItsChirpMassSays(t *testing.T) {
	for _, chirp := range []float64{10, 20, 30} {
		b := newHoles(chirp)
		reached := func(f float64) float64 { return -(b.phase(f+0.01) - b.phase(f-0.01)) / 0.02 / (2 * math.Pi) }
		expected := func(f float64) float64 {
			x := math.Pow(math.Pi*b.mass*f, 2./3)
			return -5 * b.mass / (256 * b.eta) * math.Pow(x, -4) *
				(1 + (743./252+11./3*b.eta)*x - 32./5*math.Pi*math.Pow(x, 1.5))
		}
		near(t, "seconds from 20 to 30 Hz", reached(30)-reached(20), expected(30)-expected(20), 0.15)
	}
}

// Two black holes of 36 and 29 suns, at a redshift of 0.09, ring at about 250 Hz: Abbott et al., Phys. Rev. Lett. 116,
// 221101 (2016).
func TestTheRemnantOfGW150914RingsAsPublished(t *testing.T) {
	near(t, "ringdown", newHoles(30.6).ringdown, 251, 0.1)
}

func TestTheAmplitudeIsContinuousUntilItsCutoff(t *testing.T) {
	b := newHoles(30)
	for _, f := range []float64{b.merger, b.ringdown} {
		near(t, "amplitude", b.amplitude(f*(1+1e-9)), b.amplitude(f*(1-1e-9)), 1e-6)
	}
	if got := b.amplitude(b.cutoff + 1); got != 0 {
		t.Errorf("beyond its cutoff: %g", got)
	}
}

func TestShiftMovesASignalToLater(t *testing.T) {
	spectrum := make([]complex128, length/2+1)
	for k := range spectrum[:length/4] {
		spectrum[k] = 1
	}
	for _, when := range []float64{0, 1000, length - 3} {
		signal := magnitudes(analytic(shift(spectrum, when)))
		if top := strongest(signal, 0, length); float64(top) != when {
			t.Errorf("moved by %g samples it is at %d", when, top)
		}
	}
}

func TestAnalyticIsTheSignalWhateverItsPhase(t *testing.T) {
	spectrum := make([]complex128, length/2+1)
	spectrum[1000] = cmplx.Rect(length, 0.7) // 2 cos(2π 1000 i / length + 0.7)
	for i, z := range analytic(spectrum) {
		if want := cmplx.Rect(2, 2*math.Pi*1000*float64(i)/length+0.7); cmplx.Abs(z-want) > 1e-9 {
			t.Fatalf("sample %d: %v, want %v", i, z, want)
		}
	}
}
