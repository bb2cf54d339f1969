package sim

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// world is a simulation under way.
type world struct {
	clock
	sc     Scenario
	rng    *rand.Rand
	log    *slog.Logger
	trace  *tracer
	master *master
	driver *driver
	daemon *daemon
	people *people
	agents []*agent // every machine that ever was
	// incarnations counts the machines of a name.
	incarnations map[string]int
	audit        *audit // nil if the scenario is unchecked
	meter        meter
	report       Report
	// calm: what went wrong has been put right, and nothing more goes wrong.
	calm bool
	// failures is how often a task has failed by itself.
	failures map[taskName]int
	uuids    int
}

// Run plays a scenario to its end, or to the first thing that does not hold.
func Run(sc Scenario) (report Report) {
	w := newWorld(sc)
	defer func() {
		report = w.finishReport()
		switch r := recover().(type) {
		case nil:
		case broken:
			report.Err = fmt.Errorf("at %s: %s", w.now, string(r))
			w.tracef("BROKEN: %s", string(r))
		default:
			w.tracef("PANIC: %v", r)
			report.Err = fmt.Errorf("at %s: panic: %v\n%s", w.now, r, debug.Stack())
		}
	}()
	w.start()
	w.play()
	return report
}

// broken is the panic of something that does not hold.
type broken string

// fail ends the simulation because something does not hold.
func (w *world) fail(format string, args ...any) {
	panic(broken(fmt.Sprintf(format, args...)))
}

func newWorld(sc Scenario) *world {
	if len(sc.Roles) == 0 {
		sc.Roles = []string{"*"}
	}
	w := &world{
		sc: sc, rng: rand.New(rand.NewPCG(sc.Seed, 1)), log: slog.New(slog.DiscardHandler),
		trace: newTracer(sc.Trace), failures: map[taskName]int{}, incarnations: map[string]int{},
		report: Report{Seed: sc.Seed, Faults: map[string]int{}},
	}
	w.meter = newMeter(w)
	w.master = newMaster(w)
	w.driver = newDriver(w)
	if !sc.Unchecked {
		w.audit = newAudit(w)
	}
	w.daemon = newDaemon(w)
	w.people = newPeople(w)
	return w
}

// start sets up what happens by itself.
func (w *world) start() {
	for _, m := range w.sc.Machines {
		w.addAgent(m)
	}
	w.after(0, w.daemon.start)
	w.after(w.sc.Timing.Allocation, w.master.tick)
	for _, a := range w.sc.actions {
		w.at(a.at, func() { a.do(w) })
	}
	w.people.start()
	if w.audit != nil {
		w.after(time.Second, w.audit.watch)
	}
}

// play goes on until the scenario's length has passed and all runs have ended.
func (w *world) play() {
	limit := w.sc.Length + w.sc.Patience
	for w.now < limit {
		if w.now >= w.sc.Length && !w.calm {
			w.calmDown()
		}
		if w.calm && w.people.satisfied() {
			w.settle()
			return
		}
		if !w.step() {
			break
		}
	}
	if w.audit != nil {
		w.audit.unfinished()
	}
}

// settle lets what is on its way arrive, then looks at what is left.
func (w *world) settle() {
	w.tracef("all runs have ended")
	w.advance(w.now + settling)
	if w.audit != nil {
		w.audit.final()
	}
}

// settling is how long after the last run's end everything must be in order: updates are acknowledged, twins are
// dead, no offer is held. Nobody may tell of a twin but a reconciliation of everything, every 15 minutes, and what does
// not heed its first kill is killed again only by the next.
const settling = 50 * time.Minute

// calmDown puts right what went wrong, so that all can come to its end.
func (w *world) calmDown() {
	w.tracef("from here on nothing more goes wrong")
	w.calm = true
	w.sc.noise = noise{}
	w.people.watched = ""
	if !w.master.up {
		w.master.restore()
	}
	for _, a := range w.agents {
		a.heal()
	}
}

// draw draws a duration from a span.
func (w *world) draw(s Span) time.Duration {
	if s.Max <= s.Min {
		return s.Min
	}
	return s.Min + time.Duration(w.rng.Int64N(int64(s.Max-s.Min)+1))
}

// chance is true with a probability.
func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// network is how long the next message takes.
func (w *world) network() time.Duration { return w.draw(w.sc.Timing.Network) }

// pick chooses one of several; the zero value if there is none.
func pick[T any](rng *rand.Rand, all []T) T {
	var none T
	if len(all) == 0 {
		return none
	}
	return all[rng.IntN(len(all))]
}

// fault counts and traces something that goes wrong.
func (w *world) fault(kind, format string, args ...any) {
	w.report.Faults[kind]++
	w.tracef("FAULT "+format, args...)
}
