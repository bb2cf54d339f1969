// Package ministack is an embedded OpenStack over real HTTP on the loopback,
// for `spillway dev --cloud` and for tests. Its servers do not compute: when
// one has booted, a hook (Options.Boot) is called with the user-data, and what
// that starts, such as an agent of minimesos, is the machine.
//
// # What it speaks
//
// The parts of Keystone v3, Nova v2.1 (microversions up to 2.93), Glance v2,
// Neutron v2.0 and Cinder v3 that gophercloud needs to log in, to look at
// what there is, and to make, watch, stop, shelve and delete servers with
// their ports and volumes. Status codes, names of fields and texts of errors
// are those of the Zed release.
//
// Not built: tenants' own subnets, routers and floating addresses; resizing,
// rebuilding and migrating; images that are uploaded; quotas that are changed
// by API (see SetQuota); roles other than "admin" and "member".
//
// # Time and faults
//
// Without Options.Clock time is real. With one nothing happens by itself:
// whoever owns the clock advances it, and builds, joins, and expiries of
// tokens happen in their order. Faults (Fail, FailAtRandom) happen to calls of
// a kind, the next ones or some by chance.
//
// # How it is built
//
// One mutex owns the state: a request is carried out as a whole, while it is
// held, and so is what a timer does. Powering machines on and off comes after
// that, in order, without the mutex (machines.go). Each service has files of
// its own; routes.go is the table of all calls.
package ministack
