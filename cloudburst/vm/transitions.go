package vm

import "slices"

// A Transition is a step from one stage to another, and what has happened then.
type Transition struct {
	From, To Stage
	What     string
}

// Transitions are all that one thing that happens to a machine can lead to; if several have happened between two looks, it has
// gone the way of several. A machine that is marked as drained, as all are that have failed once something is done about it, is
// never used again unless the drain is taken back, or it was stopped and is started: whatever comes up late on it is drained.
var Transitions = []Transition{
	{Requested, Building, "Nova has a server of the intent"},
	{Building, Active, "Nova says that it runs"},
	{Building, Failed, "ERROR, or its deadline is over"},
	{Building, Leaving, "it is not wanted any more"},
	{Active, Joined, "its agent has registered"},
	{Active, Failed, "ERROR, switched off, or its deadline is over"},
	{Joined, Serving, "something runs there"},
	{Joined, Draining, "it is drained before anything ran there"},
	{Joined, Active, "the master has lost its agent"},
	{Joined, Failed, "ERROR or overdue, after its agent was lost"},
	{Joined, Stopped, "it has switched itself off, or somebody has"},
	{Serving, Draining, "it is drained"},
	{Serving, Active, "the master has lost its agent"},
	{Serving, Failed, "ERROR, after its agent was lost"},
	{Serving, Stopped, "it has switched itself off, or somebody has"},
	{Active, Serving, "its agent is back"},
	{Active, Stopped, "it has switched itself off after its agent was lost"},
	{Active, Leaving, "it was marked as drained, and there is no agent"},
	{Draining, Joined, "the drain was taken back; nothing has run there yet"},
	{Draining, Serving, "the drain was taken back"},
	{Draining, Leaving, "its agent is gone for good"},
	{Draining, Stopped, "somebody has switched it off, and that is how it was to end"},
	{Draining, Failed, "ERROR, after its agent was lost"},
	{Leaving, Draining, "an agent of it has come back: its tasks are not to be killed either"},
	{Leaving, Stopped, "it is stopped or shelved, as its pool wants"},
	{Leaving, Deleted, "Nova does not know it any more"},
	{Leaving, Failed, "ERROR, or Nova's deadline is over"},
	{Stopped, Building, "it is started"},
	{Stopped, Leaving, "it is not wanted any more"},
	{Stopped, Failed, "started, and switched off again without its agent"},
	{Failed, Active, "it was built after all, before it was marked"},
	{Failed, Joined, "its agent has registered after all, before it was marked"},
	{Failed, Stopped, "it has switched itself off, before it was marked"},
	{Failed, Serving, "its agent is back, before it was marked"},
	{Failed, Leaving, "it is marked to be deleted"},
	{Failed, Draining, "its agent has registered after all; its tasks are not to be killed"},
	{Failed, Deleted, "Nova does not know it any more"},
}

// CanBecome says whether one step leads from one stage to the other.
func (s Stage) CanBecome(to Stage) bool {
	return slices.ContainsFunc(Transitions, func(t Transition) bool { return t.From == s && t.To == to })
}
