package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// results are the files that are left at the end.
var results = []struct {
	name  string
	about string
	found bool // by the pipeline: a run that fails has none
}{
	{"finding.png", "what was found, as a picture", true},
	{"finding.svg", "the same, to enlarge", true},
	{"finding.json", "the same, in numbers", true},
	{timelineFile, "who ran what when", false},
	{recordFile, "the record of the run and of all its attempts", false},
}

const (
	timelineFile = "timeline.svg"
	recordFile   = "run.json"
)

// clear makes the folder, without what an earlier demo left in it.
func (d demo) clear() error {
	if err := os.MkdirAll(d.out, 0o755); err != nil {
		return err
	}
	for _, r := range results {
		if err := os.Remove(filepath.Join(d.out, r.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what an earlier demo left: %w", err)
		}
	}
	return nil
}

// collect puts what the run left into the folder, and names it.
func (d demo) collect(ctx context.Context, s *server, data string, succeeded bool) error {
	if err := s.draw(ctx); err != nil {
		return err
	}
	if err := s.record(ctx); err != nil {
		return err
	}
	if succeeded {
		if err := d.found(data); err != nil {
			return err
		}
	}
	fmt.Println()
	for _, r := range results {
		if succeeded || !r.found {
			fmt.Printf("%s\n    %s\n", filepath.Join(d.out, r.name), r.about)
		}
	}
	return nil
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

// found copies what the pipeline found, and says it.
func (d demo) found(data string) error {
	for _, r := range results {
		if !r.found {
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
