package minimesos

import (
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// maxBody is the largest request that is read.
const maxBody = 64 << 20

// serveScheduler answers /api/v1/scheduler. The order of the checks is that
// of Master::Http::scheduler in src/master/http.cpp, since it decides which
// of several things that are wrong a caller hears of.
func (m *master) serveScheduler(w http.ResponseWriter, r *http.Request) {
	principal, refusal := m.authenticate(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	if r.Method != http.MethodPost {
		methodNotAllowed(r.Method).write(w)
		return
	}
	call, refusal := readCall(w, r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	if problem := validateCall(call, principal); problem != "" {
		badRequest("Failed to validate scheduler::Call: " + problem).write(w)
		return
	}
	if call.Type == scheduler.Call_SUBSCRIBE {
		m.serveSubscription(w, r, call, principal)
		return
	}
	streamID, hasStreamID := headerValue(r, "Mesos-Stream-Id")
	var response answer
	if !m.loop.do(func() { response = m.handleCall(call, principal, streamID, hasStreamID) }) {
		panic(errAbort)
	}
	response.write(w)
}

func readCall(w http.ResponseWriter, r *http.Request) (*scheduler.Call, *answer) {
	media, refusal := contentType(r)
	if refusal != nil {
		return nil, refusal
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(errAbort)
	}
	call := new(scheduler.Call)
	if err := decode(media, body, call, "Call"); err != nil {
		a := badRequest(err.Error())
		return nil, &a
	}
	return call, nil
}

func headerValue(r *http.Request, name string) (string, bool) {
	values := r.Header.Values(name)
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// authenticate returns who the caller is, "" when the master asks nobody.
func (c *Cluster) authenticate(r *http.Request) (string, *answer) {
	if len(c.opts.Credentials) == 0 {
		return "", nil
	}
	name, secret, ok := r.BasicAuth()
	want, known := c.opts.Credentials[name]
	if ok && known && subtle.ConstantTimeCompare([]byte(secret), []byte(want)) == 1 {
		return name, nil
	}
	a := text(http.StatusUnauthorized, "401 Unauthorized.")
	a.header = [][2]string{{"WWW-Authenticate", `Basic realm="mesos-master-scheduler"`}}
	return "", &a
}

// validateCall returns what is missing from a call, or "".
func validateCall(call *scheduler.Call, principal string) string {
	if call.Type == scheduler.Call_UNKNOWN {
		return "Expecting 'type' to be present"
	}
	if call.Type == scheduler.Call_SUBSCRIBE {
		return validateSubscribe(call, principal)
	}
	if call.FrameworkID == nil {
		return "Expecting 'framework_id' to be present"
	}
	if name, present := bodyOf(call); !present {
		return fmt.Sprintf("Expecting '%s' to be present", name)
	}
	switch call.Type {
	case scheduler.Call_ACKNOWLEDGE:
		if len(call.Acknowledge.UUID) != 16 {
			return "Not a valid UUID"
		}
	case scheduler.Call_UPDATE_FRAMEWORK:
		if call.FrameworkID.Value != call.UpdateFramework.FrameworkInfo.ID.GetValue() {
			return "'framework_id' differs from 'update_framework.framework_info.id'"
		}
	}
	return ""
}

func validateSubscribe(call *scheduler.Call, principal string) string {
	if call.Subscribe == nil || call.Subscribe.FrameworkInfo == nil {
		return "Expecting 'subscribe' to be present"
	}
	info := call.Subscribe.FrameworkInfo
	if info.ID.GetValue() != call.FrameworkID.GetValue() {
		return "'framework_id' differs from 'subscribe.framework_info.id'"
	}
	if principal != "" && info.Principal != nil && info.GetPrincipal() != principal {
		return fmt.Sprintf("Authenticated principal '%s' does not match principal '%s' set in `FrameworkInfo`",
			principal, info.GetPrincipal())
	}
	return ""
}

// bodyOf names the field that must come with a call, and tells if it did.
func bodyOf(call *scheduler.Call) (string, bool) {
	switch call.Type {
	case scheduler.Call_ACCEPT:
		return "accept", call.Accept != nil
	case scheduler.Call_DECLINE:
		return "decline", call.Decline != nil
	case scheduler.Call_ACCEPT_INVERSE_OFFERS:
		return "accept_inverse_offers", call.AcceptInverseOffers != nil
	case scheduler.Call_DECLINE_INVERSE_OFFERS:
		return "decline_inverse_offers", call.DeclineInverseOffers != nil
	case scheduler.Call_KILL:
		return "kill", call.Kill != nil
	case scheduler.Call_SHUTDOWN:
		return "shutdown", call.Shutdown != nil
	case scheduler.Call_ACKNOWLEDGE:
		return "acknowledge", call.Acknowledge != nil
	case scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS:
		return "acknowledge_operation_status", call.AcknowledgeOperationStatus != nil
	case scheduler.Call_RECONCILE:
		return "reconcile", call.Reconcile != nil
	case scheduler.Call_RECONCILE_OPERATIONS:
		return "reconcile_operations", call.ReconcileOperations != nil
	case scheduler.Call_MESSAGE:
		return "message", call.Message != nil
	case scheduler.Call_REQUEST:
		return "request", call.Request != nil
	case scheduler.Call_UPDATE_FRAMEWORK:
		return "update_framework", call.UpdateFramework != nil
	}
	return "", true
}

func (m *master) serveSubscription(w http.ResponseWriter, r *http.Request, call *scheduler.Call, principal string) {
	media, refusal := acceptedMedia(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	if _, ok := headerValue(r, "Mesos-Stream-Id"); ok {
		badRequest("Subscribe calls should not include the 'Mesos-Stream-Id' header").write(w)
		return
	}
	if principal != "" {
		call.Subscribe.FrameworkInfo.Principal = &principal
	}
	s, id := newStream(media), newStreamID()
	w.Header().Set("Content-Type", string(media))
	w.Header().Set("Mesos-Stream-Id", id)
	m.loop.post(func() {
		if m.running() {
			m.pass(callMessage(call), func() { m.subscribe(s, id, call.Subscribe) })
		}
	})
	defer m.loop.post(func() {
		if m.running() {
			m.streamClosed(s)
		}
	})
	s.serve(w, r, m.cut)
}

// handleCall checks who calls on which stream, and does what it asks.
func (m *master) handleCall(call *scheduler.Call, principal, streamID string, hasStreamID bool) answer {
	m.metrics.call(call.Type)
	f := m.frameworks[call.FrameworkID.Value]
	switch {
	case f == nil:
		return badRequest("Framework cannot be found")
	case principal != "" && f.info.GetPrincipal() != principal:
		return badRequest(fmt.Sprintf("Authenticated principal '%s' does not match principal '%s' set in `FrameworkInfo`",
			principal, f.info.GetPrincipal()))
	case !f.connected():
		return text(http.StatusForbidden, "Framework is not subscribed")
	case !hasStreamID:
		return badRequest("All non-subscribe calls should include the 'Mesos-Stream-Id' header")
	case streamID != f.streamID:
		return badRequest(fmt.Sprintf("The stream ID '%s' included in this request didn't match the stream ID "+
			"currently associated with framework ID %s", streamID, f.id))
	}
	if call.Type == scheduler.Call_UPDATE_FRAMEWORK {
		return m.updateFramework(f, call.UpdateFramework)
	}
	if m.tap == nil {
		m.perform(f, call)
	} else {
		m.pass(callMessage(call), func() {
			if !f.removed {
				m.perform(f, call)
			}
		})
	}
	return accepted()
}

func (m *master) perform(f *framework, call *scheduler.Call) {
	switch call.Type {
	case scheduler.Call_TEARDOWN:
		m.removeFramework(f)
	case scheduler.Call_ACCEPT:
		m.accept(f, call.Accept)
	case scheduler.Call_DECLINE:
		m.decline(f, call.Decline)
	case scheduler.Call_ACCEPT_INVERSE_OFFERS:
		m.answerInverse(f, call.AcceptInverseOffers.InverseOfferIDs, call.AcceptInverseOffers.Filters, true)
	case scheduler.Call_DECLINE_INVERSE_OFFERS:
		m.answerInverse(f, call.DeclineInverseOffers.InverseOfferIDs, call.DeclineInverseOffers.Filters, false)
	case scheduler.Call_REVIVE:
		m.revive(f, call.Revive.GetRoles())
	case scheduler.Call_SUPPRESS:
		m.suppress(f, call.Suppress.GetRoles())
	case scheduler.Call_KILL:
		m.kill(f, call.Kill)
	case scheduler.Call_SHUTDOWN:
		m.shutdownExecutor(f, call.Shutdown)
	case scheduler.Call_ACKNOWLEDGE:
		m.acknowledge(f, call.Acknowledge)
	case scheduler.Call_RECONCILE:
		m.reconcile(f, call.Reconcile.Tasks)
	case scheduler.Call_RECONCILE_OPERATIONS:
		m.reconcileOperations(f, call.ReconcileOperations.Operations)
	case scheduler.Call_MESSAGE:
		m.messageExecutor(f, call.Message)
	case scheduler.Call_REQUEST, scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS:
		// Mesos' allocator ignores requests, and there are no operations here
		// whose status could wait to be acknowledged.
	}
}

// rolesIn are the named roles of a framework, all of them if none is named.
func (f *framework) rolesIn(names []string) []*roleState {
	var out []*roleState
	if len(names) == 0 {
		for _, state := range f.roles {
			out = append(out, state)
		}
		return out
	}
	for _, name := range names {
		if state := f.roles[name]; state != nil {
			out = append(out, state)
		}
	}
	return out
}

func (m *master) revive(f *framework, roles []string) {
	for _, state := range f.rolesIn(roles) {
		state.suppressed = false
		clear(state.filters)
	}
	m.reviveInverse(f)
	m.allocateNow = true
}

func (m *master) suppress(f *framework, roles []string) {
	for _, state := range f.rolesIn(roles) {
		state.suppressed = true
	}
}

// messageExecutor passes a framework's message on; Mesos promises nothing.
func (m *master) messageExecutor(f *framework, call *scheduler.Call_Message) {
	if e := m.agents[call.AgentID.Value]; e != nil {
		m.toAgent(e, Message{Kind: "MESSAGE", Framework: f.id, Executor: call.ExecutorID.Value}, func(a *agent) {
			a.message(f.id, call.ExecutorID.Value, call.Data)
		})
	}
}

func (m *master) shutdownExecutor(f *framework, call *scheduler.Call_Shutdown) {
	if e := m.agents[call.AgentID.Value]; e != nil {
		m.toAgent(e, Message{Kind: "SHUTDOWN", Framework: f.id, Executor: call.ExecutorID.Value}, func(a *agent) {
			a.shutdownExecutor(f.id, call.ExecutorID.Value)
		})
	}
}

// reconcileOperations knows no operation, so each is unknown.
func (m *master) reconcileOperations(f *framework, operations []scheduler.Call_ReconcileOperations_Operation) {
	for i := range operations {
		o := &operations[i]
		message := "Reconciliation: Operation is unknown"
		f.send(&scheduler.Event{Type: scheduler.Event_UPDATE_OPERATION_STATUS,
			UpdateOperationStatus: &scheduler.Event_UpdateOperationStatus{Status: mesos.OperationStatus{
				OperationID: &o.OperationID, State: mesos.OPERATION_UNKNOWN, Message: &message,
				AgentID: o.AgentID, ResourceProviderID: o.ResourceProviderID}}})
	}
}
