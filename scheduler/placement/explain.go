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
	// Never says that no agent would take a task even if nothing ran there and it were kept for nobody. Then the
	// Refusals are the reasons of that: no waiting helps.
	Never    bool
	Refusals []Refusal
}

// Refusal counts the agents for which one rule was the first to refuse them.
type Refusal struct {
	Rule   string // such as "cpus", "where site=cnes", "reserved"
	Need   string // for resources: what is needed, such as "64 cpus"
	Agents int
	Why    string // what is the matter with these agents, in words that follow their number
	// All says the same of all agents, without a number; empty if that is Why with their number.
	All string
}

// Rules of Refusals that programs may want to know.
const (
	RuleReserved = "reserved" // agents that are kept free for other tasks, and refuse for no other reason
	RuleBurst    = "burst"    // cloud agents that may not take the task, or not yet
	RuleCordon   = "cordon"   // agents that are to take nothing new
)

// Explain says which agents refuse a task of the shape as the round is now, asking the rules that Place asks. Equal
// shapes are explained once. The explanation is to be read only.
func (r *Round) Explain(s *Shape) Explanation {
	c := r.classOf(s)
	if at := [2]int{r.changes, r.reserves}; c.explained == nil || c.explainedAt != at {
		e := r.explain(c)
		c.explained, c.explainedAt = &e, at
	}
	return *c.explained
}

func (r *Round) explain(c *class) Explanation {
	now := tallyOf(c.rules, r.states)
	if now.admitting == 0 && len(r.states) > 0 {
		if !anyAdmitted(c.lasting, r.vacant()) {
			never := tallyOf(c.lasting, r.vacant())
			never.measure(r.vacant())
			return never.explanation(true)
		}
	}
	return now.explanation(false)
}

// tally counts the agents by the first of some rules that refuses them.
type tally struct {
	rules             []rule
	agents, admitting int
	refused           []int    // by rule
	most              []vector // by rule, the most that one of the agents that it refused has of each resource; see measure
}

func tallyOf(rules []rule, states []agentState) tally {
	t := tally{rules: rules, agents: len(states), refused: make([]int, len(rules))}
	for i := range states {
		rule := refusal(rules, &states[i])
		if rule < 0 {
			t.admitting++
			continue
		}
		t.refused[rule]++
	}
	return t
}

// measure finds the largest of the agents that were refused.
func (t *tally) measure(states []agentState) {
	t.most = make([]vector, len(t.rules))
	for i := range states {
		if rule := refusal(t.rules, &states[i]); rule >= 0 {
			for k, free := range states[i].free {
				t.most[rule][k] = max(t.most[rule][k], free)
			}
		}
	}
}

func (t tally) explanation(never bool) Explanation {
	e := Explanation{Agents: t.agents, Admitting: t.admitting, Never: never}
	for i, n := range t.refused {
		if n == 0 {
			continue
		}
		refusal := Refusal{Rule: t.rules[i].name(), Agents: n, Why: t.rules[i].why(n)}
		if resource, ok := t.rules[i].(resourceRule); ok {
			refusal.Need = amount(resource.kind, resource.need)
			if never {
				refusal.Why, refusal.All = resource.whyNever(n, t.most[i][resource.kind])
			}
		}
		e.Refusals = append(e.Refusals, refusal)
	}
	return e
}

// vacant gives the agents as they would be if nothing ran there, of other frameworks either, in packing order.
func (r *Round) vacant() []agentState {
	if r.vacants == nil {
		r.vacants = make([]agentState, len(r.states))
		for index := range r.agents {
			a, place := &r.agents[index], r.place[index]
			r.vacants[place] = a.state(a.capacity(), index, place)
		}
	}
	return r.vacants
}

// String is one sentence, resources first: "needs 64 cpus: 12 agents have fewer free, 3 lack site=cnes".
func (e Explanation) String() string {
	if e.Agents == 0 {
		return "there is no agent"
	}
	var s sentence
	for _, r := range e.Refusals {
		switch {
		case r.Need == "":
		case r.Agents == e.Agents && r.All != "":
			return "needs " + r.Need + ": " + r.All
		default:
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
