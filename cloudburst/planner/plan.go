package planner

import "time"

// Plan is what to do now, and what is said to those who wait.
type Plan struct {
	Actions []Action
	// Outlook says for each Demand of the situation, in the same order, what bursting does about it.
	Outlook []Outlook
}

// Verb is what is done with a machine.
type Verb string

// The verbs.
const (
	Boot   Verb = "boot"   // make a new one
	Start  Verb = "start"  // start or unshelve a kept one
	Drain  Verb = "drain"  // use it no more; what follows is its pool's Afterwards, or Action.Then
	Resume Verb = "resume" // a draining one is wanted again, and nothing final has been done
	Delete Verb = "delete" // now: it never served, has failed, or is kept in vain
)

// Action is one thing to do.
type Action struct {
	Verb Verb
	// VM is the intent of the machine; of a Boot it is empty, the caller makes it up.
	VM string
	// Pool, Cloud, Flavor and Zone say what to boot.
	Pool, Cloud, Flavor, Zone string
	// Then is what follows a drain if it is not what the pool does.
	Then string
	// Reason is a sentence.
	Reason string
	// For are the demands, by index, that a Boot, Start or Resume is for.
	For []int
}

// Outlook is what bursting does about a demand.
type Outlook struct {
	// VMs is how many machines come for it, Expected when the first of them serves.
	VMs      int
	Expected time.Time
	// Why is a sentence: why machines come, or why none do.
	Why string
}

// Make makes a plan.
func Make(s *Situation) Plan {
	return Plan{Outlook: make([]Outlook, len(s.Demand))}
}
