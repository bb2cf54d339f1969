package sim

import (
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// meter measures what the report tells.
type meter struct {
	w        *world
	projects map[string]*ProjectReport
}

func newMeter(w *world) meter {
	return meter{w: w, projects: map[string]*ProjectReport{}}
}

func (m *meter) project(name string) *ProjectReport {
	p := m.projects[name]
	if p == nil {
		p = &ProjectReport{}
		m.projects[name] = p
	}
	return p
}

// committed counts what a batch did.
func (m *meter) committed(c *state.Changes) {
	m.w.people.committed(c)
	now := m.w.time()
	for i := range c.Runs {
		if c.Runs[i].Phase.Final() {
			m.w.report.Runs++
		}
	}
	for i := range c.Attempts {
		if a := &c.Attempts[i]; a.Outcome == "" && a.State == state.TaskStaging && a.Launched.Equal(now) {
			m.launched(a, now)
		}
	}
}

func (m *meter) launched(a *state.AttemptRecord, now time.Time) {
	m.w.report.Attempts++
	if a.ID.Number > 0 {
		return
	}
	run := m.w.daemon.reactor.State().Run(a.ID.Run)
	p := m.project(run.Record().Project)
	p.waits = append(p.waits, now.Sub(run.Step(a.ID.Step).Opened()))
}

// ended counts the end of a task's work.
func (m *meter) ended(x *execution, cause attemptCause) {
	p := m.project(x.launch.Project)
	p.used += float64(x.launch.Resources.CPUs) / 1000 * (m.w.now - x.begun).Seconds()
	if cause == endedWell {
		p.Tasks++
		m.w.report.Tasks++
	}
}

// finishReport sums up.
func (w *world) finishReport() Report {
	r := w.report
	r.Virtual, r.Events = w.now, int(w.done)
	cpus := 0.0
	for _, m := range w.sc.Machines {
		cpus += float64(m.Resources.CPUs) / 1000
	}
	capacity := max(cpus*w.sc.Length.Seconds(), 1)
	for _, a := range w.agents {
		for _, x := range a.sorted() {
			if x.alive {
				w.meter.project(x.launch.Project).used += float64(x.launch.Resources.CPUs) / 1000 * (w.now - x.begun).Seconds()
			}
		}
	}
	r.Projects = w.meter.projects
	var waits []time.Duration
	for _, p := range r.Projects {
		p.Utilisation = p.used / capacity
		p.Wait = quantiles(p.waits)
		waits = append(waits, p.waits...)
	}
	r.Wait = quantiles(waits)
	for _, name := range sortedKeys(r.Projects) {
		r.Utilisation += r.Projects[name].Utilisation
	}
	return r
}

func quantiles(waits []time.Duration) Quantiles {
	if len(waits) == 0 {
		return Quantiles{}
	}
	slices.Sort(waits)
	at := func(q float64) time.Duration { return waits[int(q*float64(len(waits)-1))] }
	return Quantiles{P50: at(0.5), P99: at(0.99), Max: waits[len(waits)-1]}
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
