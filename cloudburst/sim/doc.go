// Package sim plays a bursty day of work on a small cluster that may overflow into a cloud, to compare by what rule
// machines are best booted and given back: without bursting, with all machines always on, by a threshold, by the planner,
// and by the least that any rule could cost that knows the future (bound.go).
//
// What a day brings is drawn from its seed, and nothing looks at the wall clock: equal days play alike. Tasks are placed by
// the scheduler's own placement. What a scheduler's restart or a failing call would change is not played here.
package sim
