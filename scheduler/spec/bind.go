package spec

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// Bind gives the parameters their values and checks what depends on them. Parameters that are not in params get their
// default. The error, if there is one, is Problems.
func (s *Spec) Bind(params map[string]string) (*Pipeline, error) {
	r := &strictyaml.Report{File: s.file, Places: s.places}
	values := s.values(params, r)
	if err := r.Err(); err != nil {
		return nil, err
	}
	p := &Pipeline{
		Name:        s.Name,
		Project:     s.Project,
		Owner:       s.Owner,
		Description: s.Description,
		Labels:      maps.Clone(s.Labels),
		Priority:    s.Priority,
		Burst:       s.Burst,
		Deadline:    s.Deadline,
		Params:      values,
		Steps:       make([]Step, len(s.Steps)),
	}
	b := &binder{Report: r, values: values}
	for i := range s.Steps {
		p.Steps[i] = b.step(&s.Steps[i])
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// binder binds the templates of a pipeline. Without values, as in Parse, it binds those that name no parameter, so that what
// is wrong with them is found early; the steps it makes then mean nothing.
type binder struct {
	*strictyaml.Report
	values map[string]string
	bytes  int // see MaxBoundBytes
}

// open tells whether a template must wait for the parameters.
func (b *binder) open(t *template) bool { return b.values == nil && t.usesParams() }

// full counts the bytes that templates grow to and tells whether they are too many.
func (b *binder) full(bytes int) bool {
	before := b.bytes
	b.bytes += bytes
	if b.bytes > MaxBoundBytes && before <= MaxBoundBytes {
		b.Add("steps", "", "what the templates of the steps grow to is more than %d bytes", MaxBoundBytes)
	}
	return b.bytes > MaxBoundBytes
}

// text gives the text of a template that names parameters only; ok is false if it must wait for them, or is missing.
func (b *binder) text(t *template) (text string, ok bool) {
	if t == nil || b.open(t) {
		return "", false
	}
	if t.constant() {
		return t.text(), true
	}
	var s strings.Builder
	for _, p := range t.parts {
		text := p.text
		if p.name != "" {
			text = b.param(p.name)
		}
		if b.full(len(text)) {
			return "", false
		}
		s.WriteString(text)
	}
	return s.String(), true
}

// param gives the value of a parameter by its name in templates.
func (b *binder) param(name string) string { return b.values[strings.TrimPrefix(name, paramPrefix)] }

// int gives the number that a template gives; ok is false if it must wait for the parameters or gives none.
func (b *binder) int(t *template) (n int64, ok bool) {
	text, ok := b.text(t)
	if !ok {
		return 0, false
	}
	const most = 1_000_000_000_000_000
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > most || n < -most {
		hint := ""
		if m := fromTo.FindStringSubmatch(text); m != nil {
			hint = fmt.Sprintf("the numbers from %s to %s are written {from: %s, to: %s}", m[1], m[2], m[1], m[2])
		}
		b.Add(t.path, hint, "%q is no whole number of at most 15 digits%s", strictyaml.Quotable(text), t.origin())
		return 0, false
	}
	return n, true
}

// fromTo is how other systems write an array of numbers.
var fromTo = regexp.MustCompile(`^([0-9]{1,15}) *(?:-|:|\.\.) *([0-9]{1,15})$`)

// origin says which parameters a template got its value from.
func (t *template) origin() string {
	var names []string
	for _, p := range t.parts {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	if names == nil {
		return ""
	}
	return ", from " + strings.Join(names, " and ")
}

// step binds a step.
func (b *binder) step(s *StepSource) Step {
	step := s.fixed
	if image, ok := b.text(s.image); ok {
		if _, err := reference.ParseNormalizedNamed(image); err != nil {
			b.Add(s.image.path, "", "%q is no image: %s%s", strictyaml.Quotable(image), err, s.image.origin())
		}
		step.Image = image
	}
	step.Volumes = b.volumes(s)
	step.work.axes, step.Tasks = b.axes(s)
	b.command(s, &step.work)
	return step
}

func (b *binder) volumes(s *StepSource) []Volume {
	var volumes []Volume
	seen := map[string]bool{}
	for _, x := range s.volumes {
		host, hostOK := b.path(x.Host)
		at, atOK := b.path(x.At)
		if atOK && at == "/" {
			b.Add(x.At.path, "", "a volume cannot be the root of the container")
		}
		if atOK && seen[at] {
			b.Add(x.At.path, "", "%s is the place of two volumes", strictyaml.Quotable(at))
		}
		seen[at] = atOK
		if hostOK && atOK {
			volumes = append(volumes, Volume{Host: host, At: at, ReadOnly: x.Mode != "rw"})
		}
	}
	return volumes
}

// path gives an absolute path in its shortest form.
func (b *binder) path(t *template) (string, bool) {
	text, ok := b.text(t)
	if !ok {
		return "", false
	}
	switch {
	case !strings.HasPrefix(text, "/"):
		b.Add(t.path, "", "%q is no absolute path%s", strictyaml.Quotable(text), t.origin())
	case strings.ContainsAny(text, ":\x00\n"):
		b.Add(t.path, "", "%q: Docker takes no path with a colon or a line break%s", strictyaml.Quotable(text), t.origin())
	case len(text) > 4096 || strings.Contains(text+"/", "/../"):
		b.Add(t.path, "", "%q: a path has no .. and at most 4096 bytes%s", strictyaml.Quotable(text), t.origin())
	default:
		return path.Clean(text), true
	}
	return "", false
}
