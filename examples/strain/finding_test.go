package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClocksOfGPSAndUTC(t *testing.T) {
	for gps, want := range map[float64]string{
		1126259462.4: "2015-09-14T09:50:45.4Z", // the event: Abbott et al., Phys. Rev. Lett. 116, 061102 (2016)
		1126259447:   "2015-09-14T09:50:30Z",   // the first sample
		1119744017:   "2015-07-01T00:00:00Z",   // right after the 17th leap second
	} {
		if got := utc(gps).Format(time.RFC3339Nano); got != want {
			t.Errorf("GPS %.1f: %s, want %s", gps, got, want)
		}
	}
}

func TestTimesOfSamples(t *testing.T) {
	near(t, "first", gps(0), 1126259447, 0)
	near(t, "last", gps(length), 1126259447+32, 0)
}

func TestThePublishedChirpMassFollowsFromTheMasses(t *testing.T) {
	near(t, "chirp mass", gw150914().ChirpMass, 30.6, 1e-9)
}

func TestAFindingIsTheLoudestOfAllTemplates(t *testing.T) {
	f := newFinding([]pair{
		{template: 0, at: [2]float64{100, 110}, snr: [2]float64{5, 5}},
		{template: 1, at: [2]float64{2048, 2038}, snr: [2]float64{8, 6}},
		{template: 2, at: [2]float64{300, 310}, snr: [2]float64{9, 1}},
	})
	if f.Template != 1 || f.SNR != 10 || f.GPS != epoch+1 || f.Templates != 3 || len(f.Bank) != 3 {
		t.Errorf("%+v", f)
	}
	near(t, "delay", f.Delay, 10/2048.*1000, 1e-9)
	near(t, "chirp mass", f.ChirpMass, chirpMass(1, 3), 0)
	if diff := cmp.Diff(map[string]float64{"H1": 8, "L1": 6}, f.By); diff != "" {
		t.Error(diff)
	}
}

func TestAFindingIsReadAsItWasWritten(t *testing.T) {
	dir := folder(t.TempDir())
	f := newFinding([]pair{{at: [2]float64{100.25, 110.5}, snr: [2]float64{5, 5}}})
	f.Background, f.Minutes = []float64{4.5, 5.5}, 0.9
	if err := f.write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := readFinding(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, got); diff != "" {
		t.Error(diff)
	}
}
