// Package mesos is the framework driver: it finds the leading Mesos master, subscribes, turns the master's events into
// the scheduler's terms (Event) and the scheduler's calls (Call) into the master's, over the v1 scheduler HTTP API.
//
// A subscription is a stream of events from one request. When it ends, for whatever reason, its offers and the calls
// that were not sent yet are void: the driver says Disconnected, subscribes again, says Subscribed, and the scheduler
// reconciles. Everything that goes wrong on the way to the master therefore ends the subscription, unless repeating the
// call is safe and helps, or the master refuses the call for what it holds.
//
// mesos-go gives the messages, their encodings and the HTTP client. Its recordio reader and its scheduler client
// (httpsched) are not used: see maxRecord, and subscription.redirect for how a master names the leader.
package mesos
