package httpapi_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/registry"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// shelf is a registry of images by tag; what it has not does not exist.
type shelf map[string]string

func (s shelf) Resolve(_ context.Context, images []string) (map[string]string, []string, error) {
	found, missing := map[string]string{}, registry.Missing{}
	for _, image := range images {
		if digest, there := s[image]; there {
			found[image] = digest
		} else {
			missing[image] = &registry.Fault{What: "there is no such tag", Do: "push it"}
		}
	}
	if len(missing) > 0 {
		return nil, nil, missing
	}
	return found, nil, nil
}

// TestImageIsGoneAfterSubmission sends a submission again whose image was deleted meanwhile.
func TestImageIsGoneAfterSubmission(t *testing.T) {
	images := shelf{"tools:1": "tools@sha256:aa"}
	master := quietMaster{offered: make(chan struct{})}
	a := start(t, store.NewMemory(), master, func(c *httpapi.Config, _ *http.Server) { c.Images = images })
	<-master.offered
	sub := httpapi.Submission{Spec: "name: x\nsteps: {a: {run: work, image: \"tools:1\"}}\n", Key: "k"}
	run := ask[httpapi.Run](a, "POST", "/v1/runs", sub, 201)
	if got := slices.Collect(maps.Values(run.Images)); !slices.Equal(got, []string{"tools@sha256:aa"}) {
		t.Errorf("the run has the images %v", got)
	}

	delete(images, "tools:1")
	if again := ask[httpapi.Run](a, "POST", "/v1/runs", sub, 200); again.ID != run.ID {
		t.Errorf("the same submission is run %s, and now %s", run.ID, again.ID)
	}
	sub.Key = "another"
	p := ask[httpapi.Problem](a, "POST", "/v1/runs", sub, 422)
	if len(p.Errors) != 1 || p.Errors[0].Line != 2 || p.Errors[0].Hint != "push it" {
		t.Errorf("an image that is not there: %+v", p)
	}
}
