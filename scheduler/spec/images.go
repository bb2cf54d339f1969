package spec

import (
	"slices"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// Images are the images of the steps, as written, each once.
func (p *Pipeline) Images() []string {
	var images []string
	for i := range p.Steps {
		images = append(images, p.Steps[i].Image)
	}
	slices.Sort(images)
	return slices.Compact(images)
}

// RefuseImages makes an error, Problems, of what was found out about images after Bind has made p of s: at the place of
// each that is in why goes the message and the hint that it has there. It is nil if the pipeline has none of them.
func (s *Spec) RefuseImages(p *Pipeline, why map[string]Problem) error {
	r := &strictyaml.Report{File: s.file, Places: s.places}
	for i := range s.Steps {
		if problem, bad := why[p.Steps[i].Image]; bad {
			image := s.Steps[i].image
			r.Add(image.path, problem.Hint, "%s%s", problem.Message, image.origin())
		}
	}
	return r.Err()
}
