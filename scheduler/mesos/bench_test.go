package mesos

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/gogo/protobuf/proto"
	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/lisa-dpc/spillway/scheduler/spec"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// benchmarkCalls counts how many calls a second reach a master that only reads and answers them. The master runs in
// the same process and on the same cores.
func benchmarkCalls(b *testing.B, calls []Call) {
	var got atomic.Int64
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("Mesos-Stream-Id") == "" {
			record, _ := proto.Marshal(subscribedEvent("f-1"))
			w.Header().Set("Mesos-Stream-Id", "s")
			w.Header().Set("Content-Type", r.Header.Get("Accept"))
			_, _ = w.Write(framed(record))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		w.WriteHeader(http.StatusAccepted)
		if got.Add(1) == int64(b.N) {
			close(done)
		}
	}))
	defer server.Close()
	d, err := New(Config{Masters: server.URL})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	subscribed, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.Run(ctx, "", func(events []Event) {
			if _, ok := events[0].(Subscribed); ok {
				close(subscribed)
			}
		})
	}()
	<-subscribed
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		d.Send(calls)
	}
	<-done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	cancel()
	<-ended
}

func BenchmarkAcknowledge(b *testing.B) {
	benchmarkCalls(b, []Call{Acknowledge{
		TaskID:  "01k9zc1m8gq5x2v7n4b3w6e0rt.psd.1234.0",
		AgentID: "78406372-fc73-43bc-82d7-b64a13c9fa9d-S1",
		UUID:    []byte("0123456789abcdef"),
	}})
}

func BenchmarkOrdered(b *testing.B) {
	benchmarkCalls(b, []Call{Kill{TaskID: "01k9zc1m8gq5x2v7n4b3w6e0rt.psd.1234.0"}})
}

// BenchmarkOffers is what 10,000 offers of one record cost: decoding, keeping, converting.
func BenchmarkOffers(b *testing.B) {
	for _, codec := range []string{"protobuf", "json"} {
		b.Run(codec, func(b *testing.B) {
			e := &scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{}}
			for i := range 10000 {
				e.Offers.Offers = append(e.Offers.Offers, testOffer("O"+strconv.Itoa(i), "S"+strconv.Itoa(i)))
			}
			record, err := proto.Marshal(e)
			if codec == "json" {
				record, err = e.MarshalJSON()
			}
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(record)))
			for b.Loop() {
				e, _, err := decodeEvent(codecByName[codec].Type, record)
				if err != nil {
					b.Fatal(err)
				}
				if n := len(newOfferBook(false).add(e.Offers.Offers)); n != 10000 {
					b.Fatalf("%d offers", n)
				}
			}
		})
	}
}

// BenchmarkCarve carves one task out of a whole offer.
func BenchmarkCarve(b *testing.B) {
	offer := testOffer("O", "S")
	l := Launch{
		ID: state.AttemptID{Run: "01k9zc1m8gq5x2v7n4b3w6e0rt", Step: "psd", Index: 3}, Pipeline: "lpf", Project: "lisa",
		Image: "registry/lpf:1", Command: spec.Command{Shell: "true"}, Resources: spec.Resources{CPUs: 1000, Mem: 1024, Disk: 10},
	}
	b.ReportAllocs()
	for b.Loop() {
		a := newAcceptance([]*heldOffer{{id: "O", agent: "S", resources: offer.Resources}}, false)
		if err := a.launch("S", &l); err != nil {
			b.Fatal(err)
		}
	}
}

// testOffer is an offer of 2 cpus, 2000 MiB of memory, 4000 MiB of disk and 500 ports.
func testOffer(id, agent string) mesosgo.Offer {
	return mesosgo.Offer{
		ID: mesosgo.OfferID{Value: id}, FrameworkID: mesosgo.FrameworkID{Value: "f-1"},
		AgentID: mesosgo.AgentID{Value: agent}, Hostname: "host-" + agent,
		AllocationInfo: &mesosgo.Resource_AllocationInfo{Role: ptr("*")},
		Attributes: []mesosgo.Attribute{
			{Name: "rack", Type: mesosgo.TEXT, Text: &mesosgo.Value_Text{Value: "rack-1"}},
			{Name: "site", Type: mesosgo.TEXT, Text: &mesosgo.Value_Text{Value: "cnes"}},
		},
		Resources: []mesosgo.Resource{
			ranges("ports", 31000, 31499), scalar("cpus", 2), scalar("mem", 2000), scalar("disk", 4000),
		},
	}
}

func scalar(name string, value float64) mesosgo.Resource {
	return mesosgo.Resource{
		Name: name, Type: mesosgo.SCALAR.Enum(), Scalar: &mesosgo.Value_Scalar{Value: value},
		AllocationInfo: &mesosgo.Resource_AllocationInfo{Role: ptr("*")},
	}
}

func ranges(name string, bounds ...uint64) mesosgo.Resource {
	r := &mesosgo.Value_Ranges{}
	for i := 0; i < len(bounds); i += 2 {
		r.Range = append(r.Range, mesosgo.Value_Range{Begin: bounds[i], End: bounds[i+1]})
	}
	return mesosgo.Resource{
		Name: name, Type: mesosgo.RANGES.Enum(), Ranges: r,
		AllocationInfo: &mesosgo.Resource_AllocationInfo{Role: ptr("*")},
	}
}
