package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/picture"
)

const (
	// dart is how long a task of the peak takes.
	dart = 4 * time.Second
	// glance is how often it is looked how the peak goes.
	glance = 200 * time.Millisecond
	// aftermath is how long it is waited for the cloud to be empty again once the work is done.
	aftermath = time.Minute
)

// peak is what was seen of a queue that overflows.
type peak struct {
	began                                time.Time
	waiting, running, pace, local, cloud picture.Series
}

func newPeak(now time.Time) *peak {
	return &peak{
		began:   now,
		waiting: picture.Series{Name: "waiting"}, running: picture.Series{Name: "running"},
		pace:  picture.Series{Name: "at the present pace"},
		local: picture.Series{Name: "of the cluster"}, cloud: picture.Series{Name: "in the cloud"},
	}
}

// overflow runs more than a small cluster has room for, and draws how the cloud helps.
func (d demo) overflow(ctx context.Context, work string) (status int, err, left error) {
	fmt.Print("\nNow a peak: more work at once than a cluster of one agent has room for, and a cloud beside it.\n\n")
	server, err := d.start(ctx, filepath.Join(work, "peak"), "--cloud", "--agents", "1", "--runner", process)
	if err != nil {
		return exitProblem, err, nil
	}
	defer func() { left = server.stop() }()
	ctx, cancel := context.WithTimeoutCause(server.alive(ctx), patience, fmt.Errorf("the peak was not over within %v", patience))
	defer cancel()
	p := newPeak(time.Now())
	watching, stop := context.WithCancel(ctx)
	watched := make(chan error, 1)
	go func() { watched <- p.watch(watching, server.url) }()
	status, err = server.run(ctx, filepath.Join(d.tree, "examples", "peak.yaml"), fmt.Sprintf("seconds=%g", dart.Seconds()))
	if err == nil {
		err = server.emptied(ctx)
	}
	stop()
	if watchErr := <-watched; err == nil {
		err = watchErr
	}
	if err != nil {
		return exitProblem, err, nil
	}
	fmt.Printf("\nAt its height %d agents ran in the cloud; now there is none.\n", p.height())
	return status, os.WriteFile(filepath.Join(d.out, peakFile), []byte(p.chart(time.Now()).SVG()), 0o644), nil
}

// watch looks how it goes, again and again, until ctx ends.
func (p *peak) watch(ctx context.Context, url string) error {
	every := time.NewTicker(glance)
	defer every.Stop()
	for {
		if err := p.look(ctx, url); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look adds what is to be seen now.
func (p *peak) look(ctx context.Context, url string) error {
	var queue httpapi.Queue
	var agents httpapi.Agents
	if err := get(ctx, url+"/v1/queue", &queue); err != nil {
		return err
	}
	if err := get(ctx, url+"/v1/agents", &agents); err != nil {
		return err
	}
	now, waiting, running, local := time.Now(), 0, 0, 0
	for _, project := range queue.Projects {
		waiting, running = waiting+project.Waiting, running+project.Running
	}
	for _, a := range agents.Agents {
		if a.Attributes["spillway_vm"] == "" {
			local++
		}
	}
	for series, value := range map[*picture.Series]float64{
		&p.waiting: float64(waiting), &p.running: float64(running), &p.pace: dart.Seconds() * float64(waiting) / float64(max(running, 1)),
		&p.local: float64(local), &p.cloud: float64(len(agents.Agents) - local),
	} {
		series.Points = append(series.Points, picture.Point{At: now, Value: value})
	}
	return nil
}

// height is how many agents there were in the cloud at most.
func (p *peak) height() int {
	most := 0.0
	for _, point := range p.cloud.Points {
		most = max(most, point.Value)
	}
	return int(most)
}

// chart draws the peak.
func (p *peak) chart(until time.Time) *picture.Chart {
	return &picture.Chart{
		Title: "A peak that overflows into the cloud", Subtitle: "from the submission until the last machine was given back",
		From: p.began, To: until,
		Panels: []picture.Panel{
			{Label: "Tasks", Series: []picture.Series{p.running, p.waiting}},
			{Label: "Agents", Series: []picture.Series{p.local, p.cloud}},
			{Label: "Seconds until the last task starts", Series: []picture.Series{p.pace}},
		},
	}
}

// emptied waits until no machine is left in the cloud.
func (s *server) emptied(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, aftermath, fmt.Errorf("machines were left in the cloud %v after the work was done", aftermath))
	defer cancel()
	every := time.NewTicker(glance)
	defer every.Stop()
	for {
		var cloud httpapi.CloudReport
		err := get(ctx, s.url+"/v1/cloud", &cloud)
		if err == nil && len(cloud.VMs) == 0 {
			return nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// get asks the scheduler.
func get(ctx context.Context, url string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}
