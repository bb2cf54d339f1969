package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// overREST is a scheduler as the cloudburst agent asks it.
type overREST struct{ client *client }

var _ cloudburst.Scheduler = (*overREST)(nil)

// Demand tells what waits, and what there is.
func (r *overREST) Demand(ctx context.Context, seen string, wait time.Duration) (*cloudburst.Demand, error) {
	query := url.Values{}
	if seen != "" {
		query.Set("seen", seen)
	}
	if wait > 0 {
		query.Set("wait", wait.String())
	}
	var d cloudburst.Demand
	if err := r.client.do(ctx, http.MethodGet, "/v1/demand?"+query.Encode(), nil, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// Cordon keeps an agent from being used for a while.
func (r *overREST) Cordon(ctx context.Context, agent, reason string, d time.Duration) error {
	return r.client.do(ctx, http.MethodPut, cordonPath(agent), httpapi.Cordon{Reason: reason, For: d.String()}, nil)
}

// Uncordon ends that.
func (r *overREST) Uncordon(ctx context.Context, agent string) error {
	return r.client.do(ctx, http.MethodDelete, cordonPath(agent), nil, nil)
}

func cordonPath(agent string) string { return "/v1/agents/" + url.PathEscape(agent) + "/cordon" }

// Report tells what the agent sees and does.
func (r *overREST) Report(ctx context.Context, report *cloudburst.Report) error {
	err := r.client.do(ctx, http.MethodPut, "/v1/cloud", report, nil)
	if statusOf(err) == http.StatusConflict {
		return errors.Join(cloudburst.ErrHeld, err)
	}
	return err
}

// Reported tells when a cloudburst agent has last reported; zero if none has since the scheduler was started.
func (r *overREST) Reported(ctx context.Context) (time.Time, error) {
	var report httpapi.CloudReport
	err := r.client.do(ctx, http.MethodGet, "/v1/cloud", nil, &report)
	if statusOf(err) == http.StatusNotFound {
		return time.Time{}, nil
	}
	return report.At, err
}

// statusOf is the HTTP status that a scheduler has answered with; 0 if the error is none of its answers.
func statusOf(err error) int {
	var p *httpapi.Problem
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}
