package state

import "sort"

// Intervals is a set of task indices kept as sorted, disjoint, non-adjacent ranges, so that an array of a
// million tasks costs as much as the gaps in it. The zero value is empty.
type Intervals struct {
	spans []span
	n     int
}

// span holds the indices from lo to hi, hi excluded.
type span struct{ lo, hi int }

// Range returns the set of the indices from lo to hi, hi excluded.
func Range(lo, hi int) Intervals {
	if lo >= hi {
		return Intervals{}
	}
	return Intervals{spans: []span{{lo, hi}}, n: hi - lo}
}

// Len returns how many indices there are.
func (s *Intervals) Len() int { return s.n }

// find returns the first span that ends after i.
func (s *Intervals) find(i int) int {
	return sort.Search(len(s.spans), func(k int) bool { return s.spans[k].hi > i })
}

// Contains reports whether i is in the set.
func (s *Intervals) Contains(i int) bool {
	k := s.find(i)
	return k < len(s.spans) && s.spans[k].lo <= i
}

// Add puts i into the set.
func (s *Intervals) Add(i int) {
	k := s.find(i)
	if k < len(s.spans) && s.spans[k].lo <= i {
		return
	}
	s.n++
	left := k > 0 && s.spans[k-1].hi == i
	right := k < len(s.spans) && s.spans[k].lo == i+1
	switch {
	case left && right:
		s.spans[k-1].hi = s.spans[k].hi
		s.spans = append(s.spans[:k], s.spans[k+1:]...)
	case left:
		s.spans[k-1].hi++
	case right:
		s.spans[k].lo--
	default:
		s.spans = append(s.spans, span{})
		copy(s.spans[k+1:], s.spans[k:])
		s.spans[k] = span{i, i + 1}
	}
}

// Remove takes i out of the set.
func (s *Intervals) Remove(i int) {
	k := s.find(i)
	if k == len(s.spans) || s.spans[k].lo > i {
		return
	}
	s.n--
	sp := s.spans[k]
	switch {
	case sp.hi-sp.lo == 1:
		s.spans = append(s.spans[:k], s.spans[k+1:]...)
	case sp.lo == i:
		s.spans[k].lo++
	case sp.hi == i+1:
		s.spans[k].hi--
	default:
		s.spans = append(s.spans, span{})
		copy(s.spans[k+1:], s.spans[k:])
		s.spans[k], s.spans[k+1] = span{sp.lo, i}, span{i + 1, sp.hi}
	}
}

// TakeFirst removes and returns the lowest index; the set must not be empty.
func (s *Intervals) TakeFirst() int {
	sp := &s.spans[0]
	i := sp.lo
	sp.lo++
	s.n--
	if sp.lo == sp.hi {
		s.spans = s.spans[1:]
	}
	return i
}

// Each calls f with every range [lo, hi) in ascending order.
func (s *Intervals) Each(f func(lo, hi int)) {
	for _, sp := range s.spans {
		f(sp.lo, sp.hi)
	}
}
