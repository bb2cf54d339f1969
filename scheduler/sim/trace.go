package sim

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// tracer writes what happens, a line each, with the time before it. A nil tracer writes nothing.
type tracer struct{ to io.Writer }

func newTracer(to io.Writer) *tracer {
	if to == nil {
		return nil
	}
	return &tracer{to}
}

// tracef writes a line. Arguments that are costly to make are to be made only if w.trace is not nil.
func (w *world) tracef(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace.to, "%s  %s\n", stamp(w.now), fmt.Sprintf(format, args...))
	}
}

// stamp writes a time as hours, minutes, seconds and milliseconds.
func stamp(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3600000, ms/60000%60, ms/1000%60, ms%1000)
}

// batch writes what the reactor is given.
func (w *world) traceBatch(batch []scheduler.Input) {
	if w.trace == nil || len(batch) == 0 {
		return
	}
	w.tracef("batch of %d", len(batch))
	for _, in := range batch {
		w.tracef("  %s", describeInput(in))
	}
}

// traceChanges writes what a batch makes durable.
func (w *world) traceChanges(c *state.Changes) {
	if w.trace == nil || c.Empty() {
		return
	}
	for i := range c.Runs {
		w.tracef("  keep %s", describeRun(&c.Runs[i]))
	}
	for i := range c.Attempts {
		w.tracef("  keep %s", describeAttempt(&c.Attempts[i]))
	}
	for i := range c.Pipelines {
		w.tracef("  keep version %d of pipeline %s", c.Pipelines[i].Version, c.Pipelines[i].Name)
	}
	for _, id := range c.Forgotten {
		w.tracef("  forget run %s", id)
	}
	if c.FrameworkID != nil {
		w.tracef("  keep framework id %q", *c.FrameworkID)
	}
}

// traceCalls writes what the reactor asks of the master.
func (w *world) traceCalls(calls []mesos.Call) {
	if w.trace == nil {
		return
	}
	for _, c := range calls {
		w.tracef("  call %s", describeCall(c))
	}
}

func describeInput(in scheduler.Input) string {
	switch in := in.(type) {
	case scheduler.Event:
		return describeEvent(in.Event)
	case *scheduler.Submit:
		return fmt.Sprintf("submit %s as %s%s", in.Pipeline.Name, in.ID, ifText(" with key ", in.Key))
	case *scheduler.Cancel:
		return fmt.Sprintf("cancel %s", in.ID)
	case *scheduler.Retry:
		return fmt.Sprintf("retry %s", in.ID)
	case *scheduler.Forget:
		return fmt.Sprintf("forget %s", in.ID)
	case *scheduler.Cordon:
		return fmt.Sprintf("cordon %s for %s", in.Agent, in.For)
	case *scheduler.Uncordon:
		return fmt.Sprintf("uncordon %s", in.Agent)
	case *scheduler.PutPipeline:
		return fmt.Sprintf("put pipeline %s", in.Name)
	case *scheduler.DeletePipeline:
		return fmt.Sprintf("delete pipeline %s", in.Name)
	}
	return fmt.Sprintf("%T", in)
}

func describeEvent(e mesos.Event) string {
	switch e := e.(type) {
	case mesos.Subscribed:
		return fmt.Sprintf("subscribed as %s", e.FrameworkID)
	case mesos.Disconnected:
		return fmt.Sprintf("disconnected: %v", e.Err)
	case mesos.FrameworkRemoved:
		return fmt.Sprintf("framework removed: %s", e.Message)
	case mesos.Offers:
		texts := make([]string, len(e.Offers))
		for i, o := range e.Offers {
			texts[i] = fmt.Sprintf("%s of %s (%s)", o.ID, o.AgentID, describeResources(o.Resources))
			if o.Role != "*" {
				texts[i] += " for " + o.Role
			}
		}
		return "offers " + strings.Join(texts, ", ")
	case mesos.Rescinded:
		return "rescinded " + e.OfferID
	case mesos.Update:
		return "update " + describeStatus(&e.Status)
	case mesos.AgentFailed:
		return "agent failed " + e.AgentID
	case mesos.InverseOffers:
		return fmt.Sprintf("inverse offers for %s from %s", e.Offers[0].AgentID, stamp(e.Offers[0].From.Sub(epoch)))
	}
	return fmt.Sprintf("%T", e)
}

func describeStatus(s *state.Status) string {
	text := fmt.Sprintf("%s %s", s.TaskID, s.State)
	if s.Reason != "" {
		text += " " + string(s.Reason)
	}
	text += ifText(" from ", strings.ToLower(strings.TrimPrefix(string(s.Source), "SOURCE_"))) + ifText(" of ", s.Agent)
	if len(s.UUID) > 0 {
		text += " #" + string(s.UUID)
	}
	if s.Message != "" {
		text += fmt.Sprintf(" %q", s.Message)
	}
	return text
}

func describeCall(c mesos.Call) string {
	switch c := c.(type) {
	case mesos.Accept:
		ids := make([]string, len(c.Launches))
		for i, l := range c.Launches {
			ids[i] = l.ID.String()
		}
		return fmt.Sprintf("accept %s on %s, launch %s, refuse the rest for %s",
			strings.Join(c.OfferIDs, "+"), c.AgentID, strings.Join(ids, " "), c.Refuse)
	case mesos.Decline:
		return fmt.Sprintf("decline %s for %s", strings.Join(c.OfferIDs, " "), c.Refuse)
	case mesos.Kill:
		return fmt.Sprintf("kill %s on %s", c.TaskID, c.AgentID)
	case mesos.Acknowledge:
		return fmt.Sprintf("acknowledge %s #%s", c.TaskID, c.UUID)
	case mesos.Reconcile:
		if len(c.Tasks) == 0 {
			return "reconcile everything"
		}
		ids := make([]string, len(c.Tasks))
		for i, t := range c.Tasks {
			ids[i] = t.TaskID
		}
		return "reconcile " + strings.Join(ids, " ")
	case mesos.AcceptInverseOffers:
		return "accept inverse " + strings.Join(c.OfferIDs, " ")
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", c), "mesos."))
}

func describeRun(r *state.RunRecord) string {
	text := fmt.Sprintf("run %s %s", r.ID, r.Phase)
	if r.Generation > 0 {
		text += fmt.Sprintf(", generation %d", r.Generation)
	}
	return text
}

func describeAttempt(a *state.AttemptRecord) string {
	text := fmt.Sprintf("attempt %s %s on %s", a.ID, a.State, a.Agent)
	if !a.Unreachable.IsZero() {
		text += ", unreachable"
	}
	if a.Kill != "" {
		text += ", killed for " + string(a.Kill)
	}
	if a.Outcome != "" {
		text += ", " + string(a.Outcome)
	}
	if !a.RetryAt.IsZero() {
		text += fmt.Sprintf(", again from %s", stamp(a.RetryAt.Sub(epoch)))
	}
	if a.Message != "" {
		text += fmt.Sprintf(" %q", a.Message)
	}
	return text
}

func describeResources(r spec.Resources) string {
	text := fmt.Sprintf("%g cpus %dMiB", float64(r.CPUs)/1000, r.Mem)
	if r.GPUs > 0 {
		text += fmt.Sprintf(" %d gpus", r.GPUs)
	}
	return text
}

// ifText is a text with something before it, or nothing.
func ifText(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
