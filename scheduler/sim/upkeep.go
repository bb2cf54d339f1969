package sim

import (
	"context"
	"errors"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// forget asks for a run to be deleted.
func (p *people) forget(id state.RunID) {
	p.w.daemon.input(&scheduler.Forget{ID: id, Done: func(err error) {
		p.w.tracef("answer: forget %s: %v", id, outcome(err))
		if err != nil && !errors.Is(err, state.ErrNotFinal) && !p.gone(id, err) {
			p.w.fail("forgetting run %s: %v", id, err)
		}
		if err == nil && p.w.audit != nil && !p.w.audit.runs[id].forgotten {
			p.w.fail("run %s is said to be forgotten, and is not", id)
		}
	}})
}

// gone reports whether an answer is that there is no such run, and there is none any more.
func (p *people) gone(id state.RunID, err error) bool {
	return errors.Is(err, store.ErrNotFound) && p.w.audit != nil && p.w.audit.runs[id].forgotten
}

// store keeps a pipeline, or deletes it if the text is empty.
func (p *people) store(name, text string) {
	if text == "" {
		p.w.daemon.input(&scheduler.DeletePipeline{Project: "alpha", Name: name, Done: func(err error) {
			p.w.tracef("answer: delete pipeline %s: %v", name, outcome(err))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				p.w.fail("deleting pipeline %s: %v", name, err)
			}
		}})
		return
	}
	p.w.daemon.input(&scheduler.PutPipeline{Project: "alpha", Name: name, Spec: text,
		Done: func(rec state.PipelineRecord, _ bool, err error) {
			p.w.tracef("answer: pipeline %s has version %d: %v", name, rec.Version, outcome(err))
			versions := p.w.audit.pipelines[name]
			if err != nil || rec.Spec != text || rec.Version > len(versions) || versions[rec.Version-1] != rec {
				p.w.fail("version %d of pipeline %s is promised, but not durable: %v", rec.Version, name, err)
			}
		}})
}

// upkeep checks which runs a batch forgets, and which pipelines it keeps.
func (a *audit) upkeep(c *state.Changes) {
	for _, id := range c.Forgotten {
		r := a.runs[id]
		if r == nil || r.forgotten || !r.rec.Phase.Final() {
			a.w.fail("run %s is forgotten, which is not there, or has not ended", id)
		}
		r.forgotten = true
		if key := [2]string{r.rec.Project, r.rec.Key}; r.rec.Key != "" {
			delete(a.keys, key)
		}
	}
	for _, p := range c.Pipelines {
		versions := a.pipelines[p.Name]
		switch last := len(versions) - 1; {
		case p.Version != len(versions)+1:
			a.w.fail("pipeline %s gets version %d after %d", p.Name, p.Version, len(versions))
		case last >= 0 && versions[last].Deleted == p.Deleted && versions[last].Spec == p.Spec:
			a.w.fail("version %d of pipeline %s is as the one before", p.Version, p.Name)
		}
		a.pipelines[p.Name] = append(versions, p)
	}
}

// retained checks that old runs are forgotten, if they are to be.
func (a *audit) retained() {
	keep := a.w.sc.Config.KeepRuns
	if keep == 0 {
		return
	}
	old, err := a.w.daemon.store.EndedBefore(context.Background(), a.w.time().Add(-keep-2*time.Minute), 1)
	if err != nil || len(old) > 0 {
		a.w.fail("runs %v should have been forgotten by now (error: %v)", old, err)
	}
}

// image checks that a launch runs what its run has resolved.
func (a *audit) image(id state.AttemptID, image string) {
	r := a.runs[id.Run]
	want := r.pipeline.Steps[r.byName[id.Step]].Image
	if pinned := r.rec.Images[want]; pinned != "" {
		want = pinned
	}
	if image != want {
		a.w.fail("%s runs image %s, not %s", id, image, want)
	}
}
