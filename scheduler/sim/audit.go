package sim

import (
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// audit checks what must always hold. It keeps books of its own, from what is made durable, what is asked of the
// master and what really happens on the agents, and shares no code with what it checks. What does not hold ends the
// simulation.
type audit struct {
	w    *world
	runs map[state.RunID]*auditRun
	keys map[[2]string]state.RunID // project and key

	// offers are those that the reactor was given and has not answered.
	offers map[string]mesos.Offer
	// owed are the updates of the step that must be acknowledged, by uuid; fresh the attempts that the step has made
	// durable and must launch.
	owed  map[string]*state.Status
	fresh map[state.AttemptID]bool
	// twins are the attempts that live and should not, as the step was told, killed those that it asks to end.
	twins, killed map[string]bool
	sent          map[state.AttemptID]bool // launched by an ACCEPT
	// alive are the attempts that are at work, causes why others are not any more.
	alive  map[taskName][]*execution
	causes map[state.AttemptID]attemptCause
	// away is when the master last told that a task cannot be reached, subscribed since when it can be heard.
	away       map[string]time.Duration
	subscribed time.Duration
	// cordons are until when agents are promised to get nothing new.
	cordons map[string]time.Duration
	// fits is since when a waiting step fits an agent on which nothing is launched.
	fits  map[fit]fitting
	steps int
	// pipelines holds all versions of the pipelines that are durable.
	pipelines map[string][]state.PipelineRecord
}

// auditRun is a run as it is durable.
type auditRun struct {
	rec      state.RunRecord
	pipeline *spec.Pipeline
	byName   map[string]int
	tasks    map[taskName][]state.AttemptRecord // attempts by number
	// forgotten: it was deleted.
	forgotten bool
}

func newAudit(w *world) *audit {
	return &audit{
		w: w, runs: map[state.RunID]*auditRun{}, keys: map[[2]string]state.RunID{},
		offers: map[string]mesos.Offer{}, owed: map[string]*state.Status{},
		fresh: map[state.AttemptID]bool{}, sent: map[state.AttemptID]bool{},
		twins: map[string]bool{}, killed: map[string]bool{},
		alive: map[taskName][]*execution{}, causes: map[state.AttemptID]attemptCause{},
		cordons: map[string]time.Duration{}, fits: map[fit]fitting{}, away: map[string]time.Duration{},
		pipelines: map[string][]state.PipelineRecord{},
	}
}

// given notes what a step is given.
func (a *audit) given(batch []scheduler.Input) {
	clear(a.owed)
	clear(a.fresh)
	clear(a.twins)
	clear(a.killed)
	for _, in := range batch {
		if c, is := in.(*scheduler.Uncordon); is {
			delete(a.cordons, c.Agent)
		}
		e, ok := in.(scheduler.Event)
		if !ok {
			continue
		}
		switch e := e.Event.(type) {
		case mesos.Offers:
			for _, o := range e.Offers {
				a.offers[o.ID] = o
			}
		case mesos.Rescinded:
			delete(a.offers, e.OfferID)
		case mesos.Subscribed, mesos.Disconnected, mesos.FrameworkRemoved:
			clear(a.offers)
			a.subscribed = a.w.now
		case mesos.AgentFailed:
			for _, id := range sortedKeys(a.offers) {
				if a.offers[id].AgentID == e.AgentID {
					delete(a.offers, id)
				}
			}
		case mesos.Update:
			a.told(&e.Status)
		}
	}
}

// told notes what an update obliges the reactor to: an acknowledgement, and if it is of an attempt that is over but
// alive, a kill.
func (a *audit) told(st *state.Status) {
	if len(st.UUID) > 0 {
		a.owed[string(st.UUID)] = st
	}
	if st.State == state.TaskUnreachable || st.State == state.TaskUnknown {
		a.away[st.TaskID] = a.w.now
	}
	id, err := state.ParseAttemptID(st.TaskID)
	if rec := a.attempt(id); err == nil && rec != nil && rec.Outcome != "" && progress(st.State) >= 0 && st.State != state.TaskKilling {
		a.twins[st.TaskID] = true
	}
}

// calls checks what a step asks of the master, which is after its commit.
func (a *audit) calls(calls []mesos.Call) {
	for _, c := range calls {
		switch c := c.(type) {
		case mesos.Accept:
			a.accepted(&c)
		case mesos.Decline:
			for _, id := range c.OfferIDs {
				a.answered(id)
			}
		case mesos.Acknowledge:
			a.acknowledged(&c)
			delete(a.owed, string(c.UUID))
		case mesos.Kill:
			a.killed[c.TaskID] = true
		}
	}
}

// answered takes an offer off the books: each is answered once.
func (a *audit) answered(id string) mesos.Offer {
	o, held := a.offers[id]
	if !held {
		a.w.fail("offer %s is answered, which is not held: it was answered before, or rescinded, or never made", id)
	}
	delete(a.offers, id)
	return o
}

// accepted checks that a launch is durable, and that the offers hold what it takes.
func (a *audit) accepted(c *mesos.Accept) {
	var held, taken spec.Resources
	role := ""
	for i, id := range c.OfferIDs {
		o := a.answered(id)
		held = plus(held, o.Resources)
		if o.AgentID != c.AgentID || i > 0 && o.Role != role {
			a.w.fail("an ACCEPT on %s combines offer %s of %s, role %s", c.AgentID, id, o.AgentID, o.Role)
		}
		role = o.Role
	}
	for _, l := range c.Launches {
		rec := a.attempt(l.ID)
		taken = plus(taken, l.Resources)
		switch {
		case rec == nil:
			a.w.fail("%s is launched but not durable", l.ID)
		case rec.Outcome != "" || rec.Agent != c.AgentID:
			a.w.fail("%s is launched on %s; durable is: %s", l.ID, c.AgentID, describeAttempt(rec))
		case a.sent[l.ID]:
			a.w.fail("%s is launched twice", l.ID)
		}
		a.image(l.ID, l.Image)
		a.place(l.ID, c.AgentID)
		a.sent[l.ID] = true
		delete(a.fresh, l.ID)
	}
	if !within(taken, held) {
		a.w.fail("the launches on %s take %s, the offers hold %s", c.AgentID, describeResources(taken), describeResources(held))
	}
}

// acknowledged checks that what an update says is durable.
func (a *audit) acknowledged(c *mesos.Acknowledge) {
	st := a.owed[string(c.UUID)]
	if st == nil {
		return // it came twice in this step
	}
	id, err := state.ParseAttemptID(c.TaskID)
	if err != nil || a.runs[id.Run] == nil {
		return
	}
	rec := a.attempt(id)
	switch {
	case rec == nil:
		a.w.fail("an update of %s is acknowledged, an attempt of which nothing is durable", id)
	case rec.Outcome == "" && st.State.Terminal(), rec.Outcome == "" && progress(rec.State) < progress(st.State):
		a.w.fail("%s is acknowledged; durable is: %s", describeStatus(st), describeAttempt(rec))
	}
}

// progress orders the states of a living task.
func progress(s state.TaskState) int {
	return slices.Index([]state.TaskState{state.TaskStaging, state.TaskStarting, state.TaskRunning, state.TaskKilling}, s)
}

// stepped checks what a step that came to its end must have done.
func (a *audit) stepped() {
	a.steps++
	for _, uuid := range sortedKeys(a.owed) {
		a.w.fail("%s is not acknowledged", describeStatus(a.owed[uuid]))
	}
	for _, id := range sortedKeys(a.twins) {
		if !a.killed[id] {
			a.w.fail("%s lives, though it was replaced or its run was cancelled or has ended, and is not killed", id)
		}
	}
	for id := range a.fresh {
		a.w.fail("%s is durable as launched, but no ACCEPT launches it", id)
	}
	if held := a.w.daemon.reactor.OffersHeld(); held != len(a.offers) {
		a.w.fail("the reactor counts %d offers, %d are held", held, len(a.offers))
	}
	if a.steps%8 == 0 {
		a.rebuilt()
		a.explained()
	}
}

// restarted notes that the scheduler's process has ended.
func (a *audit) restarted() {
	clear(a.offers)
	clear(a.owed)
	clear(a.fresh)
	clear(a.fits)
	clear(a.away)
	clear(a.cordons)
}

// attempt returns what is durable of an attempt, or nil.
func (a *audit) attempt(id state.AttemptID) *state.AttemptRecord {
	r := a.runs[id.Run]
	if r == nil {
		return nil
	}
	attempts := r.tasks[taskOf(id)]
	if id.Number >= len(attempts) {
		return nil
	}
	return &attempts[id.Number]
}

// promised checks an answer to a submission: the run is durable, and a key makes one run.
func (a *audit) promised(r *request, s scheduler.Submitted) {
	run := a.runs[s.Run.ID]
	if run == nil {
		a.w.fail("run %s is promised but not durable", s.Run.ID)
	}
	if run.rec.Spec != r.Spec || run.rec.Key != r.Key {
		a.w.fail("run %s is the answer to another submission", s.Run.ID)
	}
}

// cancelPromised checks an answer to a cancellation.
func (a *audit) cancelPromised(rec state.RunRecord) {
	if a.runs[rec.ID].rec.Cancelled.IsZero() {
		a.w.fail("the cancellation of run %s is promised but not durable", rec.ID)
	}
}

// started checks that no two attempts of a task are at work unless the earlier one was declared gone.
func (a *audit) started(x *execution) {
	id := x.launch.ID
	task := taskOf(id)
	if a.attempt(id) == nil {
		a.w.fail("%s runs, but is not durable", id)
	}
	for _, other := range a.alive[task] {
		rec := a.attempt(other.launch.ID)
		switch {
		case rec.Outcome == "":
			a.w.fail("%s runs on %s beside %s, which lives on %s", id, x.agent.id, other.id, other.agent.id)
		case rec.Outcome == state.Cancelled, a.unanswered(rec):
		case rec.State != state.TaskUnreachable && rec.State != state.TaskGoneByOperator && rec.State != state.TaskLost:
			a.w.fail("%s runs on %s beside %s on %s, which was believed to be dead: %s",
				id, x.agent.id, other.id, other.agent.id, describeAttempt(rec))
		}
	}
	a.alive[task] = append(a.alive[task], x)
}

// unanswered reports whether an attempt was given up because its agent did not answer a kill.
func (a *audit) unanswered(rec *state.AttemptRecord) bool {
	limits := &a.w.sc.Config.Limits
	return rec.Kill == state.KillTimeout && rec.Ended.Sub(rec.Killed) > limits.KillGrace+limits.CancelWait
}

// ended notes why an attempt is not at work any more.
func (a *audit) ended(x *execution, cause attemptCause) {
	task := taskOf(x.launch.ID)
	a.causes[x.launch.ID] = cause
	a.alive[task] = slices.DeleteFunc(a.alive[task], func(o *execution) bool { return o == x })
	if len(a.alive[task]) == 0 {
		delete(a.alive, task)
	}
}
