// Command demo shows Spillway at work on real data, from nothing to a picture: it builds the analysis in
// examples/strain, starts `spillway dev`, runs the pipeline there, and leaves a folder with the finding, the run's timeline
// and its record. Then it gives a small cluster with a cloud beside it more than that has room for, and adds a picture of
// how the cloud helps. `make demo` calls it.
//
// It downloads nothing and leaves nothing behind but that folder: no process, no container, no image.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Exit statuses, besides that of the run.
const (
	exitProblem     = 2
	exitInterrupted = 130
)

// patience is how long the run may take. It takes seconds; what is worth waiting for so long is worth looking into.
const patience = 5 * time.Minute

// demo is what is asked for.
type demo struct {
	tree     string // root of the source tree
	spillway string // the command
	out      string // folder for what is left at the end
	runner   string // auto, docker or process
}

func main() {
	var d demo
	flag.StringVar(&d.tree, "tree", ".", "root of Spillway's source tree")
	flag.StringVar(&d.spillway, "spillway", "bin/spillway", "the spillway command")
	flag.StringVar(&d.out, "out", "demo-result", "folder for what is left at the end; what an earlier demo left there is replaced")
	flag.StringVar(&d.runner, "runner", "auto", "how tasks run: docker, process, or auto: docker if an engine answers")
	flag.Parse()
	os.Exit(d.do())
}

// do shows the demo until it has ended or is interrupted, and returns the exit status.
func (d demo) do() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	status, err, left := d.show(ctx)
	switch {
	case ctx.Err() != nil && left == nil:
		status, err = exitInterrupted, errors.New("interrupted; nothing is left running")
	case ctx.Err() != nil:
		status, err = exitInterrupted, errors.New("interrupted")
	}
	if left != nil {
		status, err = max(status, exitProblem), errors.Join(err, fmt.Errorf("cleaning up: %w", left))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
	}
	return status
}

// show returns the exit status, which is that of the run if there was one; what went wrong; and what could not be cleaned
// up after it.
func (d demo) show(ctx context.Context) (status int, err, left error) {
	if err := d.resolve(); err != nil {
		return exitProblem, err, nil
	}
	unlock, err := d.clear()
	if err != nil {
		return exitProblem, err, nil
	}
	afterwards := func(clean func() error) { left = errors.Join(left, clean()) }
	defer afterwards(unlock)
	work, err := os.MkdirTemp(d.out, workPrefix)
	if err != nil {
		return exitProblem, fmt.Errorf("creating a folder for the tasks: %w", err), nil
	}
	defer afterwards(func() error { return os.RemoveAll(work) })
	data := filepath.Join(work, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		return exitProblem, err, nil
	}

	how, err := d.prepare(ctx, work)
	if err != nil {
		return exitProblem, err, nil
	}
	defer afterwards(how.remove)
	fmt.Printf("Tasks run as %s.\n", how.words)

	if status, err, left = d.analyse(ctx, work, data, how); status != 0 || err != nil || left != nil {
		return status, err, left
	}
	status, err, left = d.overflow(ctx, work)
	if err == nil {
		d.name(status)
	}
	return status, err, left
}

// analyse runs the analysis and collects what it leaves.
func (d demo) analyse(ctx context.Context, work, data string, how way) (status int, err, left error) {
	server, err := d.start(ctx, filepath.Join(work, "dev"), "--agents", "3", "--runner", how.runner)
	if err != nil {
		return exitProblem, err, nil
	}
	defer func() { left = server.stop() }()
	ctx, cancel := context.WithTimeoutCause(server.alive(ctx), patience, fmt.Errorf("the run did not end within %v", patience))
	defer cancel()
	status, err = server.run(ctx, d.spec(), append(how.params, "data="+data)...)
	if err != nil {
		return exitProblem, err, nil
	}
	if err := d.collect(ctx, server, data, status); err != nil {
		return exitProblem, err, nil
	}
	return status, nil, nil
}

// resolve makes the paths absolute: tasks have working directories of their own.
func (d *demo) resolve() error {
	for _, path := range []*string{&d.tree, &d.spillway, &d.out} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = absolute
	}
	if _, err := os.Stat(d.spillway); err != nil {
		return fmt.Errorf("%w: `make demo` builds it", err)
	}
	switch d.runner {
	case "auto", docker, process:
		return nil
	}
	return fmt.Errorf("-runner %q: it is auto, docker or process", d.runner)
}

// spec is the pipeline.
func (d demo) spec() string { return filepath.Join(d.tree, "examples", "strain", "strain.yaml") }
