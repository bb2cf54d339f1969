package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// policies are those that are compared. The machines of the simple ones are of the flavor that serves them best.
var policies = []Policy{Never{}, Always{"xlarge"}, Threshold{"xlarge"}, Planned{}}

// morning is a short day: what arrives before ten, and a small cluster and cloud.
func morning(seed uint64) *Day {
	d := Bursty(seed)
	d.VMs, d.Local = 12, d.Local[:2]
	d.Work = slices.DeleteFunc(d.Work, func(w Work) bool { return w.At < 4*time.Hour || w.At > 10*time.Hour })
	for i := range d.Work {
		d.Work[i].Times = d.Work[i].Times[:min(len(d.Work[i].Times), 120)]
	}
	return d
}

func TestEveryTaskStartsOnce(t *testing.T) {
	d := morning(1)
	tasks := 0
	for _, w := range d.Work {
		tasks += len(w.Times)
	}
	for _, p := range policies {
		r := Play(d, p)
		if r.Tasks != tasks {
			t.Errorf("%s: %d tasks started of %d", p.Name(), r.Tasks, tasks)
		}
		if r.Refused > 0 {
			t.Errorf("%s: asked for %d machines more than there may be", p.Name(), r.Refused)
		}
		if again := Play(d, p); !cmp.Equal(r, again, cmpopts.IgnoreUnexported(Report{})) {
			t.Errorf("%s: the same day plays otherwise:\n%s", p.Name(), cmp.Diff(r, again, cmpopts.IgnoreUnexported(Report{})))
		}
	}
}

// TestNobodyBeatsTheBound asks for the bound of what every policy has reached.
func TestNobodyBeatsTheBound(t *testing.T) {
	for seed := range uint64(3) {
		d := morning(seed)
		for _, p := range policies {
			r := Play(d, p)
			if least := Bound(d, r.WorkWait); r.Cost < least {
				t.Errorf("seed %d: %s costs %.2f at a mean wait of %s; the bound says at least %.2f", seed, p.Name(), r.Cost, r.WorkWait, least)
			}
		}
	}
}

// TestBoundGrowsWithHaste checks that less waiting never costs less, and that it costs something at all.
func TestBoundGrowsWithHaste(t *testing.T) {
	d := morning(2)
	patient, hasty := Bound(d, 20*time.Hour), Bound(d, time.Minute)
	if patient != 0 {
		t.Errorf("with all the time in the world it costs %.2f", patient)
	}
	if hasty <= 0 {
		t.Errorf("to wait a minute costs %.2f", hasty)
	}
}
