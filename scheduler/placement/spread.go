package placement

// spreadValue is a value of the spread attribute with the tasks of the step that agents of this value have.
type spreadValue struct {
	lane  int // in the class; lower ones begin with an agent that comes earlier in the packing order
	count int
}

func (v spreadValue) before(w spreadValue) bool {
	if v.count != w.count {
		return v.count < w.count
	}
	return v.lane < w.lane
}

// spreadValues gives the values of a shape's spread attribute as a heap.
//
// An agent without the attribute counts under the same name as one whose value is the empty text, though the two stay
// different values: the counts that are given in cannot tell them apart.
func (r *Round) spreadValues(s *Shape) []spreadValue {
	column := r.column(s.Spread)
	values := make([]spreadValue, len(column.texts))
	for i, text := range column.texts {
		values[i] = spreadValue{lane: i, count: s.SpreadCounts[text]}
	}
	return heapOf(values)
}

func heapOf(values []spreadValue) []spreadValue {
	for i := len(values)/2 - 1; i >= 0; i-- {
		sink(values, i)
	}
	return values
}

// placeSpread puts each task where the fewest of the step are, among the values that have room. So a task waits only if
// it fits nowhere at all: spread prefers, it never refuses.
func (r *Round) placeSpread(to []Assignment, state *shapeState, n int) []Assignment {
	c := state.class
	for n > 0 && len(state.values) > 0 {
		top := &state.values[0]
		a := r.seek(c, &c.lanes[top.lane])
		if a == nil {
			// The value stays behind the heap's end, from where Release takes it back.
			last := len(state.values) - 1
			state.values[0], state.values[last] = state.values[last], state.values[0]
			state.values = state.values[:last]
		} else {
			c.take(a, 1)
			to = append(to, Assignment{a.index, 1})
			top.count++
			n--
		}
		sink(state.values, 0)
	}
	return to
}

// sink restores the heap below i after the value at i has grown.
func sink(heap []spreadValue, i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if heap[child].before(heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}
