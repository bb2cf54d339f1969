package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/state"
)

// author submits runs to a scheduler that may be gone at any moment: each submission again and again, with its key,
// until it is acknowledged, and once more after that.
type author struct {
	t    *testing.T
	url  string
	ctx  context.Context
	next chan struct{} // a token lets one submission begin
	sent chan struct{} // gets a token when a submission was sent
	runs chan []state.RunID
}

// newAuthor returns an author who submits the specs in turn, the last of them over and over.
func newAuthor(t *testing.T, url string, specs ...string) *author {
	a := &author{
		t: t, url: url, ctx: t.Context(), next: make(chan struct{}, 1), sent: make(chan struct{}, 1), runs: make(chan []state.RunID, 1),
	}
	go func() {
		var runs []state.RunID
		for range a.next {
			sub := httpapi.Submission{Spec: specs[min(len(runs), len(specs)-1)], Key: fmt.Sprint("key-", len(runs))}
			first, ok := a.insist(sub)
			second, _ := a.insist(sub)
			if !ok {
				break
			}
			if second != first {
				t.Errorf("the submission with key %s is run %s, and then %s", sub.Key, first, second)
			}
			runs = append(runs, first)
		}
		a.runs <- runs
	}()
	return a
}

// wake lets the author submit once more.
func (a *author) wake() {
	select {
	case a.next <- struct{}{}:
	default: // still busy with the one before
	}
}

// finish waits for the last submission and returns the runs that were acknowledged.
func (a *author) finish() []state.RunID {
	a.t.Helper()
	close(a.next)
	select {
	case runs := <-a.runs:
		return runs
	case <-time.After(testTimeout):
		a.t.Fatal("the last submission is not acknowledged")
		return nil
	}
}

// insist submits until that is acknowledged; false if the test is over first.
func (a *author) insist(sub httpapi.Submission) (state.RunID, bool) {
	body, err := json.Marshal(sub)
	if err != nil {
		panic(err)
	}
	var id state.RunID
	var refused *httpapi.Problem
	answered := again(a.ctx, func() bool {
		id, err = a.submit(body)
		return err == nil || errors.As(err, &refused)
	})
	if refused != nil {
		a.t.Errorf("a submission is refused: %v", refused)
	}
	return id, answered && refused == nil
}

func (a *author) submit(body []byte) (state.RunID, error) {
	ctx := httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		select {
		case a.sent <- struct{}{}:
		default:
		}
	}})
	req, err := http.NewRequestWithContext(ctx, "POST", a.url+"/v1/runs", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var run httpapi.Run
	switch {
	case resp.StatusCode >= http.StatusInternalServerError:
		return "", fmt.Errorf("%s: %s", resp.Status, text)
	case resp.StatusCode >= http.StatusBadRequest:
		var p httpapi.Problem
		if err := json.Unmarshal(text, &p); err != nil {
			return "", err
		}
		return "", &p
	}
	if err := json.Unmarshal(text, &run); err != nil {
		return "", err
	}
	return state.RunID(run.ID), nil
}

// show asks for a run.
func show(url string, id state.RunID) (httpapi.Run, error) {
	var run httpapi.Run
	err := clientOf(url).do(context.Background(), "GET", "/v1/runs/"+string(id), nil, &run)
	return run, err
}

// awaitEnd waits until a run has ended.
func awaitEnd(t *testing.T, url string, id state.RunID) httpapi.Run {
	t.Helper()
	var run httpapi.Run
	poll(t, fmt.Sprintf("run %s ends", id), func() bool {
		var err error
		run, err = show(url, id)
		return err == nil && run.Ended != nil
	})
	return run
}
