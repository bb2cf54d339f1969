package ministack

type neutron struct{}
type cinder struct{}
type faults struct{}
type history struct{}
type Fault struct{}
