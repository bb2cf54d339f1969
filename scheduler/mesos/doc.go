// Package mesos is the framework driver: it finds the leading Mesos master, subscribes, turns the master's
// events into the scheduler's terms and the scheduler's calls into the master's, over the v1 HTTP API.
package mesos
