// Package metrics tells Prometheus how a scheduler fares. What happens is counted as it happens: Metrics observes the
// reactor and the driver. What is, such as the depth of the queue, is asked of the scheduler when somebody scrapes.
//
// No label has values without bound: they are closed sets, or, of projects, the hundred with most to do.
package metrics
