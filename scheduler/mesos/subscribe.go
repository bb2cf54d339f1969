package mesos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"

	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/client"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

const (
	// maxRedirects bounds how often a subscription is passed on from master to master.
	maxRedirects = 5
	// missedHeartbeats is how many silent heartbeat intervals end a subscription.
	missedHeartbeats = 5
	// defaultHeartbeat is Mesos' own (DEFAULT_HEARTBEAT_INTERVAL), for masters that name none.
	defaultHeartbeat = 15 * time.Second
	// maxBatch bounds how many events are handed over together.
	maxBatch = 4096
)

// subscription is one subscription, from the request to the stream's end.
type subscription struct {
	d      *Driver
	out    *outlet
	master *url.URL
	ctx    context.Context
	end    context.CancelCauseFunc // ends the subscription, with the reason
	limit  *time.Timer             // runs out if there is no SUBSCRIBED

	// Set by SUBSCRIBED, before anything else can read them.
	subscribed  bool
	frameworkID string
	streamID    string
	silence     time.Duration // how long the master may be silent
	caller      *httpcli.Client

	book    *offerBook
	ordered *queue
	acks    *queue
	senders sync.WaitGroup
}

func newSubscription(d *Driver, master *url.URL, frameworkID string, out *outlet) *subscription {
	return &subscription{
		d: d, out: out, master: master, frameworkID: frameworkID,
		book: newOfferBook(d.cfg.Revocable), ordered: newQueue(), acks: newQueue(),
	}
}

// run subscribes and reads the stream to its end, for which it returns the reason.
func (s *subscription) run(ctx context.Context, lost <-chan struct{}) error {
	s.ctx, s.end = context.WithCancelCause(ctx)
	defer s.close()
	go s.watchLeader(lost)
	s.limit = time.AfterFunc(s.d.cfg.subscribeTimeout, func() { s.end(errNoSubscribed) })
	defer s.limit.Stop()
	start := time.Now()
	stream, err := s.request()
	s.d.cfg.Observe(Observation{
		Kind: ObservedCall, Type: scheduler.Call_SUBSCRIBE.String(), Outcome: outcomeOf(err), Took: time.Since(start),
	})
	if err != nil {
		return s.reason(err)
	}
	defer stream.Close()

	records := newRecordReader(stream)
	silence := time.AfterFunc(math.MaxInt64, func() { s.end(errHeartbeats) })
	defer silence.Stop()
	for {
		if s.subscribed {
			silence.Reset(s.silence)
		}
		record, err := records.ReadFrame()
		silence.Stop() // the time that the events' receiver takes is not the master's
		if err == nil {
			err = s.batch(record, records)
		}
		if err != nil {
			return s.reason(err)
		}
	}
}

// reason says why the subscription has ended: what ended it from our side goes before what the connection says then.
func (s *subscription) reason(err error) error {
	if cause := context.Cause(s.ctx); cause != nil {
		return cause
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errEnded
	}
	return err
}

func (s *subscription) watchLeader(lost <-chan struct{}) {
	select {
	case <-lost:
		s.end(errLeaderChanged)
	case <-s.ctx.Done():
	}
}

// close ends what is still going on, and gives up the calls that were not sent.
func (s *subscription) close() {
	s.d.mu.Lock()
	if s.d.current == s {
		s.d.current = nil
	}
	s.d.mu.Unlock()
	s.end(nil)
	left := append(s.ordered.close(), s.acks.close()...)
	s.senders.Wait()
	s.d.dropped(left)
}

// request sends SUBSCRIBE to the master, and to the one that it names as the leader.
func (s *subscription) request() (io.ReadCloser, error) {
	for hops := 0; ; hops++ {
		stream, err := s.subscribe()
		var r *refusal
		if !errors.As(err, &r) || r.status != http.StatusTemporaryRedirect {
			return stream, err
		}
		if hops == maxRedirects {
			return nil, fmt.Errorf("the masters redirect from one to another: %w", err)
		}
		if s.master, err = s.redirect(r.location); err != nil {
			return nil, err
		}
	}
}

func (s *subscription) redirect(location string) (*url.URL, error) {
	return follow(&s.d.cfg, s.d.masters, s.master, location)
}

// subscribe sends SUBSCRIBE to s.master.
func (s *subscription) subscribe() (io.ReadCloser, error) {
	var res *http.Response
	cli := s.client(s.d.streams, httpcli.HandleResponse(
		func(r *http.Response, _ client.ResponseClass, err error) (mesosgo.Response, error) {
			if res = r; err == nil {
				err = refusalOf(r)
			}
			return nil, err
		}))
	call := calls.Subscribe(frameworkInfo(&s.d.cfg, s.frameworkID))
	if _, err := cli.Send(client.RequestSingleton(call), client.ResponseClassAuto, httpcli.Context(s.ctx)); err != nil {
		return nil, err
	}
	s.streamID = res.Header.Get("Mesos-Stream-Id")
	media := res.Header.Get("Content-Type")
	if res.StatusCode != http.StatusOK || s.streamID == "" || media != s.d.codec.Type.ContentType() {
		res.Body.Close()
		return nil, fmt.Errorf("%s is not a Mesos master: it answered a subscription with status %d, type %q, stream id %q",
			s.master, res.StatusCode, media, s.streamID)
	}
	return res.Body, nil
}

// client talks to s.master with the framework's credentials. Redirects are errors to it.
func (s *subscription) client(network http.RoundTripper, opts ...httpcli.Opt) *httpcli.Client {
	cli := httpcli.New(
		httpcli.Endpoint(schedulerURL(s.master)),
		httpcli.Codec(s.d.codec),
		httpcli.Do(network.RoundTrip),
		httpcli.ErrorMapper(refusalOf),
	)
	if s.d.cfg.Secret != "" {
		credentials := &http.Request{Header: http.Header{}}
		credentials.SetBasicAuth(s.d.cfg.Principal, s.d.cfg.Secret)
		cli.With(httpcli.DefaultHeader("Authorization", credentials.Header.Get("Authorization")))
	}
	cli.With(opts...)
	return cli
}

// batch handles a record and those that came with it.
func (s *subscription) batch(record []byte, records *recordReader) error {
	var events []Event
	defer func() { s.out.deliver(events...) }()
	for {
		event, err := s.record(record)
		if err != nil {
			return err
		}
		if event != nil {
			events = append(events, event)
		}
		if len(events) >= maxBatch || !records.Buffered() {
			return nil
		}
		if record, err = records.ReadFrame(); err != nil {
			return err
		}
	}
}

// record handles one record. One that cannot be decoded is left out: the master sends updates again until they are
// acknowledged, and reconciliation finds the rest, whereas a new subscription might only bring the same record again.
func (s *subscription) record(record []byte) (Event, error) {
	e, names, err := decodeEvent(s.d.codec.Type, record)
	if err != nil {
		s.d.cfg.Observe(Observation{Kind: ObservedRecord, Type: "UNKNOWN", Outcome: OutcomeFailed})
		s.d.cfg.Logger.Error("leaving out a record of the master's stream", "error", err, "bytes", len(record))
		return nil, nil
	}
	s.d.cfg.Observe(Observation{Kind: ObservedRecord, Type: e.Type.String(), Outcome: OutcomeOK})
	switch {
	case e.Type == scheduler.Event_ERROR:
		return nil, errorEvent(e.Error.GetMessage())
	case e.Type == scheduler.Event_SUBSCRIBED && !s.subscribed && e.Subscribed != nil:
		return s.begin(e.Subscribed), nil
	case e.Type == scheduler.Event_HEARTBEAT || !s.subscribed:
		return nil, nil
	case e.Type == scheduler.Event_OFFERS && e.Offers != nil:
		return Offers{Offers: s.book.add(e.Offers.Offers)}, nil
	}
	event := convert(e, names)
	switch event := event.(type) {
	case nil:
		s.d.cfg.Logger.Debug("an event that means nothing to the scheduler", "type", e.Type.String())
	case Rescinded:
		s.book.rescind(event.OfferID)
	}
	return event, nil
}

// begin makes the subscription the one that calls go to.
func (s *subscription) begin(e *scheduler.Event_Subscribed) Event {
	s.limit.Stop()
	s.subscribed = true
	s.frameworkID = e.FrameworkID.GetValue()
	beat := time.Duration(e.GetHeartbeatIntervalSeconds() * float64(time.Second))
	if beat <= 0 {
		beat = defaultHeartbeat
	}
	s.silence = missedHeartbeats * beat
	s.caller = s.client(s.d.calls, httpcli.DefaultHeader("Mesos-Stream-Id", s.streamID))
	s.senders.Go(func() { s.serve(s.ordered) })
	for range s.d.cfg.AckLanes {
		s.senders.Go(func() { s.serve(s.acks) })
	}
	s.d.mu.Lock()
	s.d.current = s
	s.d.mu.Unlock()
	s.d.cfg.Logger.Debug("subscribed", "master", s.master.String(), "framework", s.frameworkID)
	return Subscribed{FrameworkID: s.frameworkID, Master: s.master.String()}
}
