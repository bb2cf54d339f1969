package cloudburst

import (
	"context"
	"log/slog"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/planner"
	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// A flight is an operation on one machine that is under way, or of which it is not yet seen what has come of it. Each runs in
// a goroutine of its own with a deadline of its own: one that is stuck delays no other. While a machine has one nothing else
// is done with it. Flights are forgotten with the process; what they were to do the next round finds to be done still.
type flight struct {
	verb                              string
	intent, pool, cloud, flavor, zone string
	began                             time.Time
	// landed: it is over, and tick is when. The machine is looked at again by answers that were asked for after that.
	landed bool
	tick   int
	// until is until when what it was to make may still turn up, or until when it is not tried again.
	until time.Time
}

func (f *flight) lane() lane { return lane{f.cloud, f.flavor, f.zone} }

// subject is whose failures are the same failure: those of a machine, and of the boots in a lane.
func (f *flight) subject() string {
	if f.verb == string(planner.Boot) {
		return f.cloud + "/" + f.flavor + "/" + f.zone
	}
	return f.intent
}

// changesAgent says whether what has come of it is seen at the master.
func (f *flight) changesAgent() bool {
	switch f.verb {
	case verbRetire, verbKill, string(planner.Resume):
		return true
	}
	return false
}

// The operations. Those of the planner are planner.Verbs.
const (
	verbTag    = "tag"    // write down what was seen
	verbRetire = "retire" // take a drained machine's agent away for good, then the machine
	verbLeave  = "leave"  // delete, stop or shelve a machine without an agent
	verbCordon = "cordon"
	verbKill   = "kill" // as retire, though tasks run
)

// result is how an operation has ended.
type result struct {
	err    error
	events []Event
}

// takeOff begins an operation.
func (a *Agent) takeOff(ctx context.Context, f *flight, timeout time.Duration, work func(context.Context) result) {
	a.mu.Lock()
	a.flights[f.intent] = f
	a.tick++
	a.mu.Unlock()
	a.airborne.Add(1)
	go func() {
		defer a.airborne.Done()
		limited, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		r := work(limited)
		if ctx.Err() != nil {
			return // abandoned: that it has not succeeded is nobody's failure
		}
		a.metrics.operation(f.verb, f.cloud, r.err)
		a.land(f, r)
	}()
}

// land notes how an operation has ended and has it looked at.
func (a *Agent) land(f *flight, r result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tick++
	f.landed, f.tick = true, a.tick
	if r.err != nil {
		a.failed(f, r.err)
	} else {
		a.succeeded(f)
	}
	for _, e := range r.events {
		a.note(slog.LevelInfo, e)
	}
	a.wakeUp()
}

func (a *Agent) succeeded(f *flight) {
	delete(a.retries, f.intent)
	if a.failing.ends(f.subject()) {
		a.cfg.Log.Info("what had failed has succeeded", "verb", f.verb, "vm", f.intent, "cloud", f.cloud)
	}
	if f.verb == string(planner.Boot) {
		a.windows[f.lane()] = min(2*a.window(f.lane()), maxWindow)
	}
}

// maxWindow is how far a lane's window opens.
const maxWindow = 1024

// Settle waits until no operation is under way.
func (a *Agent) Settle() { a.airborne.Wait() }

// forget drops the flights that are over and whose outcome is to be seen in what the clouds and the master have said since.
func (a *Agent) forget(l *look) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for intent, f := range a.flights {
		c := l.clouds[f.cloud]
		if !f.landed || c == nil || c.tick < f.tick || f.changesAgent() && l.agents.tick < f.tick {
			continue
		}
		turnedUp := f.verb == string(planner.Boot) && l.servers[intent] != nil
		if turnedUp || !f.until.After(l.now) {
			delete(a.flights, intent)
		}
	}
	for intent := range a.retries {
		if a.flights[intent] == nil && l.servers[intent] == nil {
			delete(a.retries, intent)
			delete(a.failing, intent)
		}
	}
}

// ordered are machines that have been asked for and of which there is no server yet.
func (a *Agent) ordered(l *look) []planner.VM {
	a.mu.Lock()
	defer a.mu.Unlock()
	var vms []planner.VM
	for intent, f := range a.flights {
		if f.verb != string(planner.Boot) || l.servers[intent] != nil {
			continue
		}
		vms = append(vms, planner.VM{VM: vm.VM{
			Intent: intent, Cluster: a.cfg.Cluster, Pool: f.pool, Cloud: f.cloud, Flavor: f.flavor, Zone: f.zone,
			Stage: vm.Requested, Since: f.began, InFlight: f.verb,
		}})
	}
	return vms
}

// underWay names what is under way for a machine; "" for nothing.
func (a *Agent) underWay(intent string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.flights[intent]; f != nil {
		return f.verb
	}
	return ""
}
