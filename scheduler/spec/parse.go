package spec

import (
	"slices"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// decoder reads a spec, and counts what it may not have too much of.
type decoder struct {
	*strictyaml.Decoder
	regexps int // instructions, see MaxRegexps
	parts   int // see MaxParts
}

// Parse reads one YAML document and checks all that can be checked before the parameters have values. file is used in
// messages only. The error, if there is one, is Problems: everything that is wrong, not only the first.
func Parse(file string, text []byte) (*Spec, error) {
	d := &decoder{Decoder: language.NewDecoder(file, text)}
	var doc document
	if !d.Read(&doc) {
		return nil, d.Err()
	}
	d.NextPhase()
	s := d.spec(&doc)
	if err := d.Err(); err != nil {
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
		file:        d.File,
		places:      d.Places,
	}
	if n := len(doc.Steps); n == 0 && doc.Steps != nil {
		d.Add("steps", "", "there is no step")
	} else if n > MaxSteps {
		d.Add("steps", "", "%d steps are more than %d", n, MaxSteps)
		return s
	}
	where := d.where("defaults.where", doc.Defaults.Where)
	for _, e := range doc.Steps {
		s.Steps = append(s.Steps, d.step(doc, e.Name, e.Value, where))
	}
	d.needs(doc.Steps, s.Steps)
	d.NextPhase()
	b := &binder{Report: &d.Report}
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
		d.Add("burst.clouds", "leave it out for any cloud, or write {allow: false} for none", "names no cloud")
	}
	for i, name := range given.Clouds {
		if slices.Contains(given.Clouds[:i], name) {
			d.Add(strictyaml.Item("burst.clouds", i), "", "%q stands in it twice", strictyaml.Quotable(name))
		}
	}
	return Burst{Allow: or(given.Allow, true), After: time.Duration(or(given.After, 0)), Clouds: given.Clouds}
}

func (d *decoder) deadline(given *time.Duration) time.Duration {
	if given != nil && *given == 0 {
		d.Add("deadline", "leave it out if there is none", "a run cannot have ended when it is submitted")
	}
	return time.Duration(or(given, 0))
}

func (d *decoder) labels(given strictyaml.Entries[strictyaml.Plain]) map[string]string {
	const longest = 255
	if len(given) > MaxLabels {
		d.Add("labels", "", "%d labels are more than %d", len(given), MaxLabels)
	}
	labels := make(map[string]string, len(given))
	for _, e := range given {
		if len(e.Value) > longest || strings.ContainsFunc(string(e.Value), func(r rune) bool { return r < ' ' }) {
			d.Add(strictyaml.Join("labels", e.Name), "", "a label has at most %d bytes in one line", longest)
		}
		labels[e.Name] = string(e.Value)
	}
	return labels
}
