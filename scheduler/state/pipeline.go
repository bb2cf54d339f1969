package state

import (
	"cmp"
	"slices"
	"time"
)

// pipelineKey names a stored pipeline.
type pipelineKey struct{ project, name string }

// Pipeline returns the newest version of a stored pipeline; false if there is none, or it was deleted.
func (s *State) Pipeline(project, name string) (PipelineRecord, bool) {
	p, known := s.pipelines[pipelineKey{project, name}]
	if !known || p.Deleted {
		return PipelineRecord{}, false
	}
	return p, true
}

// Pipelines returns the newest version of each stored pipeline that was not deleted, ordered by project and name.
func (s *State) Pipelines() []PipelineRecord {
	list := make([]PipelineRecord, 0, len(s.pipelines))
	for _, p := range s.pipelines {
		if !p.Deleted {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b PipelineRecord) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// PutPipeline keeps a spec as the newest version of a pipeline, by whom says by. It returns that version, and whether
// there was no such pipeline before. A spec that is equal to the newest version's makes no other.
func (s *State) PutPipeline(now time.Time, project, name, text, by string) (rec PipelineRecord, created bool) {
	key := pipelineKey{project, name}
	before := s.pipelines[key]
	created = before.Version == 0 || before.Deleted
	if !created && before.Spec == text {
		return before, false
	}
	rec = PipelineRecord{Project: project, Name: name, Version: before.Version + 1, Spec: text, By: by, Put: now}
	s.keepPipeline(key, rec)
	return rec, created
}

// DeletePipeline deletes a stored pipeline; its versions are kept. It reports whether there was one.
func (s *State) DeletePipeline(now time.Time, project, name, by string) bool {
	before, known := s.Pipeline(project, name)
	if known {
		s.keepPipeline(pipelineKey{project, name},
			PipelineRecord{Project: project, Name: name, Version: before.Version + 1, By: by, Put: now, Deleted: true})
	}
	return known
}

func (s *State) keepPipeline(key pipelineKey, rec PipelineRecord) {
	s.pipelines[key] = rec
	s.dirtyPipelines = append(s.dirtyPipelines, rec)
}
