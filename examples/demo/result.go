package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// results are the files that are left at the end, by which runs leave them.
var results = []struct {
	name  string
	about string
	of    runs
}{
	{"finding.png", "what was found, as a picture", succeeded},
	{"finding.svg", "the same, to enlarge", succeeded},
	{"finding.json", "the same, in numbers", succeeded},
	{peakFile, "how a peak overflowed into the cloud: queue, agents, waits", succeeded},
	{failuresFile, "what the tasks wrote that failed", failed},
	{timelineFile, "who ran what when", all},
	{recordFile, "the record of the run and of all its attempts", all},
}

// runs are those that ended with an exit status of `spillway run`, or all.
type runs int

const (
	succeeded runs = 0
	failed    runs = 1
	all       runs = -1
)

const (
	failuresFile = "failures.txt"
	peakFile     = "peak.svg"
	timelineFile = "timeline.svg"
	recordFile   = "run.json"
)

// workPrefix begins the name of the folder that holds all that is removed at the end.
const workPrefix = "work-"

// clear makes the folder, without what an earlier demo left in it, even one that was killed. Until unlock is called, or
// this process ends, no other demo can have it.
func (d demo) clear() (unlock func() error, err error) {
	if err := os.MkdirAll(d.out, 0o755); err != nil {
		return nil, err
	}
	folder, err := os.Open(d.out)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w: does another demo use it?", d.out, err), folder.Close())
	}
	old, err := filepath.Glob(filepath.Join(d.out, workPrefix+"*"))
	for _, path := range old {
		err = errors.Join(err, os.RemoveAll(path))
	}
	for _, r := range results {
		if removeErr := os.Remove(filepath.Join(d.out, r.name)); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("removing what an earlier demo left: %w", err), folder.Close())
	}
	return folder.Close, nil
}

// collect puts what the run left into the folder. Of a run that failed nothing more will come: then it names what there is.
func (d demo) collect(ctx context.Context, s *server, data string, status int) error {
	if err := s.draw(ctx); err != nil {
		return err
	}
	if err := s.record(ctx); err != nil {
		return err
	}
	var err error
	switch runs(status) {
	case succeeded:
		err = d.found(data)
	case failed:
		err = s.failures(ctx)
	}
	if err == nil && runs(status) != succeeded {
		d.name(status)
	}
	return err
}

// name tells which files runs that ended so have left.
func (d demo) name(status int) {
	fmt.Println()
	for _, r := range results {
		if r.of == all || r.of == runs(status) {
			fmt.Printf("%s\n    %s\n", filepath.Join(d.out, r.name), r.about)
		}
	}
}

// draw leaves the run's timeline.
func (s *server) draw(ctx context.Context) error {
	picture, err := s.command(ctx, "timeline", lastRun).Output()
	if err != nil {
		return fmt.Errorf("drawing the timeline: %w", err)
	}
	return os.WriteFile(filepath.Join(s.out, timelineFile), picture, 0o644)
}

// lastRun is how spillway calls the run that was submitted last: of a new dev, the only one.
const lastRun = "@last"

// record leaves what the scheduler knows of the run.
func (s *server) record(ctx context.Context) error {
	var record struct {
		Run      json.RawMessage `json:"run"`
		Attempts json.RawMessage `json:"attempts"`
	}
	var err error
	if record.Run, err = s.command(ctx, "status", lastRun, "-o", "json").Output(); err != nil {
		return fmt.Errorf("reading the run: %w", err)
	}
	if record.Attempts, err = s.command(ctx, "timeline", lastRun, "-o", "json").Output(); err != nil {
		return fmt.Errorf("reading the run's attempts: %w", err)
	}
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.out, recordFile), append(text, '\n'), 0o644)
}

// failures keeps what tasks wrote that failed, which would go with the scheduler, and shows where to look.
func (s *server) failures(ctx context.Context) error {
	var answer struct {
		Tasks []struct {
			Step    string
			Index   int
			Attempt struct{ Hostname, Message string }
		}
	}
	const enough = 10
	text, err := s.command(ctx, "tasks", lastRun, "--phase", "failed", "--limit", strconv.Itoa(enough), "-o", "json").Output()
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		return fmt.Errorf("finding the tasks that failed: %w", err)
	}
	var kept bytes.Buffer
	for _, t := range answer.Tasks {
		name := fmt.Sprintf("%s/%d", t.Step, t.Index)
		fmt.Fprintf(&kept, "== %s on %s: %s\n", name, t.Attempt.Hostname, t.Attempt.Message)
		logs := s.command(ctx, "logs", lastRun, name)
		logs.Stdout, logs.Stderr = &kept, &kept
		if err := logs.Run(); err != nil {
			fmt.Fprintf(&kept, "its logs could not be read: %v\n", err)
		}
	}
	path := filepath.Join(s.out, failuresFile)
	fmt.Fprintf(os.Stderr, "demo: the run failed: what its tasks wrote is in %s\n", path)
	return os.WriteFile(path, kept.Bytes(), 0o644)
}

// found copies what the pipeline found, and says it.
func (d demo) found(data string) error {
	for _, r := range results {
		if r.of != succeeded || r.name == peakFile { // which is of another run, and no task's
			continue
		}
		// A copy belongs to whoever runs the demo; what a container wrote may belong to root.
		text, err := os.ReadFile(filepath.Join(data, r.name))
		if err != nil {
			return fmt.Errorf("the run left no result: %w", err)
		}
		if err := os.WriteFile(filepath.Join(d.out, r.name), text, 0o644); err != nil {
			return err
		}
	}
	words, err := os.ReadFile(filepath.Join(data, "finding.txt"))
	if err == nil {
		_, err = fmt.Printf("\n%s", words)
	}
	return err
}
