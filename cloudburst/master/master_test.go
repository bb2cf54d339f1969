package master_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	mesosgo "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/lisa-dpc/spillway/cloudburst/master"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// TestDrain takes an agent out of use, step by step, on the embedded master and, if there is one, on a real one. There the
// agent is gone for good afterwards, so it is a variable of its own that names that master.
func TestDrain(t *testing.T) {
	t.Run("minimesos", func(t *testing.T) {
		c, err := minimesos.Start(minimesos.Options{
			Agents: []minimesos.AgentOptions{{Attributes: map[string]string{"spillway_vm": "batch-abc"}}, {}},
			Runner: minimesos.Instant, WorkDir: t.TempDir(), AllocationInterval: 50 * time.Millisecond,
			Outcome: func(mesosgo.TaskInfo) minimesos.Outcome { return minimesos.Outcome{State: mesosgo.TASK_RUNNING} },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		testDrain(t, c.URL())
	})
	t.Run("mesos", func(t *testing.T) {
		url := os.Getenv("SPILLWAY_TEST_MESOS_DRAIN")
		if url == "" {
			t.Skip("no real Mesos: SPILLWAY_TEST_MESOS_DRAIN names the URL of a master that may lose an agent")
		}
		testDrain(t, url)
	})
}

func testDrain(t *testing.T, url string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := client(t, mesos.Config{Masters: url})
	f := subscribe(t, ctx, url)
	agent := f.launch(ctx, "busy")
	if n := tasks(t, ctx, c, agent); n != 1 {
		t.Errorf("%d tasks while one runs, want 1", n)
	}
	if a := find(t, ctx, c, agent); a == nil || !a.Active || a.Deactivated || !a.Busy || a.Registered.IsZero() {
		t.Errorf("an agent with a task: %+v", a)
	}
	for range 2 {
		must(t, "deactivating", c.Deactivate(ctx, agent))
	}
	if a := find(t, ctx, c, agent); a == nil || a.Active || !a.Deactivated {
		t.Errorf("a deactivated agent: %+v", a)
	}
	if n := tasks(t, ctx, c, agent); n != 1 {
		t.Errorf("%d tasks after the agent was deactivated, want 1: that is to end none", n)
	}
	for range 2 {
		must(t, "reactivating", c.Reactivate(ctx, agent))
	}
	if a := find(t, ctx, c, agent); a == nil || !a.Active || a.Deactivated {
		t.Errorf("a reactivated agent: %+v", a)
	}
	f.kill(ctx, "busy")
	waitFor(t, ctx, "the task is gone", func() bool { return tasks(t, ctx, c, agent) == 0 })
	must(t, "deactivating", c.Deactivate(ctx, agent))
	must(t, "draining", c.Drain(ctx, agent))
	waitFor(t, ctx, "the agent is gone", func() bool { return find(t, ctx, c, agent) == nil })
	for what, do := range map[string]func(context.Context, string) error{
		"deactivating": c.Deactivate, "draining": c.Drain,
	} {
		if err := do(ctx, agent); !errors.Is(err, master.ErrUnknownAgent) {
			t.Errorf("%s an agent that is gone: %v", what, err)
		}
	}
}

func client(t *testing.T, cfg mesos.Config) *master.Client {
	t.Helper()
	c, err := master.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func tasks(t *testing.T, ctx context.Context, c *master.Client, agent string) int {
	t.Helper()
	n, err := c.Tasks(ctx, agent)
	must(t, "counting tasks", err)
	return n
}

func find(t *testing.T, ctx context.Context, c *master.Client, id string) *master.Agent {
	t.Helper()
	agents, err := c.Agents(ctx)
	must(t, "listing agents", err)
	for i := range agents {
		if agents[i].ID == id {
			return &agents[i]
		}
	}
	return nil
}

// waitFor asks a server again and again, for it does not tell.
func waitFor(t *testing.T, ctx context.Context, what string, is func() bool) {
	t.Helper()
	for !is() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("it has not come about that %s", what)
		}
	}
}

// framework is another framework than the scheduler, which speaks the scheduler API by hand.
type framework struct {
	t       *testing.T
	url     string
	stream  string
	id      string
	records *bufio.Reader
}

func subscribe(t *testing.T, ctx context.Context, url string) *framework {
	t.Helper()
	f := &framework{t: t, url: url}
	res := f.post(ctx, map[string]any{"type": "SUBSCRIBE", "subscribe": map[string]any{"framework_info": map[string]any{
		"user": "root", "name": "another", "roles": []string{"*"}, "capabilities": []any{map[string]string{"type": "MULTI_ROLE"}},
	}}})
	t.Cleanup(func() { res.Body.Close() })
	f.stream, f.records = res.Header.Get("Mesos-Stream-Id"), bufio.NewReader(res.Body)
	f.id = f.until("SUBSCRIBED").Subscribed.FrameworkID.Value
	return f
}

type value struct {
	Value string `json:"value"`
}

type event struct {
	Type       string `json:"type"`
	Subscribed struct {
		FrameworkID value `json:"framework_id"`
	} `json:"subscribed"`
	Offers struct {
		Offers []struct {
			ID      value `json:"id"`
			AgentID value `json:"agent_id"`
		} `json:"offers"`
	} `json:"offers"`
	Update struct {
		Status struct {
			TaskID  value  `json:"task_id"`
			AgentID value  `json:"agent_id"`
			State   string `json:"state"`
			UUID    string `json:"uuid"`
		} `json:"status"`
	} `json:"update"`
}

func (f *framework) post(ctx context.Context, call map[string]any) *http.Response {
	f.t.Helper()
	body, err := json.Marshal(call)
	must(f.t, "encoding", err)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/api/v1/scheduler", bytes.NewReader(body))
	must(f.t, "making a request", err)
	req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if f.stream != "" {
		req.Header.Set("Mesos-Stream-Id", f.stream)
	}
	res, err := http.DefaultClient.Do(req)
	must(f.t, "asking the master", err)
	if res.StatusCode/100 != 2 {
		text, _ := io.ReadAll(res.Body)
		f.t.Fatalf("%v: %s: %s", call["type"], res.Status, text)
	}
	return res
}

func (f *framework) call(ctx context.Context, call map[string]any) {
	f.t.Helper()
	call["framework_id"] = value{f.id}
	f.post(ctx, call).Body.Close()
}

// until reads events up to one of a type.
func (f *framework) until(kind string) event {
	f.t.Helper()
	for {
		line, err := f.records.ReadString('\n')
		must(f.t, "reading the stream", err)
		n, err := strconv.Atoi(strings.TrimSpace(line))
		must(f.t, "reading a record's length", err)
		record := make([]byte, n)
		_, err = io.ReadFull(f.records, record)
		must(f.t, "reading a record", err)
		var e event
		must(f.t, "decoding a record", json.Unmarshal(record, &e))
		if e.Type == kind {
			return e
		}
	}
}

// launch starts a long task on the first agent that is offered, and returns the agent when it runs.
func (f *framework) launch(ctx context.Context, id string) (agent string) {
	f.t.Helper()
	offer := f.until("OFFERS").Offers.Offers[0]
	scalar := func(name string, n float64) map[string]any {
		return map[string]any{"name": name, "type": "SCALAR", "scalar": map[string]float64{"value": n}}
	}
	f.call(ctx, map[string]any{"type": "ACCEPT", "accept": map[string]any{
		"offer_ids": []value{offer.ID}, "operations": []any{map[string]any{"type": "LAUNCH", "launch": map[string]any{
			"task_infos": []any{map[string]any{
				"name": id, "task_id": value{id}, "agent_id": offer.AgentID, "resources": []any{scalar("cpus", 0.1), scalar("mem", 32)},
				"command": map[string]any{"shell": true, "value": "sleep 1000"},
			}},
		}}},
	}})
	f.state(ctx, id, "TASK_RUNNING")
	return offer.AgentID.Value
}

// state waits until a task is in a state, and acknowledges what is told.
func (f *framework) state(ctx context.Context, id, state string) {
	f.t.Helper()
	for {
		s := f.until("UPDATE").Update.Status
		if s.UUID != "" {
			f.call(ctx, map[string]any{"type": "ACKNOWLEDGE", "acknowledge": map[string]any{
				"agent_id": s.AgentID, "task_id": s.TaskID, "uuid": s.UUID,
			}})
		}
		if s.TaskID.Value == id && s.State == state {
			return
		}
	}
}

func (f *framework) kill(ctx context.Context, id string) {
	f.t.Helper()
	f.call(ctx, map[string]any{"type": "KILL", "kill": map[string]any{"task_id": value{id}}})
	f.state(ctx, id, "TASK_KILLED")
}

// TestLeader: the master that leads is found by the redirect of one that does not, and anew when it has gone.
func TestLeader(t *testing.T) {
	asked := map[string]int{}
	leads := func(name string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked[name]++
			if _, secret, _ := r.BasicAuth(); secret != "secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprint(w, `{"type":"GET_AGENTS","get_agents":{"agents":[{"agent_info":{"id":{"value":"`+name+`"}}}],"recovered_agents":[{"id":{"value":"S9"}}]}}`)
		}))
		t.Cleanup(s.Close)
		return s
	}
	first, second := leads("first"), leads("second")
	leader := first
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", strings.TrimPrefix(leader.URL, "http:")+"/api/v1")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	t.Cleanup(other.Close)
	c := client(t, mesos.Config{
		Masters: other.URL + "," + first.URL + "," + second.URL, Principal: "p", Secret: "secret",
	})
	for range 2 {
		agents, err := c.Agents(t.Context())
		must(t, "listing agents", err)
		if len(agents) != 2 || agents[0].ID != "first" || !agents[1].Recovered {
			t.Fatalf("agents: %+v", agents)
		}
	}
	first.Close()
	leader = second
	agents, err := c.Agents(t.Context())
	must(t, "listing agents", err)
	if agents[0].ID != "second" {
		t.Errorf("agents after another master leads: %+v", agents)
	}
}

// TestNonsense: what is not an answer is not taken for an empty cluster.
func TestNonsense(t *testing.T) {
	for _, body := range []string{"", "{}", "<html>", `{"type":"GET_HEALTH"}`, `{"type":"GET_AGENTS","get_agents":{"agents":[{`} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		c := client(t, mesos.Config{Masters: s.URL})
		if agents, err := c.Agents(t.Context()); err == nil {
			t.Errorf("%q was taken for the agents %v", body, agents)
		}
		s.Close()
	}
}
