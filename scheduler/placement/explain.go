package placement

import (
	"fmt"
	"strings"
)

// Explanation says why a task of some shape waits, as counts that add up: Agents is Admitting and the Agents of all
// Refusals.
type Explanation struct {
	Agents    int // seen in the round
	Admitting int // would take a task now
	Refusals  []Refusal
}

// Refusal counts the agents for which one rule was the first to refuse them.
type Refusal struct {
	Rule   string // such as "cpus", "where site=cnes", "reserved"
	Need   string // for resources: what is needed, such as "64 cpus"
	Agents int
	Why    string // what is the matter with these agents, in words that follow their number
}

// Explain says which agents refuse a task of the shape as the round is now, asking the rules that Place asks.
func (r *Round) Explain(s *Shape) Explanation {
	c := r.classOf(s)
	e := Explanation{Agents: len(r.states)}
	counts := make([]int, len(c.rules))
	for i := range r.states {
		if refused := refusal(c.rules, &r.states[i]); refused >= 0 {
			counts[refused]++
		} else {
			e.Admitting++
		}
	}
	for i, n := range counts {
		if n == 0 {
			continue
		}
		refusal := Refusal{Rule: c.rules[i].name(), Agents: n, Why: c.rules[i].why(n)}
		if resource, ok := c.rules[i].(resourceRule); ok {
			refusal.Need = amount(resource.kind, resource.need)
		}
		e.Refusals = append(e.Refusals, refusal)
	}
	return e
}

// String is one sentence, resources first: "needs 64 cpus: 12 agents have fewer free, 3 lack site=cnes".
func (e Explanation) String() string {
	if e.Agents == 0 {
		return "there is no agent"
	}
	var s sentence
	for _, r := range e.Refusals {
		if r.Need != "" {
			s.clause("needs "+r.Need+": ", r.Agents, r.Why)
		}
	}
	for _, r := range e.Refusals {
		if r.Need == "" {
			s.clause("", r.Agents, r.Why)
		}
	}
	if e.Admitting > 0 {
		s.clause("", e.Admitting, "would take it")
	}
	return s.String()
}

// sentence joins counts of agents; only the first names what is counted.
type sentence struct{ strings.Builder }

func (s *sentence) clause(head string, n int, why string) {
	noun := ""
	switch {
	case s.Len() == 0:
		noun = choose(n, " agent", " agents")
	case head != "":
		head = "; " + head
	default:
		head = ", "
	}
	fmt.Fprintf(s, "%s%d%s %s", head, n, noun, why)
}
