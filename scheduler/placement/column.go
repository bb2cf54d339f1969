package placement

import (
	"slices"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// column holds one attribute of the agents, with every different value once.
type column struct {
	name    string
	of      []int32 // number of the value, by place in the packing order; -1: not asked yet
	texts   []string
	numbers map[string]int32 // of the texts
	absent  int32            // number that stands for having no such attribute; -1 if none is known to lack it
	// members lists the places of the agents by the value under which they count when tasks are spread, those of
	// value v from starts[v] on; nil before group.
	members, starts []int32
}

func (r *Round) column(name string) *column {
	for _, c := range r.columns {
		if c.name == name {
			return c
		}
	}
	c := &column{name: name, of: make([]int32, len(r.states)), numbers: map[string]int32{}, absent: -1}
	for place := range c.of {
		c.of[place] = -1
	}
	r.columns = append(r.columns, c)
	return c
}

// value gives the number of the value that the agent at a place has in a column.
//
// Attributes are maps that lie scattered in memory, and fetching them is what a round with constraints would spend most
// of its time on. So an agent is asked only when it matters, and then for all columns at once.
func (r *Round) value(c *column, place int32) int32 {
	if c.of[place] < 0 {
		agent := &r.agents[r.states[place].index]
		for _, c := range r.columns {
			if c.of[place] < 0 {
				c.of[place] = c.number(agent.Attribute(c.name))
			}
		}
	}
	return c.of[place]
}

func (c *column) number(text string, present bool) int32 {
	if !present {
		if c.absent < 0 {
			c.absent = c.add("")
		}
		return c.absent
	}
	number, known := c.numbers[text]
	if !known {
		number = c.add(text)
		c.numbers[text] = number
	}
	return number
}

func (c *column) add(text string) int32 {
	c.texts = append(c.texts, text)
	return int32(len(c.texts) - 1)
}

// text gives the text of a value, and whether it is one at all.
func (c *column) text(number int32) (text string, present bool) {
	return c.texts[number], number != c.absent
}

// group asks all agents for their value and groups them by it.
func (r *Round) group(c *column) {
	if c.starts != nil {
		return
	}
	for _, place := range r.place { // as the agents are listed, which is kinder to memory than the packing order
		r.value(c, place)
	}
	c.starts = make([]int32, len(c.texts)+1)
	for place := range c.of {
		c.starts[c.spreadNumber(int32(place))+1]++
	}
	for value := range c.texts {
		c.starts[value+1] += c.starts[value]
	}
	c.members = make([]int32, len(c.of))
	next := slices.Clone(c.starts)
	for place := range c.of {
		value := c.spreadNumber(int32(place))
		c.members[next[value]] = int32(place)
		next[value]++
	}
}

// spreadNumber gives the number under which an agent counts when tasks are spread: lacking the attribute and having the
// empty text for it are one value then, because the counts that are given in cannot tell them apart.
func (c *column) spreadNumber(place int32) int32 {
	number := c.of[place]
	if number == c.absent {
		if empty, known := c.numbers[""]; known {
			return empty
		}
	}
	return number
}

// places gives the agents that count under a value, in packing order, once group has been called.
func (c *column) places(value int32) []int32 { return c.members[c.starts[value]:c.starts[value+1]] }

// where gives the rule of a constraint, the same for all shapes that have it.
func (r *Round) where(constraint spec.Constraint) *whereRule {
	key := constraint.String()
	rule := r.wheres[key]
	if rule == nil {
		rule = &whereRule{constraint: constraint, round: r, column: r.column(constraint.Attribute)}
		r.wheres[key] = rule
	}
	return rule
}
