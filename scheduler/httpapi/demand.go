package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

const (
	// maxWait is how long a request for another demand is kept waiting at most.
	maxWait = 30 * time.Second
	// demandPause is the least time between two answers that tell of a change, and demandRest how many times as long as
	// it took to make the first: where tasks end all the time, every answer is outdated at once.
	demandPause = 200 * time.Millisecond
	demandRest  = 4
	// maxCordon bounds how long a cordon lasts that nobody renews.
	maxCordon = 24 * time.Hour
	// maxReason bounds the reason of a cordon, in bytes.
	maxReason = 1000
)

func (s *Server) demandRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/demand", role: Operator, scope: ofAll, answer: Demand{}, handle: inJSON(s.showDemand),
			summary: "Show what waits and what there is to hold it; told what was seen, wait until there is something else.",
			query: []param{
				{name: "seen", kind: text, summary: "The version that was seen last: answer when there is another."},
				{name: "wait", kind: interval, most: int(maxWait.Seconds()), summary: "For how long to wait for it."},
			}},
		{method: "PUT", pattern: "/v1/agents/{agent}/cordon", role: Operator, scope: ofAll, body: Cordon{}, handle: inJSON(s.cordon),
			statuses: []int{http.StatusNoContent},
			summary:  "Launch nothing on an agent for a while: its tasks go on. It need not be known yet."},
		{method: "DELETE", pattern: "/v1/agents/{agent}/cordon", role: Operator, scope: ofAll, handle: inJSON(s.uncordon),
			statuses: []int{http.StatusNoContent},
			summary:  "Launch tasks on an agent again."},
	}
}

// bell wakes all that wait for something to change.
type bell struct {
	mu   sync.Mutex
	rung chan struct{}
	next time.Time // when the next answer may be made
}

func newBell() bell { return bell{rung: make(chan struct{})} }

// ring wakes them. It does not wait.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.rung)
	b.rung = make(chan struct{})
}

// wait returns what is closed when it rings next.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rung
}

// pause returns how long to wait before the next answer is made.
func (b *bell) pause(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next.Sub(now)
}

// answered notes that an answer was made, and how long that took.
func (b *bell) answered(now time.Time, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = now.Add(max(demandPause, demandRest*took))
}

// showDemand answers at once who has seen nothing or something old, others when there is something new. Explaining what
// waits takes a while, so it is done beside the loop.
func (s *Server) showDemand(req *request) (int, any, error) {
	seen := req.query.text("seen")
	end := time.Now().Add(req.query.interval("wait"))
	if seen != "" {
		if err := sleep(req.Context(), s.moved.pause(time.Now())); err != nil {
			return 0, nil, err
		}
	}
	for {
		rung, began := s.moved.wait(), time.Now() // before the version is asked for: nothing is missed
		demand, err := look(req.Context(), s.cfg.Daemon, func(now time.Time, r *scheduler.Reactor) (func() scheduler.Demand, error) {
			if r.DemandVersion() == s.demandSeen(seen) && now.Before(end) {
				return nil, nil
			}
			return r.Demand(now), nil
		})
		if err != nil {
			return 0, nil, err
		}
		if demand != nil {
			view := s.demandView(demand())
			s.moved.answered(time.Now(), time.Since(began))
			return http.StatusOK, view, nil
		}
		select {
		case <-rung:
		case <-time.After(time.Until(end)):
		case <-s.cfg.Daemon.Done():
		case <-req.Context().Done():
			return 0, nil, req.Context().Err()
		}
	}
}

// sleep waits unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// demandID names a version for clients, demandSeen reads that; -1 if it is of another process, or foreign.
func (s *Server) demandID(version int64) string { return s.feed.id(version) }

func (s *Server) demandSeen(id string) int64 {
	if version, ours := s.feed.position(id); ours {
		return version
	}
	return -1
}

func (s *Server) demandView(d scheduler.Demand) Demand {
	v := Demand{
		Version: s.demandID(d.Version), At: d.At.UTC(), Connected: d.Connected,
		Waiting: make([]Demanded, len(d.Waiting)), Agents: make([]Supply, len(d.Agents)),
	}
	for i := range d.Waiting {
		v.Waiting[i] = demandedView(&d.Waiting[i])
	}
	// What had ended when the demand was made is known to the logs since.
	uncollected := s.uncollected()
	for i := range d.Agents {
		v.Agents[i] = supplyView(&d.Agents[i])
		v.Agents[i].Uncollected = uncollected(d.Agents[i].ID)
	}
	return v
}

// uncollected counts the attempts that have ended on an agent and whose logs are still to be collected. While not all of
// them are known there may be one on any agent.
func (s *Server) uncollected() func(agent string) int {
	if s.cfg.Logs == nil {
		return func(string) int { return 0 }
	}
	byAgent, all := s.cfg.Logs.Uncollected()
	least := 1
	if all {
		least = 0
	}
	return func(agent string) int { return max(byAgent[agent], least) }
}

func demandedView(d *scheduler.Demanded) Demanded {
	v := Demanded{
		Run: string(d.Run), Project: d.Project, Pipeline: d.Pipeline, Step: d.Step, Tasks: d.Tasks, Since: d.Since.UTC(),
		Need: resourcesView(d.Each), Avoid: d.Shape.Avoid, Spread: d.Spread, Reason: string(d.Reason), Why: d.Why,
		UsualSeconds: d.Usual.Seconds(), TimeoutSeconds: d.Timeout.Seconds(), Deadline: optional(d.Deadline),
	}
	for _, w := range d.Shape.Where {
		v.Where = append(v.Where, Constraint{Attribute: w.Attribute, Op: string(w.Op), Value: w.Value})
	}
	b := &d.Shape.Burst
	v.Burst = Burst{Allow: b.Allow, AfterSeconds: b.After.Seconds(), Clouds: b.Clouds, From: optional(d.BurstFrom)}
	return v
}

func supplyView(a *scheduler.Supply) Supply {
	v := Supply{
		ID: a.ID, Hostname: a.Hostname, Attributes: a.Attributes, Capacity: resourcesView(a.Capacity),
		Free: resourcesView(a.Free), Used: resourcesView(a.Used), Tasks: a.Tasks,
		IdleSince: optional(a.Idle), Maintenance: optional(a.Maintenance), Cordon: cordonView(&a.AgentView),
	}
	for _, f := range a.Frees {
		v.Frees = append(v.Frees, Freeing{At: f.At.UTC(), Resources: resourcesView(f.Resources)})
	}
	return v
}

func cordonView(a *scheduler.AgentView) *Cordoned {
	if a.CordonUntil.IsZero() {
		return nil
	}
	return &Cordoned{Reason: a.CordonReason, Until: a.CordonUntil.UTC()}
}

// cordon keeps an agent free of new tasks.
func (s *Server) cordon(req *request) (int, any, error) {
	var c Cordon
	if err := readJSON(req, &c); err != nil {
		return 0, nil, err
	}
	lasts, err := strictyaml.ParseDuration(c.For)
	switch {
	case err != nil:
		return 0, nil, badRequest(fmt.Sprintf("for: %s (such as 10m or PT10M)", err))
	case lasts <= 0 || lasts > maxCordon:
		return 0, nil, badRequest(fmt.Sprintf("for: %s is not from 1s to %s; to have it for longer, ask again", c.For, maxCordon))
	case c.Reason == "" || len(c.Reason) > maxReason:
		return 0, nil, badRequest(fmt.Sprintf("reason: say why, in at most %d bytes", maxReason))
	}
	_, err = await(req.Context(), s.cfg.Daemon, func(done func(struct{}, error)) scheduler.Input {
		return &scheduler.Cordon{Agent: req.PathValue("agent"), Reason: c.Reason, For: lasts, Done: func() { done(struct{}{}, nil) }}
	})
	return http.StatusNoContent, nil, err
}

func (s *Server) uncordon(req *request) (int, any, error) {
	_, err := await(req.Context(), s.cfg.Daemon, func(done func(struct{}, error)) scheduler.Input {
		return &scheduler.Uncordon{Agent: req.PathValue("agent"), Done: func() { done(struct{}{}, nil) }}
	})
	return http.StatusNoContent, nil, err
}

// interval gives a duration; 0 if it was not given.
func (q query) interval(name string) time.Duration {
	d, _ := strictyaml.ParseDuration(q.text(name))
	return d
}

// checkInterval says what is wrong with a duration, or nothing.
func (p param) checkInterval(text string) string {
	d, err := strictyaml.ParseDuration(text)
	if err != nil || d > time.Duration(p.most)*time.Second {
		return strconv.Quote(text) + " is no duration " + p.span()
	}
	return ""
}
