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

// agentState is an agent as it is in the course of a round.
type agentState struct {
	agent *Agent
	index int   // in the list given to NewRound
	place int32 // in the packing order
	free  vector
	used  vector
	// reserved tells that the agent is kept free for a task that waited long.
	reserved bool
}

// emptied is the agent as it would be if none of the scheduler's own tasks ran there and it were kept for nobody.
func (a *agentState) emptied() agentState {
	e := *a
	e.free, e.used, e.reserved = a.free.add(&a.used, 1), vector{}, false
	return e
}

// whereRule refuses agents whose attribute does not satisfy a constraint of the spec.
type whereRule struct {
	constraint spec.Constraint
	column     *column
	// verdicts holds what the constraint says by value of the column, so that a pattern is matched once per value
	// and not once per agent: 0 not asked yet, 1 holds, 2 does not.
	verdicts []uint8
}

func (w *whereRule) name() string { return "where " + w.constraint.String() }

func (w *whereRule) admits(a *agentState) bool {
	value := w.column.of[a.place]
	if w.verdicts[value] == 0 {
		w.verdicts[value] = 2
		if text, present := w.column.value(value); w.constraint.Holds(text, present) {
			w.verdicts[value] = 1
		}
	}
	return w.verdicts[value] == 1
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
type maintenanceRule struct{ until time.Time }

func (m maintenanceRule) name() string { return "maintenance" }

func (m maintenanceRule) admits(a *agentState) bool {
	from := a.agent.UnavailableFrom
	return from.IsZero() || !m.until.IsZero() && !from.Before(m.until)
}

func (m maintenanceRule) why(n int) string {
	return choose(n, "goes", "go") + " into maintenance too soon"
}

// avoidRule refuses agents that failed the task.
type avoidRule struct{ ids []string }

func (r avoidRule) name() string { return "avoid" }

func (r avoidRule) admits(a *agentState) bool { return !slices.Contains(r.ids, a.agent.ID) }

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

// reservedRule refuses agents that are kept free for another task.
type reservedRule struct{}

func (reservedRule) name() string { return "reserved" }

func (reservedRule) admits(a *agentState) bool { return !a.reserved }

func (reservedRule) why(n int) string {
	return choose(n, "is kept free for a task", "are kept free for tasks") + " that waited longer"
}
