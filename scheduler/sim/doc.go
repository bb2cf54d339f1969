// Package sim plays the scheduler on a simulated clock: the reactor as it is, and around it a Mesos master, agents,
// a network, a store and the people who submit, all in one goroutine and from one seed. A day takes seconds, and a seed
// that broke something breaks it again, event by event.
//
// It serves two ends. Chaos makes a scenario in which everything fails that can fail, and every step of it is checked
// against what must always hold (audit*.go): nothing lost, nothing doubled, no offer over-committed, and so on. Day makes
// a large cluster's ordinary day, without checks, to compare policies by.
//
// The master and the agents speak the driver's own vocabulary (package mesos), not its wire. What they answer was
// taken from recordings of Apache Mesos 1.12, as the names of the functions in master.go and agent.go say.
//
// What happens, in which order, and with which message lost, is drawn from the scenario's seed; nothing here looks at
// the wall clock or at the order of a map.
package sim
