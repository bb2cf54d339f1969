package scheduler_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// greedy is another framework, which keeps all that it is offered.
type greedy struct {
	close  context.CancelFunc
	events chan greedyEvent
	offers map[string]float64 // cpus by offer id
}

// greedyEvent is what of an event a greedy framework understands.
type greedyEvent struct {
	Type   string
	Offers struct {
		Offers []struct {
			ID        struct{ Value string }
			Resources []struct {
				Name   string
				Scalar struct{ Value float64 }
			}
		}
	}
	Rescind struct {
		OfferID struct{ Value string } `json:"offer_id"`
	}
}

// subscribeGreedy subscribes with the master at url.
func subscribeGreedy(t *testing.T, url string) *greedy {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	body := `{"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "nobody", "name": "greedy"}}}`
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/api/v1/scheduler", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	g := &greedy{close: cancel, events: make(chan greedyEvent, 100), offers: map[string]float64{}}
	ended := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	go func() {
		defer close(ended)
		defer resp.Body.Close()
		defer close(g.events)
		for in := bufio.NewReader(resp.Body); ; {
			event, err := readRecord(in)
			if err != nil {
				return // closed by either side
			}
			g.events <- event
		}
	}()
	return g
}

// readRecord reads one record of a RecordIO stream: its length in decimal, a newline, and so many bytes.
func readRecord(in *bufio.Reader) (event greedyEvent, err error) {
	var length int
	if _, err := fmt.Fscanf(in, "%d\n", &length); err != nil {
		return event, err
	}
	record := make([]byte, length)
	if _, err := io.ReadFull(in, record); err != nil {
		return event, err
	}
	return event, json.Unmarshal(record, &event)
}

// until takes in events until it holds so many CPUs, or ctx ends.
func (g *greedy) until(ctx context.Context, cpus float64) error {
	for g.cpus() < cpus {
		select {
		case event, open := <-g.events:
			if !open {
				return fmt.Errorf("the stream has ended with %g CPUs", g.cpus())
			}
			g.take(event)
		case <-ctx.Done():
			return fmt.Errorf("it holds only %g of %g CPUs: %w", g.cpus(), cpus, ctx.Err())
		}
	}
	return nil
}

func (g *greedy) take(event greedyEvent) {
	for _, o := range event.Offers.Offers {
		for _, r := range o.Resources {
			if r.Name == "cpus" {
				g.offers[o.ID.Value] += r.Scalar.Value
			}
		}
	}
	delete(g.offers, event.Rescind.OfferID.Value)
}

func (g *greedy) cpus() float64 {
	sum := 0.0
	for _, cpus := range g.offers {
		sum += cpus
	}
	return sum
}
