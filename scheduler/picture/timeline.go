package picture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Timeline is who ran what where when.
type Timeline struct {
	Title string
	// Steps are the names of all steps, in the order of the legend; it decides their colours.
	Steps []string
	Bars  []Bar
	// From is where the axis begins: the run's submission. To is where it ends: the run's end, or now.
	From, To time.Time
}

// Bar is one attempt.
type Bar struct {
	Agent, Step string
	// Label says which task and attempt it is, Failure in a few words why it failed, if it did.
	Label, Failure string
	// Launched is when the scheduler sent it off, Started when it ran, Ended when it had ended; the latter two may be zero.
	Launched, Started, Ended time.Time
	// Outcome as the attempt has it: succeeded, author_failed, infra_failed, cancelled, or "" while it is alive.
	Outcome string
}

// lane is a row: attempts of one agent of which none overlap.
type lane struct {
	bars []*Bar
	free time.Time // when the last of them ends
}

// agentLanes is an agent with the lanes that its attempts need.
type agentLanes struct {
	name  string
	lanes []lane
}

// endOf is when a bar ends in the drawing.
func (t *Timeline) endOf(b *Bar) time.Time {
	if b.Ended.IsZero() {
		return t.To
	}
	return b.Ended
}

// agents sorts the attempts into as few lanes as there were attempts at a time on an agent. Agents are in the order of
// their names, with numbers in the names taken as numbers.
func (t *Timeline) agents() []agentLanes {
	bars := make([]*Bar, len(t.Bars))
	for i := range bars {
		bars[i] = &t.Bars[i]
	}
	slices.SortStableFunc(bars, func(a, b *Bar) int { return a.Launched.Compare(b.Launched) })
	byName := map[string]*agentLanes{}
	for _, b := range bars {
		a := byName[b.Agent]
		if a == nil {
			a = &agentLanes{name: b.Agent}
			byName[b.Agent] = a
		}
		a.put(b, t.endOf(b))
	}
	names := slices.SortedFunc(maps.Keys(byName), compareNatural)
	all := make([]agentLanes, len(names))
	for i, name := range names {
		all[i] = *byName[name]
	}
	return all
}

func (a *agentLanes) put(b *Bar, end time.Time) {
	i := slices.IndexFunc(a.lanes, func(l lane) bool { return !l.free.After(b.Launched) })
	if i < 0 {
		i = len(a.lanes)
		a.lanes = append(a.lanes, lane{})
	}
	a.lanes[i].bars = append(a.lanes[i].bars, b)
	a.lanes[i].free = end
}

// compareNatural compares names as people sort them: agent-2 before agent-10.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		m, n := digits(x), digits(y)
		if m > 0 && n > 0 {
			p, q := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
			if c := cmp.Or(cmp.Compare(len(p), len(q)), cmp.Compare(p, q)); c != 0 {
				return c
			}
			x, y = x[m:], y[n:]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

// digits counts the digits that a text begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// tickSteps are the distances of ticks that people can add up.
var tickSteps = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// maxTicks is how many ticks an axis has room for.
const maxTicks = 10

// tickStep is the smallest sensible distance with at most maxTicks ticks in a span.
func tickStep(span time.Duration) time.Duration {
	for _, s := range tickSteps {
		if span/s <= maxTicks {
			return s
		}
	}
	const day = 24 * time.Hour
	for s := day; ; {
		for _, f := range []time.Duration{1, 2, 5} {
			if span/(s*f) <= maxTicks {
				return s * f
			}
		}
		s *= 10
	}
}

// FormatDuration writes a duration without the zeros at its end that time.Duration has, and with days: 1m30s, 2h, 3d4h.
func FormatDuration(d time.Duration) string {
	if d < 0 {
		return "-" + FormatDuration(-d)
	}
	const day = 24 * time.Hour
	text := ""
	if d >= day {
		text = fmt.Sprintf("%dd", d/day)
		if d %= day; d == 0 {
			return text
		}
	}
	rest := d.String()
	if strings.HasSuffix(rest, "m0s") {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if strings.HasSuffix(rest, "h0m") {
		rest = strings.TrimSuffix(rest, "0m")
	}
	return text + rest
}
