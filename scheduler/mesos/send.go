package mesos

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/client"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

const (
	// retries is how often an idempotent call is tried again before the subscription is given up.
	retries = 3
	// refuseInverse is how long the master shall not ask again for agents that we have agreed to give back.
	refuseInverse = time.Minute
)

// Send queues calls for the master and returns at once. Accept, Decline, Kill, Reconcile, Revive, Suppress and
// AcceptInverseOffers go out one after another in the order given, each when the one before was answered; only
// Acknowledges overtake them, and each other. What cannot be sent because there is no subscription is dropped: the
// reconciliation after the next one finds out what is missing.
func (d *Driver) Send(calls []Call) {
	d.mu.Lock()
	s := d.current
	d.mu.Unlock()
	if s == nil {
		d.dropped(calls)
		return
	}
	for i, c := range calls {
		q := s.ordered
		if _, ok := c.(Acknowledge); ok {
			q = s.acks
		}
		if !q.put(c) {
			d.dropped(calls[i:])
			return
		}
	}
}

// dropped accounts for calls that were not sent.
func (d *Driver) dropped(calls []Call) {
	if len(calls) == 0 {
		return
	}
	counts := map[string]int{}
	for _, c := range calls {
		counts[callName(c)]++
		d.cfg.Observe(Observation{Kind: ObservedCall, Type: callName(c), Outcome: OutcomeDropped})
	}
	d.cfg.Logger.Info("calls dropped for want of a subscription", "calls", counts)
}

// callName is a call's type in scheduler.proto.
func callName(c Call) string {
	switch c.(type) {
	case Accept:
		return scheduler.Call_ACCEPT.String()
	case Decline:
		return scheduler.Call_DECLINE.String()
	case Kill:
		return scheduler.Call_KILL.String()
	case Acknowledge:
		return scheduler.Call_ACKNOWLEDGE.String()
	case Reconcile:
		return scheduler.Call_RECONCILE.String()
	case Revive:
		return scheduler.Call_REVIVE.String()
	case Suppress:
		return scheduler.Call_SUPPRESS.String()
	case AcceptInverseOffers:
		return scheduler.Call_ACCEPT_INVERSE_OFFERS.String()
	}
	panic(fmt.Sprintf("mesos: no such call: %T", c))
}

// serve sends the calls of a queue one after another, until the queue is closed.
func (s *subscription) serve(q *queue) {
	for {
		c, ok := q.get()
		if !ok {
			return
		}
		switch c := c.(type) {
		case Accept:
			s.accept(c)
		case Decline:
			s.book.take(c.OfferIDs)
			s.repeat(decline(c.OfferIDs, c.Refuse))
		case Kill:
			s.repeat(kill(c))
		case Acknowledge:
			s.acknowledge(c)
		case Reconcile:
			s.repeat(reconcile(c))
		case Revive:
			s.repeat(calls.Revive())
		case Suppress:
			s.repeat(calls.Suppress())
		case AcceptInverseOffers:
			s.repeat(calls.AcceptInverseOffers(offerIDs(c.OfferIDs)...).With(calls.RefuseSeconds(refuseInverse)))
		}
	}
}

func offerIDs(ids []string) []mesosgo.OfferID {
	list := make([]mesosgo.OfferID, len(ids))
	for i, id := range ids {
		list[i].Value = id
	}
	return list
}

func decline(ids []string, refuse time.Duration) *scheduler.Call {
	return calls.Decline(offerIDs(ids)...).With(calls.RefuseSeconds(refuse))
}

func kill(c Kill) *scheduler.Call {
	call := calls.Kill(c.TaskID, c.AgentID)
	if c.Grace > 0 {
		call.Kill.KillPolicy = killPolicy(c.Grace)
	}
	return call
}

func reconcile(c Reconcile) *scheduler.Call {
	var tasks []scheduler.Call_Reconcile_Task
	for _, t := range c.Tasks {
		task := scheduler.Call_Reconcile_Task{TaskID: mesosgo.TaskID{Value: t.TaskID}}
		if t.AgentID != "" {
			task.AgentID = &mesosgo.AgentID{Value: t.AgentID}
		}
		tasks = append(tasks, task)
	}
	return &scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{Tasks: tasks}}
}

// acknowledge leaves out updates that have no UUID: the master made them itself and waits for nothing.
func (s *subscription) acknowledge(c Acknowledge) {
	if len(c.UUID) > 0 {
		s.repeat(calls.Acknowledge(c.AgentID, c.TaskID, c.UUID))
	}
}

// accept launches tasks with the resources of the offers that it names. Launches that cannot reach the master are reported as dropped.
func (s *subscription) accept(c Accept) {
	held, unknown := s.book.take(c.OfferIDs)
	if len(unknown) > 0 {
		for _, l := range c.Launches {
			s.launchDropped(c.AgentID, l.ID, fmt.Sprintf("Offer %s is no longer valid", strings.Join(unknown, ", ")))
		}
		c.Launches = nil
	}
	if len(held) == 0 {
		return
	}
	a := newAcceptance(held, s.d.cfg.Revocable)
	for i := range c.Launches {
		if err := a.launch(c.AgentID, &c.Launches[i]); err != nil {
			s.launchDropped(c.AgentID, c.Launches[i].ID, err.Error())
		}
	}
	call := &scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: &scheduler.Call_Accept{OfferIDs: a.ids}}
	call.With(calls.RefuseSeconds(c.Refuse))
	if len(a.tasks) > 0 {
		call.Accept.Operations = []mesosgo.Offer_Operation{calls.OpLaunch(a.tasks...)}
	}
	// An ACCEPT without an answer may have launched its tasks; to repeat it could only do harm.
	err := s.do(call, 0)
	var r *refusal
	if !errors.As(err, &r) || r.status/100 != 4 {
		return
	}
	for _, t := range a.tasks {
		s.taskDropped(c.AgentID, t.TaskID.Value, err.Error())
	}
	if s.ctx.Err() == nil { // the master still counts the offers as ours
		s.repeat(calls.Decline(a.ids...).With(calls.RefuseSeconds(0)))
	}
}

func (s *subscription) launchDropped(agent string, id state.AttemptID, why string) {
	s.taskDropped(agent, id.String(), "Task launched with invalid offers: "+why)
}

// taskDropped reports a launch that never reached an agent, the way that the master does.
func (s *subscription) taskDropped(agent, task, message string) {
	s.out.deliver(Update{Status: state.Status{
		TaskID: task, Agent: agent, State: state.TaskDropped, Reason: state.ReasonInvalidOffers,
		Source: state.SourceMaster, Message: message, Time: time.Now().UTC(),
	}})
}

// repeat sends a call that does no harm if the master gets it twice.
func (s *subscription) repeat(call *scheduler.Call) { _ = s.do(call, retries) }

// do sends a call. A call that the master does not take ends the subscription, unless the fault is the call's own:
// either the master no longer takes us for subscribed, or it cannot be reached, and in both cases the next
// subscription with its reconciliation puts things right.
func (s *subscription) do(call *scheduler.Call, repeats int) error {
	start := time.Now()
	call.FrameworkID = &mesosgo.FrameworkID{Value: s.frameworkID}
	err := s.post(call)
	for try := 0; try < repeats && transient(err) && s.ctx.Err() == nil; try++ {
		sleep(s.ctx, s.d.cfg.retryPause<<try)
		err = s.post(call)
	}
	s.d.cfg.Observe(Observation{
		Kind: ObservedCall, Type: call.Type.String(), Outcome: outcomeOf(err), Took: time.Since(start),
	})
	switch {
	case err == nil || s.ctx.Err() != nil:
	case ownFault(err):
		s.d.cfg.Logger.Error("the master cannot make sense of a call", "call", call.Type.String(), "error", err)
	default:
		s.end(fmt.Errorf("sending %s: %w", call.Type, err))
	}
	return err
}

func (s *subscription) post(call *scheduler.Call) error {
	_, err := s.caller.Send(client.RequestSingleton(call), client.ResponseClassNoData, httpcli.Context(s.ctx))
	return err
}

func outcomeOf(err error) Outcome {
	var r *refusal
	switch {
	case err == nil:
		return OutcomeOK
	case errors.As(err, &r):
		return OutcomeRefused
	default:
		return OutcomeFailed
	}
}

// transient tells whether the same call may well be taken a moment later.
func transient(err error) bool {
	var r *refusal
	if errors.As(err, &r) {
		return r.status/100 == 5 || r.status == http.StatusTooManyRequests
	}
	return err != nil
}

// ownFault tells whether the master refuses the call for what it holds, and not for who sends it.
func ownFault(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusBadRequest && strings.HasPrefix(r.text, "Failed to ")
}
