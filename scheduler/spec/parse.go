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
	d := &decoder{report: report{file: file, places: map[string]place{}}, lines: strings.Split(string(text), "\n")}
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

// step turns a step, with the defaults of the document, into a StepSource. where is what the defaults say of that.
func (d *decoder) step(doc *document, name string, x step, where []Constraint) StepSource {
	path := join("steps", name)
	if x.Where != nil {
		where = d.where(join(path, "where"), x.Where)
	}
	own := x.shared
	inherit(reflect.ValueOf(&x.shared).Elem(), reflect.ValueOf(&doc.Defaults).Elem())
	x.Env = mergeEnv(doc.Defaults.Env, own.Env)
	s := StepSource{
		Name:    name,
		path:    path,
		image:   x.Image,
		env:     x.Env,
		volumes: x.Volumes,
		array:   x.Array,
		fixed: Step{
			Name:        name,
			When:        When(or(x.When, string(OnSuccess))),
			ForcePull:   or(x.ForcePull, false),
			Resources:   x.Resources.fixed(),
			MaxParallel: int(or(x.MaxParallel, 0)),
			Retries:     d.retries(path, x.Retries),
			Timeout:     time.Duration(or(x.Timeout, 0)),
			Network:     Network(or(x.Network, string(HostNetwork))),
			Where:       where,
			Spread:      or(x.Spread, ""),
			Preemptible: or(x.Preemptible, false),
		},
	}
	if x.Image == nil && !d.faulty["defaults"] {
		d.add(path, "give it to the step or to defaults", "image is missing")
	}
	if x.Run == nil && !d.faulty["defaults"] {
		d.add(path, "give it to the step or to defaults", "run is missing")
	}
	s.command = or(x.Run, command{})
	if s.fixed.When == OnFailure && len(x.Needs) == 0 {
		d.add(join(path, "when"), "name in needs the steps whose failure is meant", "a step that needs nothing cannot run on failure")
	}
	for _, e := range x.Matrix {
		s.matrix = append(s.matrix, axis{e.name, e.value})
	}
	d.checkMatrix(&s)
	d.checkEnv(&s)
	d.checkTemplates(doc, &s)
	return s
}

// inherit fills what is not given of a struct from the defaults, through the structs in it.
func inherit(own, defaults reflect.Value) {
	switch own.Kind() {
	case reflect.Struct:
		for i := range own.NumField() {
			inherit(own.Field(i), defaults.Field(i))
		}
	case reflect.Pointer, reflect.Slice:
		if own.IsNil() {
			own.Set(defaults)
		}
	}
}

// mergeEnv gives the variables of the defaults, with the step's in their places, and then the step's other ones.
func mergeEnv(defaults, own entries[template]) entries[template] {
	if len(own) == 0 || len(defaults) == 0 {
		return slices.Concat(defaults, own)
	}
	merged := slices.Clone(defaults)
	index := make(map[string]int, len(merged))
	for i, e := range merged {
		index[e.name] = i
	}
	for _, e := range own {
		if i, found := index[e.name]; found {
			merged[i] = e
		} else {
			merged = append(merged, e)
		}
	}
	return merged
}

func (r *resources) fixed() Resources {
	return Resources{
		CPUs:  int64(or(r.CPUs, DefaultCPUs)),
		Mem:   int64(or(r.Mem, DefaultMem)),
		Disk:  int64(or(r.Disk, DefaultDisk)),
		GPUs:  or(r.GPUs, 0),
		Ports: or(r.Ports, 0),
	}
}

func (d *decoder) retries(path string, x retries) Retries {
	r := Retries{
		Limit:   int(or(x.Limit, 0)),
		Backoff: time.Duration(or(x.Backoff, duration(DefaultBackoff))),
	}
	r.MaxBackoff = time.Duration(or(x.MaxBackoff, duration(max(DefaultMaxBackoff, r.Backoff))))
	for _, c := range x.ExitCodes {
		r.ExitCodes = append(r.ExitCodes, int(c))
	}
	if r.Backoff > r.MaxBackoff {
		if x.Backoff == nil {
			r.Backoff = r.MaxBackoff
		} else {
			d.add(join(path, "retries.backoff"), "", "%s is more than max_backoff, which is %s", r.Backoff, r.MaxBackoff)
		}
	}
	return r
}

// where compiles constraints.
func (d *decoder) where(path string, given []constraint) []Constraint {
	var where []Constraint
	for i, x := range given {
		found := 0
		for _, c := range []struct {
			op    Op
			value *string
		}{{Equals, x.Equals}, {Matches, x.Matches}, {NotMatches, x.NotMatches}} {
			if c.value == nil {
				continue
			}
			found++
			compiled, size, err := newConstraint(x.Attribute, c.op, *c.value)
			if err != nil {
				d.add(join(item(path, i), string(c.op)), "", "not a regular expression: %s", quotable(err.Error()))
			}
			if d.regexps += size; d.regexps > MaxRegexps {
				d.add(path, "", "the regular expressions of the pipeline are too large")
				return nil
			}
			where = append(where, compiled)
		}
		if found > 1 || found == 0 && !d.shaken[item(path, i)] {
			d.add(item(path, i), "", "should have one of equals, matches and not_matches, not %d", found)
		}
	}
	return where
}

// reservedEnv are the beginnings of names that belong to Mesos (which sets MESOS_SANDBOX, MESOS_TASK_ID and others) and
// to Spillway.
var reservedEnv = []string{"MESOS_", "SPILLWAY_"}

func (d *decoder) checkEnv(s *StepSource) {
	if len(s.env) > MaxEnv {
		d.add(join(s.path, "env"), "", "%d variables are more than %d", len(s.env), MaxEnv)
	}
	for _, e := range s.env {
		for _, prefix := range reservedEnv {
			if strings.HasPrefix(e.name, prefix) {
				d.add(e.value.path, "", "names that begin with %s are reserved", prefix)
			}
		}
	}
}

func (d *decoder) checkMatrix(s *StepSource) {
	path := join(s.path, "matrix")
	if len(s.matrix) > MaxMatrix {
		d.add(path, "", "%d names are more than %d", len(s.matrix), MaxMatrix)
	}
	for _, a := range s.matrix {
		at := join(path, a.name)
		if a.name == indexName || a.name == valueName || a.name == "params" {
			d.add(at, "take another name", "%s has a meaning of its own in templates", a.name)
		}
		if len(a.values.texts)+len(a.values.templates) == 0 {
			d.add(at, "", "has no values")
		}
		seen := map[string]bool{}
		for _, text := range a.values.texts {
			if seen[text] {
				d.add(at, "", "%q stands in it twice", quotable(text))
			}
			seen[text] = true
		}
	}
}

// checkTemplates notes names in templates that stand for nothing.
func (d *decoder) checkTemplates(doc *document, s *StepSource) {
	known := scope{step: s.Name}
	for _, name := range doc.Params.names() {
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
			d.add("steps", "", "the templates of the steps have more than %d parts", MaxParts)
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
		ts = append(ts, &s.env[i].value)
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
