package httpapi

import (
	"context"
	"errors"

	"github.com/lisa-dpc/spillway/scheduler/registry"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// pin finds out what is to run for the images of a pipeline, and of which of them that could not be found out. An image
// that does not exist is a problem of the spec, at the place where it is written.
func (s *Server) pin(ctx context.Context, parsed *spec.Spec, p *spec.Pipeline) (images map[string]string, warnings []string, err error) {
	if s.cfg.Images == nil {
		return nil, nil, nil
	}
	images, warnings, err = s.cfg.Images.Resolve(ctx, p.Images())
	var missing registry.Missing
	if errors.As(err, &missing) {
		why := map[string]spec.Problem{}
		for image, fault := range missing {
			why[image] = spec.Problem{Message: fault.What, Hint: fault.Do}
		}
		err = parsed.RefuseImages(p, why)
	}
	return images, warnings, err
}
