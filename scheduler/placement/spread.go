package placement

import "slices"

// spread is what a round knows of a shape that spreads: the values of its attribute that still have room, and how many
// tasks of the step each of them has.
type spread struct {
	column *column
	next   []int32 // the class's cursors, by value
	// values is a heap with the value that has the fewest tasks on top. Those that have no room any more stand behind
	// its end, within its capacity, from where refill takes them back.
	values []spreadValue
}

// spreadValue is a value of the attribute.
type spreadValue struct {
	number int32
	count  int32 // tasks of the step
	first  int32 // place of its first agent: of equally used values the one that is to be filled first comes first
}

func (v spreadValue) before(w spreadValue) bool {
	return v.count < w.count || v.count == w.count && v.first < w.first
}

func (r *Round) newSpread(s *Shape, c *class) *spread {
	column := r.column(s.Spread)
	r.group(column)
	if c.spread == nil {
		c.spread = map[string][]int32{}
	}
	if c.spread[s.Spread] == nil {
		c.spread[s.Spread] = make([]int32, len(column.texts))
	}
	p := &spread{column: column, next: c.spread[s.Spread], values: make([]spreadValue, 0, len(column.texts))}
	for number, text := range column.texts {
		if places := column.places(int32(number)); len(places) > 0 {
			v := spreadValue{number: int32(number), first: places[0]}
			if len(s.SpreadCounts) > 0 {
				v.count = int32(s.SpreadCounts[text])
			}
			p.values = append(p.values, v)
		}
	}
	p.values = slices.Clip(p.values)
	p.refill()
	return p
}

// refill makes a heap of all values.
func (p *spread) refill() {
	p.values = p.values[:cap(p.values)]
	for i := len(p.values)/2 - 1; i >= 0; i-- {
		p.sink(i)
	}
}

// placeSpread puts each task where the fewest of the step are, among the values that have room. So a task waits only if
// it fits nowhere at all: spread prefers, it never refuses.
func (r *Round) placeSpread(to []Assignment, c *class, p *spread, n int) []Assignment {
	for n > 0 && len(p.values) > 0 {
		top := &p.values[0]
		if a := r.seekValue(c, p, top.number); a != nil {
			r.take(c, a, 1)
			to = append(to, Assignment{int(a.index), 1})
			top.count++
			n--
		} else {
			last := len(p.values) - 1
			p.values[0], p.values[last] = p.values[last], p.values[0]
			p.values = p.values[:last]
		}
		p.sink(0)
	}
	return to
}

// seekValue is seek among the agents that have a value.
func (r *Round) seekValue(c *class, p *spread, value int32) *agentState {
	places := p.column.places(value)
	for ; int(p.next[value]) < len(places); p.next[value]++ {
		if a := &r.states[places[p.next[value]]]; c.admits(a) {
			return a
		}
	}
	return nil
}

// count counts a task that was put on an agent in another way.
func (p *spread) count(a *agentState) {
	number := p.column.spreadNumber(a.place)
	for i := range p.values {
		if p.values[i].number == number {
			p.values[i].count++
			p.sink(i)
			return
		}
	}
}

// sink restores the heap below i after the value at i has changed places or grown.
func (p *spread) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(p.values); child++ {
			if p.values[child].before(p.values[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		p.values[i], p.values[least] = p.values[least], p.values[i]
		i = least
	}
}
