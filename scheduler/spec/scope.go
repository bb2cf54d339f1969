package spec

import (
	"slices"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// scope is the names that mean something in the templates of a step.
type scope struct {
	step    string
	params  []string // with their prefix
	task    []string // what numbers the tasks
	perTask bool     // templates may name what is in task
}

func (c *scope) has(name string) bool {
	return slices.Contains(c.params, name) || c.perTask && slices.Contains(c.task, name)
}

// checkNames notes the names in the template that mean nothing.
func (t *template) checkNames(d *decoder, known scope) {
	for i := range t.parts {
		p := &t.parts[i]
		if p.name == "" || known.has(p.name) {
			continue
		}
		if p.at == (strictyaml.Place{}) {
			p.at = t.placeIn(d.Decoder, p.from, p.to)
		}
		step := ""
		if !strings.HasPrefix(p.name, paramPrefix) {
			step = " in step " + known.step // parameters are the same in all of them
		}
		d.AddAt(p.at, t.path, d.hintForName(p.name, known), "{{ %s }} names nothing%s", strictyaml.Quotable(p.name), step)
	}
}

// hintForName says what could be meant by a name that means nothing.
func (d *decoder) hintForName(name string, known scope) string {
	if slices.Contains(known.params, paramPrefix+name) {
		return "did you mean " + paramPrefix + name + "?"
	}
	if !known.perTask && (slices.Contains(known.task, name) || name == indexName || name == valueName) {
		return "all tasks of a step share this, so only parameters can be named here"
	}
	names := known.params
	if known.perTask && !strings.HasPrefix(name, paramPrefix) {
		names = slices.Concat(known.task, names)
	}
	switch hint := d.DidYouMean(name, names); {
	case hint != "":
		return hint
	case known.perTask && name == indexName:
		return "index needs an array"
	case known.perTask && name == valueName:
		return "value needs an array that is a list"
	case len(names) == 0:
		return "there is nothing to name here"
	}
	return "there are: " + strictyaml.Quotable(strings.Join(names, ", "))
}

// checkTemplates notes names in templates that stand for nothing.
func (d *decoder) checkTemplates(doc *document, s *StepSource) {
	known := scope{step: s.Name}
	for _, name := range doc.Params.Names() {
		known.params = append(known.params, paramPrefix+name)
	}
	if s.array != nil {
		known.task = append(known.task, indexName)
		if s.array.list != nil {
			known.task = append(known.task, valueName)
		}
	}
	for _, a := range s.matrix {
		known.task = append(known.task, a.name)
	}
	known.perTask = true
	d.checkNames(s.taskTemplates(), known)
	known.perTask = false
	d.checkNames(s.paramTemplates(), known)
}

func (d *decoder) checkNames(templates []*template, known scope) {
	for _, t := range templates {
		if d.parts += len(t.parts); d.parts > MaxParts {
			d.Add("steps", "", "the templates of the steps have more than %d parts", MaxParts)
			return
		}
		t.checkNames(d, known)
	}
}

// taskTemplates are the templates that differ from task to task.
func (s *StepSource) taskTemplates() []*template {
	var ts []*template
	if s.command.shell != nil {
		ts = append(ts, s.command.shell)
	}
	for i := range s.command.argv {
		ts = append(ts, &s.command.argv[i])
	}
	for i := range s.env {
		ts = append(ts, &s.env[i].Value)
	}
	return ts
}

// paramTemplates are the templates that only depend on parameters.
func (s *StepSource) paramTemplates() []*template {
	var ts []*template
	if s.image != nil {
		ts = append(ts, s.image)
	}
	for _, v := range s.volumes {
		for _, t := range []*template{v.Host, v.At} {
			if t != nil {
				ts = append(ts, t)
			}
		}
	}
	if s.array != nil {
		ts = append(ts, s.array.templates()...)
	}
	for _, m := range s.matrix {
		ts = append(ts, pointers(m.values.templates)...)
	}
	return ts
}

func (a *array) templates() []*template {
	if a.list != nil {
		return pointers(a.list.templates)
	}
	var ts []*template
	given := []*number{a.count}
	if a.numbers != nil {
		given = []*number{a.numbers.From, a.numbers.To, a.numbers.Step}
	}
	for _, n := range given {
		if n != nil {
			ts = append(ts, &n.template)
		}
	}
	return ts
}

func pointers(ts []template) []*template {
	ps := make([]*template, len(ts))
	for i := range ts {
		ps[i] = &ts[i]
	}
	return ps
}
