package scheduler

import (
	"fmt"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// PutPipeline asks for a spec, which the caller has checked, to be kept as the newest version of a pipeline. Done is
// called once it is durable, and told whether there was no such pipeline before. A spec that is equal to the newest
// version's makes no other: Done gets that version.
type PutPipeline struct {
	Project, Name string
	Spec          string
	By            string // the name of the caller's token; empty if none was asked for
	Done          func(rec state.PipelineRecord, created bool, err error)
}

func (c *PutPipeline) apply(r *Reactor, now time.Time) {
	rec, created := r.state.PutPipeline(now, c.Project, c.Name, c.Spec, c.By)
	r.answer(func() {
		r.log.Info("pipeline stored", "project", c.Project, "pipeline", c.Name, "version", rec.Version, "by", c.By)
		c.Done(rec, created, nil)
	})
}

// DeletePipeline asks for a stored pipeline to be deleted. Its versions stay in its history. Done is called once that is
// durable, or with store.ErrNotFound.
type DeletePipeline struct {
	Project, Name string
	By            string // the name of the caller's token; empty if none was asked for
	Done          func(error)
}

func (c *DeletePipeline) apply(r *Reactor, now time.Time) {
	if !r.state.DeletePipeline(now, c.Project, c.Name, c.By) {
		err := fmt.Errorf("pipeline %s of project %s: %w", c.Name, c.Project, store.ErrNotFound)
		r.answer(func() { c.Done(err) })
		return
	}
	r.answer(func() {
		r.log.Info("pipeline deleted", "project", c.Project, "pipeline", c.Name, "by", c.By)
		c.Done(nil)
	})
}
