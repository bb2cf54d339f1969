package sim

import "time"

// epoch is when every simulation starts.
var epoch = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// clock is virtual time. What is due happens in order of time, and at equal times in the order in which it was asked
// for.
type clock struct {
	now   time.Duration // since epoch
	order uint64
	done  uint64 // how many things have happened
	heap  []due
}

// due is something that happens at a time.
type due struct {
	at    time.Duration
	order uint64
	do    func()
}

func (d *due) before(e *due) bool {
	return d.at < e.at || d.at == e.at && d.order < e.order
}

// time is the present as the scheduler sees it.
func (c *clock) time() time.Time { return epoch.Add(c.now) }

// at makes something happen at a time, or now if that has passed.
func (c *clock) at(at time.Duration, do func()) {
	c.order++
	c.heap = append(c.heap, due{max(at, c.now), c.order, do})
	for i := len(c.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !c.heap[i].before(&c.heap[parent]) {
			break
		}
		c.heap[i], c.heap[parent] = c.heap[parent], c.heap[i]
		i = parent
	}
}

// after makes something happen after a while.
func (c *clock) after(d time.Duration, do func()) { c.at(c.now+d, do) }

// soon is after, except that it does not go through the clock if there is no while. It keeps the events of large
// simulations few.
func (c *clock) soon(d time.Duration, do func()) {
	if d <= 0 {
		do()
		return
	}
	c.after(d, do)
}

// step goes to what happens next, and does it; false if nothing is due any more.
func (c *clock) step() bool {
	if len(c.heap) == 0 {
		return false
	}
	first := c.heap[0]
	last := len(c.heap) - 1
	c.heap[0] = c.heap[last]
	c.heap[last] = due{}
	c.heap = c.heap[:last]
	c.sink()
	c.now = first.at
	c.done++
	first.do()
	return true
}

// advance does all that is due up to a time, and goes there.
func (c *clock) advance(until time.Duration) {
	for len(c.heap) > 0 && c.heap[0].at <= until {
		c.step()
	}
	c.now = max(c.now, until)
}

func (c *clock) sink() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(c.heap); child++ {
			if c.heap[child].before(&c.heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		c.heap[i], c.heap[least] = c.heap[least], c.heap[i]
		i = least
	}
}
