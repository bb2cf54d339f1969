package httpapi

import (
	"context"
	"sync"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// maxProjects bounds how many runs' projects are remembered.
const maxProjects = 100_000

// projectCache remembers which project a run belongs to, which never changes.
type projectCache struct {
	mu sync.Mutex
	of map[state.RunID]string
}

// projectOf returns the project of a run, finished or not.
func (s *Server) projectOf(ctx context.Context, id state.RunID) (string, error) {
	c := &s.known
	c.mu.Lock()
	project, known := c.of[id]
	c.mu.Unlock()
	if known {
		return project, nil
	}
	rec, err := s.cfg.Store.Record(ctx, id)
	if err != nil {
		return "", missing(err, "run %s", id)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil || len(c.of) >= maxProjects {
		c.of = map[state.RunID]string{}
	}
	c.of[id] = rec.Project
	return rec.Project, nil
}
