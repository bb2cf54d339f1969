package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

const (
	// holdFor is for how long after a cloudburst agent's report no other one is heard: two that act at a time would order
	// everything twice.
	holdFor = 30 * time.Second
	// cloudOutdated is for how long a report is told to those who wait; the agent may be down since.
	cloudOutdated = time.Minute
	// cloudEvents is how many events of earlier reports are told.
	cloudEvents = 200
	// maxHolder bounds the name of a holder, in bytes, maxCloudEvents the events of a report.
	maxHolder      = 200
	maxCloudEvents = 10_000
)

func (s *Server) cloudRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/cloud", role: Viewer, scope: ofAll, answer: CloudReport{}, handle: inJSON(s.showCloud),
			summary: "Show what the cloudburst agent has reported last; 404 if none has since the scheduler was started."},
		{method: "PUT", pattern: "/v1/cloud", role: Operator, scope: ofAll, reports: true, body: CloudReport{}, handle: inJSON(s.reportCloud),
			statuses: []int{http.StatusNoContent},
			summary: "Report what a cloudburst agent sees and does; 409 if another one has reported within 30s, then this one must not act. " +
				"Of two with the same holder the one that began later is heard."},
	}
}

// clouds is the latest report of the cloudburst agent. It is kept in memory: the next report comes within seconds.
type clouds struct {
	mu     sync.Mutex
	latest CloudReport
	// waiting is what the report says of steps' tasks: where it says several things, what brings machines.
	waiting map[stepOfRun]*CloudWaiting
}

type stepOfRun struct{ run, step string }

// take takes in a report at a time, and tells whether it comes of another process than the one before. The error is the
// answer if another one that goes before has reported too lately.
func (c *clouds) take(now time.Time, r CloudReport) (taken bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := &c.latest
	if ago := now.Sub(before.At); before.Holder != "" && ago < holdFor {
		if err := before.keepsOut(&r, ago); err != nil {
			return false, err
		}
	}
	taken = r.Holder != before.Holder || !r.Began.Equal(before.Began)
	r.At = now
	r.Events = slices.Concat(before.Events, r.Events)
	r.Events = r.Events[max(0, len(r.Events)-cloudEvents):]
	c.waiting = make(map[stepOfRun]*CloudWaiting, len(r.Waiting))
	for i := range r.Waiting {
		w := &r.Waiting[i]
		if at := (stepOfRun{w.Run, w.Step}); c.waiting[at] == nil || c.waiting[at].VMs == 0 {
			c.waiting[at] = w
		}
	}
	c.latest = r
	return taken, nil
}

// keepsOut is the answer to a report of another process a while after this one. A process of the same holder that began later
// is not kept out: it was started anew, and must not have to wait.
func (c *CloudReport) keepsOut(r *CloudReport, ago time.Duration) error {
	switch {
	case r.Holder != c.Holder:
		return newProblem(http.StatusConflict, fmt.Sprintf(
			"the cloudburst agent %s has reported %s ago: %s must not act; it may report again %s after the other's last report",
			c.Holder, ago.Truncate(time.Second), r.Holder, holdFor))
	case r.Began.Before(c.Began):
		return newProblem(http.StatusConflict, fmt.Sprintf(
			"a cloudburst agent %s that began later, at %s, has reported %s ago: the one that began at %s must not act; "+
				"it may report again %s after the other's last report",
			c.Holder, c.Began.Format(time.RFC3339Nano), ago.Truncate(time.Second), r.Began.Format(time.RFC3339Nano), holdFor))
	}
	return nil
}

// report returns the latest report; false if there is none. It is to be read only.
func (c *clouds) report() (CloudReport, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest, c.latest.Holder != ""
}

// onTheWay says what comes for tasks of a step, see scheduler.Reactor.OnTheWay.
func (c *clouds) onTheWay(now time.Time, run state.RunID, step string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiting[stepOfRun{string(run), step}]
	switch {
	case w == nil || now.Sub(c.latest.At) > cloudOutdated:
		return ""
	case w.VMs > 0:
		return ", and " + expectation(now, w)
	case w.Why != "":
		return "; clouds: " + w.Why
	}
	return ""
}

// expectation says which machines come, and when.
func expectation(now time.Time, w *CloudWaiting) string {
	vms, are := plural(w.VMs, "cloud VM"), "are"
	if w.VMs == 1 {
		are = "is"
	}
	switch {
	case w.Expected == nil:
		return vms + " " + are + " on the way"
	case w.Expected.Before(now.Add(time.Second)):
		return vms + " " + are + " expected at any moment"
	case w.Expected.Before(now.Add(time.Minute)):
		return vms + " " + are + " expected within a minute"
	}
	minutes := (w.Expected.Sub(now) + 30*time.Second) / time.Minute
	return fmt.Sprintf("%s %s expected in about %dm", vms, are, minutes)
}

func (s *Server) showCloud(*request) (int, any, error) {
	r, there := s.clouds.report()
	if !there {
		return 0, nil, newProblem(http.StatusNotFound, "no cloudburst agent has reported since the scheduler was started")
	}
	return http.StatusOK, r, nil
}

// reportCloud takes in a report, and passes its events on.
func (s *Server) reportCloud(req *request) (int, any, error) {
	var r CloudReport
	if err := readJSON(req, &r); err != nil {
		return 0, nil, err
	}
	switch {
	case r.Holder == "" || len(r.Holder) > maxHolder:
		return 0, nil, badRequest(fmt.Sprintf("holder: say whose report it is, in at most %d bytes", maxHolder))
	case len(r.Events) > maxCloudEvents:
		return 0, nil, badRequest(fmt.Sprintf("events: %d are more than %d", len(r.Events), maxCloudEvents))
	}
	r.fill()
	events := slices.Clone(r.Events)
	taken, err := s.clouds.take(time.Now(), r)
	if err != nil {
		return 0, nil, err
	}
	if taken {
		s.log.Info("a cloudburst agent has begun to report", "holder", r.Holder, "began", r.Began, "vms", len(r.VMs))
	}
	s.feed.noteCloud(events)
	return http.StatusNoContent, nil, nil
}

// fill makes lists of what was left out.
func (c *CloudReport) fill() {
	c.VMs, c.Waiting, c.Events = orNone(c.VMs), orNone(c.Waiting), orNone(c.Events)
}

func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
