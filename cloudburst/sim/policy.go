package sim

import (
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
)

// idleTime is how long the planner and the threshold keep a machine after its last task.
const (
	idleTime          = 2 * time.Minute
	thresholdIdleTime = 10 * time.Minute
)

// Policy decides which machines there are.
type Policy interface {
	Name() string
	// Every is how often it is asked, besides at every arrival.
	Every() time.Duration
	// Keeps says that it never gives machines back.
	Keeps() bool
	Decide(*planner.Situation) []planner.Action
}

// Never boots nothing.
type Never struct{}

// Name is what the report calls it.
func (Never) Name() string { return "no bursting" }

// Every is how often it is asked.
func (Never) Every() time.Duration { return time.Hour }

// Keeps is false.
func (Never) Keeps() bool { return false }

// Decide does nothing.
func (Never) Decide(*planner.Situation) []planner.Action { return nil }

// Always has all machines on from the beginning to the end, of the flavor that it names.
type Always struct{ Flavor string }

// Name is what the report calls it.
func (Always) Name() string { return "all always on" }

// Every is how often it is asked.
func (Always) Every() time.Duration { return time.Hour }

// Keeps is true.
func (Always) Keeps() bool { return true }

// Decide boots what may be.
func (p Always) Decide(s *planner.Situation) []planner.Action {
	var boots []planner.Action
	for range s.Clouds[0].FreeInstances {
		boots = append(boots, planner.Action{Verb: planner.Boot, Flavor: p.Flavor})
	}
	return boots
}

// Threshold boots one machine of a flavor a minute while anything waits, and gives one back that was idle for ten minutes.
type Threshold struct{ Flavor string }

// Name is what the report calls it.
func (Threshold) Name() string { return "threshold" }

// Every is how often it is asked.
func (Threshold) Every() time.Duration { return time.Minute }

// Keeps is false.
func (Threshold) Keeps() bool { return false }

// Decide looks at nothing but whether something waits.
func (p Threshold) Decide(s *planner.Situation) (actions []planner.Action) {
	if len(s.Demand) > 0 && s.Clouds[0].FreeInstances > 0 {
		actions = append(actions, planner.Action{Verb: planner.Boot, Flavor: p.Flavor})
	}
	for _, a := range s.Agents {
		if a.VM != "" && !a.Cordoned && !a.Idle.IsZero() && s.Now.Sub(a.Idle) >= thresholdIdleTime {
			actions = append(actions, planner.Action{Verb: planner.Drain, VM: a.VM})
		}
	}
	return actions
}

// Planned is what Spillway does.
type Planned struct{}

// Name is what the report calls it.
func (Planned) Name() string { return "planner" }

// Every is how often it is asked.
func (Planned) Every() time.Duration { return 15 * time.Second }

// Keeps is false.
func (Planned) Keeps() bool { return false }

// Decide makes a plan.
func (Planned) Decide(s *planner.Situation) []planner.Action { return planner.Make(s).Actions }
