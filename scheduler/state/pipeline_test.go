package state

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPipelineVersions(t *testing.T) {
	w := newWorld(t)
	put := func(text string, version int, created bool) {
		t.Helper()
		w.now = w.now.Add(time.Minute)
		rec, isNew := w.s.PutPipeline(w.now, "lpf", "noise", text, "anna")
		if rec.Version != version || isNew != created || rec.Spec != text || rec.By != "anna" {
			t.Errorf("put %q: %+v, created %v; want version %d, created %v", text, rec, isNew, version, created)
		}
	}
	put("one", 1, true)
	put("one", 1, false)
	put("two", 2, false)
	if !w.s.DeletePipeline(w.now, "lpf", "noise", "bert") || w.s.DeletePipeline(w.now, "lpf", "noise", "bert") {
		t.Error("a pipeline is deleted once")
	}
	if p, known := w.s.Pipeline("lpf", "noise"); known {
		t.Errorf("the deleted pipeline is known: %+v", p)
	}
	put("two", 4, true)
	w.s.PutPipeline(w.now, "lisa", "glitch", "g", "")

	changes := w.s.TakeChanges()
	var versions []int
	for _, p := range changes.Pipelines {
		if p.Project == "lpf" {
			versions = append(versions, p.Version)
		}
	}
	if diff := cmp.Diff([]int{1, 2, 3, 4}, versions); diff != "" {
		t.Errorf("versions to be kept (-want +got):\n%s", diff)
	}
	if deleted := changes.Pipelines[2]; !deleted.Deleted || deleted.By != "bert" || deleted.Spec != "" {
		t.Errorf("the deletion is kept as %+v", deleted)
	}
	if !w.s.TakeChanges().Empty() {
		t.Error("changes are taken twice")
	}
	restored, err := Load(w.now, w.cfg, Snapshot{Pipelines: changes.Pipelines[3:]})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.s.Pipelines(), restored.Pipelines()); diff != "" || len(restored.Pipelines()) != 2 {
		t.Errorf("restored (-lives +restored):\n%s", diff)
	}
}

// TestDeletedCountsOn restores a state from a pipeline's deletion: the next version follows it.
func TestDeletedCountsOn(t *testing.T) {
	deleted := PipelineRecord{Project: "lpf", Name: "noise", Version: 7, Deleted: true}
	s, err := Load(time.Time{}, DefaultConfig(), Snapshot{Pipelines: []PipelineRecord{deleted}})
	if err != nil {
		t.Fatal(err)
	}
	if rec, created := s.PutPipeline(time.Unix(1, 0), "lpf", "noise", "", ""); rec.Version != 8 || !created {
		t.Errorf("%+v, created %v; want version 8", rec, created)
	}
}
