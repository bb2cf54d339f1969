// Package placement decides which agent takes a waiting task, and says why none does.
//
// A Round is one look at all agents. Its rules are objects that both decide (Place) and explain (Explain), so that what
// the author of a task is told cannot differ from what was done. Tasks are placed by shape, many at a time: what makes
// this fast is that what an agent has free only decreases during a round, so an agent that refused a shape once need
// not be asked again before the round is over.
//
// The package does no I/O, reads no clock and draws no random number: the same agents, seed and calls give the same
// plan, whatever the order in which the agents are listed.
package placement
