package placement

import "github.com/lisa-dpc/spillway/scheduler/spec"

// column holds one attribute of all agents, with every different value once.
type column struct {
	of     []int32 // number of the value, by place in the packing order
	texts  []string
	absent int32 // number that stands for having no such attribute; -1 if all have it
	lanes  [][]int32
}

// column gives the column of an attribute. Values are numbered in packing order.
func (r *Round) column(name string) *column {
	if c := r.columns[name]; c != nil {
		return c
	}
	c := &column{of: make([]int32, len(r.states)), absent: -1}
	numbers := map[string]int32{}
	for i := range r.states {
		text, present := r.states[i].agent.Attribute(name)
		if !present {
			if c.absent < 0 {
				c.absent = c.add("")
			}
			c.of[i] = c.absent
			continue
		}
		number, known := numbers[text]
		if !known {
			number = c.add(text)
			numbers[text] = number
		}
		c.of[i] = number
	}
	r.columns[name] = c
	return c
}

func (c *column) add(text string) int32 {
	c.texts = append(c.texts, text)
	return int32(len(c.texts) - 1)
}

// value gives the text of a value, and whether it is one at all.
func (c *column) value(number int32) (text string, present bool) {
	return c.texts[number], number != c.absent
}

// places gives for every value the agents that have it, in packing order.
func (c *column) places() [][]int32 {
	if c.lanes == nil {
		c.lanes = make([][]int32, len(c.texts))
		for place, number := range c.of {
			c.lanes[number] = append(c.lanes[number], int32(place))
		}
	}
	return c.lanes
}

// where gives the rule of a constraint, the same for all shapes that have it.
func (r *Round) where(constraint spec.Constraint) *whereRule {
	key := constraint.String()
	rule := r.wheres[key]
	if rule == nil {
		c := r.column(constraint.Attribute)
		rule = &whereRule{constraint: constraint, column: c, verdicts: make([]uint8, len(c.texts))}
		r.wheres[key] = rule
	}
	return rule
}
