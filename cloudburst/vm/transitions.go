package vm

import "slices"

// A Transition is a step from one stage to another, and what has happened then.
type Transition struct {
	From, To Stage
	What     string
}

// Transitions are all that can be seen between two looks at a machine that has not been looked at for as long as to skip a
// stage; one that skips some goes the way of several. A machine that is taken out of use, or has failed, is never used again
// unless it was stopped and is started: whatever comes up late on it is drained.
var Transitions = []Transition{
	{Requested, Building, "Nova has a server of the intent"},
	{Requested, Failed, "the create call has failed for good"},
	{Building, Active, "Nova says that it runs"},
	{Building, Failed, "ERROR, or its deadline is over"},
	{Active, Joined, "its agent has registered"},
	{Active, Failed, "ERROR, switched off, or its deadline is over"},
	{Joined, Serving, "something runs there"},
	{Joined, Draining, "it is drained before anything ran there"},
	{Joined, Active, "the master has lost its agent"},
	{Joined, Stopped, "it has switched itself off, or somebody has"},
	{Serving, Draining, "it is drained"},
	{Serving, Active, "the master has lost its agent"},
	{Serving, Stopped, "it has switched itself off, or somebody has"},
	{Active, Serving, "its agent is back"},
	{Active, Stopped, "it has switched itself off after its agent was lost"},
	{Active, Leaving, "it was marked as drained, and there is no agent"},
	{Draining, Joined, "the drain was taken back; nothing has run there yet"},
	{Draining, Serving, "the drain was taken back"},
	{Draining, Leaving, "its agent is gone for good"},
	{Draining, Failed, "ERROR, after its agent was lost"},
	{Leaving, Draining, "an agent of it has come back: its tasks are not to be killed either"},
	{Leaving, Stopped, "it is stopped or shelved, as its pool wants"},
	{Leaving, Deleted, "Nova does not know it any more"},
	{Leaving, Failed, "ERROR, or Nova's deadline is over"},
	{Stopped, Building, "it is started"},
	{Stopped, Leaving, "it is not wanted any more"},
	{Stopped, Failed, "started, and switched off again without its agent"},
	{Failed, Leaving, "it is marked to be deleted"},
	{Failed, Draining, "its agent has registered after all; its tasks are not to be killed"},
	{Failed, Deleted, "Nova does not know it any more"},
}

// CanBecome says whether one step leads from one stage to the other.
func (s Stage) CanBecome(to Stage) bool {
	return slices.ContainsFunc(Transitions, func(t Transition) bool { return t.From == s && t.To == to })
}
