package spec

import "slices"

// Pin returns the pipeline with each image that is a key of images replaced by its value: what a tag meant when the run
// was submitted. Other images stay as they are written. The pipeline itself is not changed.
func (p *Pipeline) Pin(images map[string]string) *Pipeline {
	if len(images) == 0 {
		return p
	}
	pinned := *p
	pinned.Steps = slices.Clone(p.Steps)
	for i := range pinned.Steps {
		if image, ok := images[pinned.Steps[i].Image]; ok {
			pinned.Steps[i].Image = image
		}
	}
	return &pinned
}
