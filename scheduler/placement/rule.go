package placement

import (
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// rule is one reason to refuse an agent to a shape. The object that decides is the one that explains.
type rule interface {
	// name says which rule it is, for counters and for programs that read explanations.
	name() string
	// admits tells whether the agent passes the rule. Once it is false it stays false until the round is over,
	// except where Round.Release says so.
	admits(a *agentState) bool
	// why says what is the matter with n agents that the rule refused, after their number: "have fewer free".
	why(n int) string
}

// agentState is an agent in the course of a round. It is kept small, because looking at a great many of them is what a
// round spends its time on; the rest is in Round.agents.
type agentState struct {
	free  vector
	index int32 // in the list given to NewRound
	place int32 // in the packing order
	// reserved tells that the agent is kept free for a task that waited long.
	reserved bool
	// cloud and cordoned are what Agent.VM and Agent.Cordoned say.
	cloud, cordoned bool
}

// state is an agent with something free, of which the round knows the index and the place.
func (a *Agent) state(free vector, index int, place int32) agentState {
	return agentState{free: free, index: int32(index), place: place, cloud: a.VM != "", cordoned: a.Cordoned}
}

// whereRule refuses agents whose attribute does not satisfy a constraint of the spec.
type whereRule struct {
	constraint spec.Constraint
	round      *Round
	column     *column
	// verdicts holds what the constraint says by value of the column, so that a pattern is matched once per value
	// and not once per agent.
	verdicts []verdict
}

type verdict uint8

const (
	notAsked verdict = iota
	holds
	fails
)

func (w *whereRule) name() string { return "where " + w.constraint.String() }

func (w *whereRule) admits(a *agentState) bool {
	value := w.round.value(w.column, a.place)
	for int(value) >= len(w.verdicts) {
		w.verdicts = append(w.verdicts, notAsked)
	}
	if w.verdicts[value] == notAsked {
		w.verdicts[value] = fails
		if text, present := w.column.text(value); w.constraint.Holds(text, present) {
			w.verdicts[value] = holds
		}
	}
	return w.verdicts[value] == holds
}

func (w *whereRule) why(n int) string {
	c := &w.constraint
	switch c.Op {
	case spec.Matches:
		return choose(n, "has", "have") + " no " + c.Attribute + " that matches " + c.Value
	case spec.NotMatches:
		return choose(n, "has", "have") + " a " + c.Attribute + " that matches " + c.Value
	}
	return choose(n, "lacks ", "lack ") + c.String()
}

// maintenanceRule refuses agents that will be taken away before the task has ended.
type maintenanceRule struct {
	until  time.Time
	agents []Agent
}

func (m maintenanceRule) name() string { return "maintenance" }

func (m maintenanceRule) admits(a *agentState) bool {
	from := m.agents[a.index].UnavailableFrom
	return from.IsZero() || !m.until.IsZero() && !from.Before(m.until)
}

func (m maintenanceRule) why(n int) string {
	return choose(n, "goes", "go") + " into maintenance too soon"
}

// avoidRule refuses agents that failed the task.
type avoidRule struct {
	ids    []string
	agents []Agent
}

func (r avoidRule) name() string { return "avoid" }

func (r avoidRule) admits(a *agentState) bool {
	return !slices.Contains(r.ids, r.agents[a.index].ID)
}

func (r avoidRule) why(int) string { return "failed it before" }

// resourceRule refuses agents that have less free of one resource than a task needs.
type resourceRule struct {
	kind kind
	need int64
}

func (r resourceRule) name() string {
	return [...]string{"cpus", "mem", "disk", "gpus", "ports"}[r.kind]
}

func (r resourceRule) admits(a *agentState) bool { return a.free[r.kind] >= r.need }

func (r resourceRule) why(n int) string {
	if r.kind == mem || r.kind == disk {
		return choose(n, "has", "have") + " less free"
	}
	return choose(n, "has", "have") + " fewer free"
}

// whyNever says of n agents, the largest of which has no more than most, that they will never do; all says it of all agents
// that there are.
func (r resourceRule) whyNever(n int, most int64) (why, all string) {
	if most <= 0 {
		return choose(n, "has none", "have none"), "no agent has any"
	}
	many := "many"
	if r.kind == mem || r.kind == disk {
		many = "much"
	}
	largest := amount(r.kind, most)
	if n == 1 {
		return "has no more than " + quantity(r.kind, most) + " in all", "the only agent has " + largest
	}
	return "have no more than " + quantity(r.kind, most) + " in all", "no agent has that " + many + ", the largest has " + largest
}

// reservedRule refuses agents that are kept free for another task.
type reservedRule struct{}

func (reservedRule) name() string { return RuleReserved }

func (reservedRule) admits(a *agentState) bool { return !a.reserved }

func (reservedRule) why(n int) string {
	return choose(n, "is kept free for a task", "are kept free for tasks") + " that waited longer"
}
