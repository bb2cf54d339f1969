package spec

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// bind parses and binds a spec that must be right.
func bind(t testing.TB, text string, params map[string]string) *Pipeline {
	t.Helper()
	s, err := Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatalf("Parse:\n%v", err)
	}
	p, err := s.Bind(params)
	if err != nil {
		t.Fatalf("Bind:\n%v", err)
	}
	return p
}

var onlyExported = cmp.Options{cmpopts.IgnoreUnexported(Step{}, Constraint{}), cmpopts.EquateEmpty()}

func TestLeastSpecGetsTheDefaults(t *testing.T) {
	got := bind(t, "name: least\nsteps:\n  only: {image: busybox, run: echo hi}\n", nil)
	want := &Pipeline{
		Name:     "least",
		Project:  "default",
		Priority: 50,
		Burst:    Burst{Allow: true},
		Steps: []Step{{
			Name:      "only",
			When:      OnSuccess,
			Image:     "busybox",
			Resources: Resources{CPUs: 1000, Mem: 1024},
			Tasks:     1,
			Retries:   Retries{Backoff: 10 * time.Second, MaxBackoff: 5 * time.Minute},
			Network:   HostNetwork,
		}},
	}
	if diff := cmp.Diff(want, got, onlyExported); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Command{Shell: "echo hi"}, got.Steps[0].Task(0), onlyExported); diff != "" {
		t.Error(diff)
	}
}
