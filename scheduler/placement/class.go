package placement

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// class is what equal shapes have in common: the rules, and how far they have looked for agents. A hundred thousand
// tasks with shapes of their own still share the few classes that they fall into.
type class struct {
	need vector
	// rules stand in the order in which they explain: first what waiting will not change.
	rules []rule
	// deciding are the same rules in the order in which they are quickest to decide.
	deciding []rule
	// lasting are those that refuse an empty agent for good: all but those that end by themselves, in the order of rules.
	lasting []rule
	// next is the cursor: all agents before it in the packing order have refused the class.
	next int
	// spread holds the cursors of shapes that spread, by attribute: one for each value, in column.places.
	spread map[string][]int32
	// possible is whether some agent could hold a task if it were empty, see Possible.
	possible verdict
	// nearest is the answer of NearestToFit, nil for none, as it was after so many changes of the round.
	nearest        *agentState
	nearestChanges int
	// explained is the answer of Explain, nil for none, as it was after so many changes and reservations.
	explained   *Explanation
	explainedAt [2]int
}

// classKey is what makes classes differ.
type classKey struct {
	need  vector
	other string
}

// shapeState is what a round knows of one shape.
type shapeState struct {
	class  *class
	spread *spread // nil if the shape does not spread, or nothing of it was placed yet
}

func (r *Round) classOf(s *Shape) *class { return r.stateOf(s).class }

func (r *Round) stateOf(s *Shape) *shapeState {
	state := r.shapes[s]
	if state == nil {
		key := r.keyOf(s)
		c := r.classes[key]
		if c == nil {
			c = r.newClass(s)
			r.classes[key] = c
		}
		state = &shapeState{class: c}
		if s.Spread != "" {
			r.column(s.Spread)
		}
		r.shapes[s] = state
	}
	return state
}

// spreadOf gives what the round knows of a shape that spreads. It is made late, when all attributes that anybody asks
// for are known, see Round.value.
func (r *Round) spreadOf(s *Shape, state *shapeState) *spread {
	if state.spread == nil {
		state.spread = r.newSpread(s, state.class)
	}
	return state.spread
}

func (r *Round) keyOf(s *Shape) classKey {
	key := classKey{need: vectorOf(s.Need)}
	unwanted, early := r.burstRules(s)
	if len(s.Where) == 0 && len(s.Avoid) == 0 && !r.planned && unwanted == nil && early == nil {
		return key
	}
	var b []byte
	for _, rule := range []rule{unwanted, early} {
		if rule != nil {
			b = strconv.AppendQuote(b, rule.why(1)) // which says all that it depends on
		}
		b = append(b, '/')
	}
	for i := range s.Where {
		b = strconv.AppendQuote(b, s.Where[i].String())
	}
	b = append(b, '/')
	for _, id := range s.Avoid {
		b = strconv.AppendQuote(b, id)
	}
	if r.planned && !s.Until.IsZero() {
		b = s.Until.UTC().AppendFormat(b, time.RFC3339Nano)
	}
	key.other = string(b)
	return key
}

func (r *Round) newClass(s *Shape) *class {
	var firm, passing, needs []rule
	for _, w := range s.Where {
		firm = append(firm, r.where(w))
	}
	unwanted, early := r.burstRules(s)
	if unwanted != nil {
		firm = append(firm, unwanted)
	}
	if early != nil {
		passing = append(passing, early)
	}
	if r.cordons {
		passing = append(passing, cordonRule{})
	}
	if r.planned {
		firm = append(firm, maintenanceRule{s.Until, r.agents})
	}
	for k, need := range vectorOf(s.Need) {
		if need < 0 {
			panic(fmt.Sprintf("placement: a task needs %s", amount(kind(k), need)))
		}
		if need > 0 {
			needs = append(needs, resourceRule{kind(k), need})
		}
	}
	if len(s.Avoid) > 0 {
		avoid := avoidRule{s.Avoid, r.agents}
		if r.anyEmpty(slices.Concat(needs, firm, passing, []rule{avoid})) {
			firm = append(firm, avoid)
		}
	}
	reserved := []rule{reservedRule{}}
	return &class{
		need:           vectorOf(s.Need),
		rules:          slices.Concat(firm, passing, needs, reserved),
		deciding:       slices.Concat(needs, reserved, passing, firm),
		lasting:        slices.Concat(firm, needs),
		nearestChanges: -1,
	}
}

// anyEmpty tells whether there is an agent that all rules would admit if it were empty.
func (r *Round) anyEmpty(rules []rule) bool { return anyAdmitted(rules, r.emptied()) }

func anyAdmitted(rules []rule, agents []agentState) bool {
	for i := range agents {
		if refusal(rules, &agents[i]) < 0 {
			return true
		}
	}
	return false
}

// admits tells whether all rules admit an agent.
func (c *class) admits(a *agentState) bool { return refusal(c.deciding, a) < 0 }

// refusal gives the index of the first rule that refuses an agent; -1 if all admit it.
func refusal(rules []rule, a *agentState) int {
	for i, rule := range rules {
		if !rule.admits(a) {
			return i
		}
	}
	return -1
}

// room tells how many tasks, at most n, an agent has resources for.
func (c *class) room(a *agentState, n int) int {
	if n == 1 {
		return 1
	}
	for k, need := range c.need {
		if need > 0 {
			n = int(min(int64(n), a.free[k]/need))
		}
	}
	return n
}

// take takes what n tasks need from an agent.
func (r *Round) take(c *class, a *agentState, n int) {
	r.changes++
	for k, need := range c.need {
		a.free[k] -= int64(n) * need
		if a.free[k] < 0 && need > 0 {
			panic(fmt.Sprintf("placement: agent %s is overcommitted by %s",
				r.agents[a.index].ID, amount(kind(k), -a.free[k])))
		}
	}
}
