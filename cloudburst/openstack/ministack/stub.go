package ministack

type neutron struct{}
type cinder struct{}
type faults struct{}
type history struct{}
// Fault is what goes wrong with a call.
type Fault struct{}
