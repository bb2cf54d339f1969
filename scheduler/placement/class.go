package placement

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// class is what equal shapes have in common: the rules, and how far they have looked for agents. A hundred thousand
// tasks with shapes of their own still share the few classes that they fall into.
type class struct {
	need vector
	// rules stand in the order in which they explain: first what will not change by waiting.
	rules []rule
	// lanes are the agents to be asked, in packing order: one lane of all, or one for each value of the spread
	// attribute.
	lanes []lane
	// unkept is true once no agent is left that could be kept free for the class, see Round.Reserve.
	unkept bool
}

// lane is a part of the packing order with the cursor of a class in it: all before next have refused the class.
type lane struct {
	places []int32
	next   int
}

// classKey is what makes classes differ.
type classKey struct {
	need  vector
	other string
}

// shapeState is what a round knows of one shape.
type shapeState struct {
	class *class
	// values are the lanes of the class from which tasks can still come, as a heap with the least used on top;
	// nil for shapes that do not spread.
	values []spreadValue
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
			state.values = r.spreadValues(s)
		}
		r.shapes[s] = state
	}
	return state
}

func (r *Round) keyOf(s *Shape) classKey {
	key := classKey{need: vectorOf(s.Need)}
	if len(s.Where) == 0 && s.Spread == "" && len(s.Avoid) == 0 && !r.planned {
		return key
	}
	var b strings.Builder
	for _, c := range s.Where {
		b.WriteString(strconv.Quote(c.String()))
	}
	fmt.Fprintf(&b, " %q %q", s.Spread, s.Avoid)
	if r.planned && !s.Until.IsZero() {
		b.WriteString(s.Until.UTC().Format(time.RFC3339Nano))
	}
	key.other = b.String()
	return key
}

func (r *Round) newClass(s *Shape) *class {
	c := &class{need: vectorOf(s.Need)}
	for _, w := range s.Where {
		c.rules = append(c.rules, r.where(w))
	}
	if r.planned {
		c.rules = append(c.rules, maintenanceRule{s.Until})
	}
	firm := len(c.rules)
	for k, need := range c.need {
		if need < 0 {
			panic(fmt.Sprintf("placement: a task needs %s", amount(kind(k), need)))
		}
		if need > 0 {
			c.rules = append(c.rules, resourceRule{kind(k), need})
		}
	}
	if avoid := (avoidRule{s.Avoid}); len(s.Avoid) > 0 && r.others(c, avoid) {
		c.rules = append(c.rules[:firm:firm], append([]rule{avoid}, c.rules[firm:]...)...)
	}
	c.rules = append(c.rules, reservedRule{})
	if s.Spread == "" {
		c.lanes = []lane{{places: r.all}}
		return c
	}
	for _, places := range r.column(s.Spread).places() {
		c.lanes = append(c.lanes, lane{places: places})
	}
	return c
}

// others tells whether agents that are not to be avoided could hold a task of the class if they were empty.
func (r *Round) others(c *class, avoid avoidRule) bool {
	for i := range r.states {
		if a := &r.states[i]; avoid.admits(a) {
			if empty := a.emptied(); c.admits(&empty) {
				return true
			}
		}
	}
	return false
}

// admits tells whether all rules admit an agent.
func (c *class) admits(a *agentState) bool { return c.firstRefusal(a) < 0 }

// firstRefusal gives the number of the first rule that refuses an agent; -1 if all admit it.
func (c *class) firstRefusal(a *agentState) int {
	for i, rule := range c.rules {
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

// take moves what n tasks need from free to used.
func (c *class) take(a *agentState, n int) {
	a.free = a.free.add(&c.need, -int64(n))
	a.used = a.used.add(&c.need, int64(n))
	for k, free := range a.free {
		if free < 0 && c.need[k] > 0 {
			panic(fmt.Sprintf("placement: agent %s is overcommitted by %s", a.agent.ID, amount(kind(k), -free)))
		}
	}
}
