package sim

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

// behaviours scripts every task: whether it fails, how often until it succeeds, and how long it takes. What fails
// must fail again when it is played again, so it is drawn from the seed and the task's name, not from a common stream.
func behaviours(seed uint64, healthy bool) func(*mesos.Launch, int) Behaviour {
	return func(l *mesos.Launch, failures int) Behaviour {
		task, try := drawFor(seed, l.ID.Step, l.ID.Index, 0), drawFor(seed, l.ID.String(), 0, 1)
		b := Behaviour{
			Start:    time.Duration(50+try.IntN(3000)) * time.Millisecond,
			Run:      time.Duration(try.ExpFloat64() * float64(20*time.Second)),
			Stubborn: task.IntN(8) == 0, Unlimited: try.IntN(4) == 0,
		}
		if task.IntN(10) == 0 {
			b.Run *= 15
		}
		if healthy {
			return b
		}
		fails := 0
		switch task.IntN(12) {
		case 0:
			fails = 1 << 30
		case 1, 2:
			fails = 1 + task.IntN(3)
		case 3:
			b.Unstartable = try.IntN(3) == 0
		}
		if l.Timeout > 0 && try.IntN(20) == 0 {
			b.Hangs, b.Unlimited, b.Undying = true, true, true
		}
		if l.Timeout > 0 && try.IntN(20) == 0 {
			b.Start = 24 * time.Hour // hangs while it is prepared
		}
		if failures >= fails {
			return b
		}
		switch task.IntN(5) {
		case 0:
			b.End.OutOfMemory = true
		case 1:
			b.Hangs = l.Timeout > 0
			b.End.ExitCode = 1
		default:
			b.End.ExitCode = []int{1, 75, 137}[task.IntN(3)]
		}
		return b
	}
}

// drawFor makes a stream of random numbers of a name's own.
func drawFor(seed uint64, name string, index int, salt uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed^h.Sum64(), salt<<32|uint64(index)))
}
