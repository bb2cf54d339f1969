package queue

import (
	"fmt"
	"strings"
)

// Why says in one sentence why tasks of an entry wait, as the round was at its end. The entry must be one of those that
// the plan was made for. It must not be called while the round is used elsewhere.
func (p Plan) Why(e *Entry) string {
	for _, r := range p.Reservations {
		if r.Entry == e.ID {
			short := p.round.Shortage(r.Agent, e.Shape)
			if short == "" {
				short = "has room, but makes no offer now"
			}
			return fmt.Sprintf("agent %s is kept free for it (%s)", p.round.Agent(r.Agent).Name(), short)
		}
	}
	return p.round.Explain(e.Shape).String()
}

// String has one line for each entry that starts tasks or has an agent kept free, in the order of the decisions:
//
//	entry 3 starts 12 on node-1, 4 on node-2
//	entry 7 waits for node-3
func (p Plan) String() string {
	type place struct{ entry, agent int }
	counts := map[place]int{}
	agents := map[int][]int{} // of an entry, in order
	var entries []int
	for _, a := range p.Assignments {
		if agents[a.Entry] == nil {
			entries = append(entries, a.Entry)
		}
		at := place{a.Entry, a.Agent}
		if counts[at] == 0 {
			agents[a.Entry] = append(agents[a.Entry], a.Agent)
		}
		counts[at] += a.Count
	}
	var b strings.Builder
	for _, entry := range entries {
		separator := fmt.Sprintf("entry %d starts ", entry)
		for _, agent := range agents[entry] {
			fmt.Fprintf(&b, "%s%d on %s", separator, counts[place{entry, agent}], p.round.Agent(agent).Name())
			separator = ", "
		}
		b.WriteByte('\n')
	}
	for _, r := range p.Reservations {
		fmt.Fprintf(&b, "entry %d waits for %s\n", r.Entry, p.round.Agent(r.Agent).Name())
	}
	return b.String()
}
