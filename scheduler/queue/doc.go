// Package queue decides whose task goes next: weighted fair share between projects over the dominant resource (DRF),
// within a project priority, then order of submission.
//
// It hands the tasks in that order to a placement.Round. A task that does not fit steps aside, and never blocks a smaller
// one behind it; one that had to step aside for long gets an agent kept free for it.
//
// The package does no I/O, reads no clock and draws no random number.
//
// DRF: Ghodsi et al., Dominant Resource Fairness: Fair Allocation of Multiple Resource Types, NSDI 2011.
package queue
