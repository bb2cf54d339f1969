package placement

import (
	"fmt"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// agents makes n equal agents.
func agents(n int, free spec.Resources, attributes map[string]string) []Agent {
	list := make([]Agent, n)
	for i := range list {
		list[i] = Agent{ID: fmt.Sprintf("%v-%v-S%d", free, attributes, i), Attributes: attributes, Free: free}
	}
	return list
}

func TestExplainSentence(t *testing.T) {
	cnes := map[string]string{"site": "cnes"}
	all := append(agents(12, spec.Resources{CPUs: 32000, Mem: 1 << 17}, cnes), agents(3, spec.Resources{CPUs: 96000, Mem: 1 << 18}, nil)...)
	r := NewRound(all, 1)
	s := &Shape{
		Need:  spec.Resources{CPUs: 64000, Mem: 1024},
		Where: []spec.Constraint{{Attribute: "site", Op: spec.Equals, Value: "cnes"}},
	}
	if got := r.Place(s, 3); got != nil {
		t.Errorf("placed %v", got)
	}
	const want = "needs 64 cpus: 12 agents have fewer free, 3 lack site=cnes"
	if got := r.Explain(s).String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
