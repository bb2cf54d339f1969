// Package cloudburst is the agent that lets peaks overflow into clouds: again and again it looks at what waits and what is
// there, has the planner decide, and does what was decided.
//
// It keeps nothing that it could not find out again. What it must know of a machine is written on the server, in Nova's
// metadata, and in the master's list of agents; so one that was killed at any point goes on where it was, and the machine
// that nobody remembers does not exist. What it does keep in memory (calls under way, back-offs, since when an agent is
// missed) makes it quicker or kinder, not right.
package cloudburst
