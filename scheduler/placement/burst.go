package placement

import (
	"slices"
	"strings"
	"time"
)

// burstRules gives the rules that a shape's Burst comes to in this round: one that refuses for good and one that refuses
// until the task has waited, each nil if it would refuse no agent.
func (r *Round) burstRules(s *Shape) (firm, passing rule) {
	b := &s.Burst
	switch {
	case !r.clouds:
		return nil, nil
	case !b.Allow:
		return burstRule{nil, r.agents}, nil
	case len(b.Clouds) > 0:
		firm = burstRule{b.Clouds, r.agents}
	}
	if s.Waited < b.After {
		passing = earlyRule{b.After}
	}
	return firm, passing
}

// burstRule refuses cloud agents that the task's author does not want.
type burstRule struct {
	clouds []string // those that are wanted
	agents []Agent
}

func (b burstRule) name() string { return RuleBurst }

func (b burstRule) admits(a *agentState) bool {
	return !a.cloud || slices.Contains(b.clouds, b.agents[a.index].Cloud)
}

func (b burstRule) why(n int) string {
	if len(b.clouds) == 0 {
		return choose(n, "is on a cloud, which its pipeline does", "are on clouds, which its pipeline does") + " not allow"
	}
	return choose(n, "is on a cloud", "are on clouds") + " other than " + strings.Join(b.clouds, ", ")
}

// earlyRule refuses cloud agents to a task that has not waited for as long as its author wants.
type earlyRule struct{ after time.Duration }

func (earlyRule) name() string { return RuleBurst }

func (earlyRule) admits(a *agentState) bool { return !a.cloud }

func (e earlyRule) why(n int) string {
	return choose(n, "is on a cloud", "are on clouds") + ", where it may go once it has waited " + brief(e.after)
}

// brief writes a duration without the zeros at its end: 10m, 1h30m.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// cordonRule refuses agents that are to take nothing new for now.
type cordonRule struct{}

func (cordonRule) name() string { return RuleCordon }

func (cordonRule) admits(a *agentState) bool { return !a.cordoned }

func (cordonRule) why(n int) string { return choose(n, "is", "are") + " cordoned" }
