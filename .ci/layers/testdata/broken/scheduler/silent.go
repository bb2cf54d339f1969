// Package scheduler exports names and says nothing of them.
package scheduler

type Reactor struct{}

func New() *Reactor { return nil }

func (r *Reactor) Step() {}

func (r *Reactor) String() string { return "" }

type inner struct{}

func (inner) Exported() {}

const Limit = 20

// The states of a thing, told together.
const (
	Idle = iota
	Busy
)

var (
	Told   = 1 // Told is told.
	Untold = 2
)

type Pair[K, V any] struct{}

func (p Pair[K, V]) First() K { panic("") }
