package minimesos

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// runners are this machine's, made when they are first asked for.
type runners struct {
	chosen Runner // what Auto stands for
	// noDocker says why Auto did not become Docker.
	noDocker error

	mu   sync.Mutex
	made map[Runner]runner
}

// openRunners settles what runs tasks where nothing else is named, and what
// Auto means on this machine.
func openRunners(ctx context.Context, wanted Runner) (*runners, error) {
	r := &runners{chosen: wanted, made: map[Runner]runner{Process: processRunner{}, Instant: instantRunner{}}}
	if wanted == Auto {
		r.chosen = Process
		docker, err := newDockerRunner(ctx)
		if r.noDocker = err; err == nil {
			r.chosen, r.made[Docker] = Docker, docker
		}
	}
	_, err := r.get(ctx, r.chosen)
	return r, err
}

func (r *runners) get(ctx context.Context, kind Runner) (runner, error) {
	if kind == "" || kind == Auto {
		kind = r.chosen
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if made := r.made[kind]; made != nil {
		return made, nil
	}
	if kind != Docker {
		return nil, fmt.Errorf("minimesos: there is no runner called %q", kind)
	}
	docker, err := newDockerRunner(ctx)
	if err != nil {
		return nil, fmt.Errorf("minimesos: the Docker engine cannot be used: %w", err)
	}
	r.made[Docker] = docker
	return docker, nil
}

func (r *runners) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, made := range r.made {
		if closer, ok := made.(interface{ close() error }); ok {
			errs = append(errs, closer.close())
		}
	}
	return errors.Join(errs...)
}
