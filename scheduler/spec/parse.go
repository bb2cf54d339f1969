package spec

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// Parse reads one YAML document and checks all that can be checked before the parameters have values. file is used in
// messages only. The error, if there is one, is Problems: everything that is wrong, not only the first.
func Parse(file string, text []byte) (*Spec, error) {
	text = []byte(strings.TrimPrefix(string(text), "\ufeff"))
	d := &decoder{report: report{file: file, places: map[string]place{}}, lines: strings.Split(string(text), "\n"), listed: map[reflect.Type]bool{}}
	root := d.root(text)
	if root == nil {
		return nil, d.err()
	}
	var doc document
	d.decode("", root, reflect.ValueOf(&doc).Elem(), &field{})
	d.nextPhase()
	s := d.spec(&doc)
	if err := d.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// spec checks what the types of the document do not say, and turns it into a Spec.
func (d *decoder) spec(doc *document) *Spec {
	s := &Spec{
		Name:        doc.Name,
		Project:     or(doc.Project, DefaultProject),
		Owner:       doc.Owner,
		Description: string(doc.Description),
		Labels:      d.labels(doc.Labels),
		Priority:    int(or(doc.Priority, DefaultPriority)),
		Burst:       d.burst(doc.Burst),
		Deadline:    d.deadline(doc.Deadline),
		Params:      d.params(doc.Params),
		file:        d.file,
		places:      d.places,
	}
	if n := len(doc.Steps); n == 0 && doc.Steps != nil {
		d.add("steps", "", "there is no step")
	} else if n > MaxSteps {
		d.add("steps", "", "%d steps are more than %d", n, MaxSteps)
		return s
	}
	where := d.where("defaults.where", doc.Defaults.Where)
	for _, e := range doc.Steps {
		s.Steps = append(s.Steps, d.step(doc, e.name, e.value, where))
	}
	d.needs(doc.Steps, s.Steps)
	d.nextPhase()
	b := &binder{report: &d.report}
	for i := range s.Steps {
		b.step(&s.Steps[i])
	}
	return s
}

// or gives what was given, or the default.
func or[T any](given *T, otherwise T) T {
	if given == nil {
		return otherwise
	}
	return *given
}

func (d *decoder) burst(given burst) Burst {
	if given.Clouds != nil && len(given.Clouds) == 0 {
		d.add("burst.clouds", "leave it out for any cloud, or write {allow: false} for none", "names no cloud")
	}
	for i, name := range given.Clouds {
		if slices.Contains(given.Clouds[:i], name) {
			d.add(item("burst.clouds", i), "", "%q stands in it twice", quotable(name))
		}
	}
	return Burst{Allow: or(given.Allow, true), After: time.Duration(or(given.After, 0)), Clouds: given.Clouds}
}

func (d *decoder) deadline(given *duration) time.Duration {
	if given != nil && *given == 0 {
		d.add("deadline", "leave it out if there is none", "a run cannot have ended when it is submitted")
	}
	return time.Duration(or(given, 0))
}

func (d *decoder) labels(given entries[plain]) map[string]string {
	const longest = 255
	if len(given) > MaxLabels {
		d.add("labels", "", "%d labels are more than %d", len(given), MaxLabels)
	}
	labels := make(map[string]string, len(given))
	for _, e := range given {
		if len(e.value) > longest || strings.ContainsFunc(string(e.value), func(r rune) bool { return r < ' ' }) {
			d.add(join("labels", e.name), "", "a label has at most %d bytes in one line", longest)
		}
		labels[e.name] = string(e.value)
	}
	return labels
}
