package spec

import (
	"reflect"
	"slices"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// step turns a step, with the defaults of the document, into a StepSource. where is what the defaults say of that.
func (d *decoder) step(doc *document, name string, x step, where []Constraint) StepSource {
	path := strictyaml.Join("steps", name)
	if x.Where != nil {
		where = d.where(strictyaml.Join(path, "where"), x.Where)
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
			Timeout:     or(x.Timeout, 0),
			Network:     Network(or(x.Network, string(HostNetwork))),
			Where:       where,
			Spread:      or(x.Spread, ""),
			Preemptible: or(x.Preemptible, false),
		},
	}
	if x.Image == nil && !d.Faulty("defaults") {
		d.Add(path, "give it to the step or to defaults", "image is missing")
	}
	if x.Run == nil && !d.Faulty("defaults") {
		d.Add(path, "give it to the step or to defaults", "run is missing")
	}
	s.command = or(x.Run, command{})
	if s.fixed.Resources.Mem == 0 {
		d.Add(strictyaml.Join(path, "resources.mem"), "such as 64MiB", "a task needs more than 0 memory")
	}
	if s.fixed.When == OnFailure && len(x.Needs) == 0 {
		d.Add(strictyaml.Join(path, "when"), "name in needs the steps whose failure is meant", "a step that needs nothing cannot run on failure")
	}
	for _, e := range x.Matrix {
		s.matrix = append(s.matrix, axis{e.Name, e.Value})
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
func mergeEnv(defaults, own strictyaml.Entries[template]) strictyaml.Entries[template] {
	if len(own) == 0 || len(defaults) == 0 {
		return slices.Concat(defaults, own)
	}
	merged := slices.Clone(defaults)
	index := make(map[string]int, len(merged))
	for i, e := range merged {
		index[e.Name] = i
	}
	for _, e := range own {
		if i, found := index[e.Name]; found {
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
		Backoff: or(x.Backoff, DefaultBackoff),
	}
	r.MaxBackoff = or(x.MaxBackoff, max(DefaultMaxBackoff, r.Backoff))
	for _, c := range x.ExitCodes {
		r.ExitCodes = append(r.ExitCodes, int(c))
	}
	if r.Backoff > r.MaxBackoff {
		if x.Backoff == nil {
			r.Backoff = r.MaxBackoff
		} else {
			d.Add(strictyaml.Join(path, "retries.backoff"), "", "%s is more than max_backoff, which is %s", r.Backoff, r.MaxBackoff)
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
				d.Add(strictyaml.Join(strictyaml.Item(path, i), string(c.op)), "", "not a regular expression: %s", strictyaml.Quotable(err.Error()))
			}
			if d.regexps += size; d.regexps > MaxRegexps {
				d.Add(path, "", "the regular expressions of the pipeline are too large")
				return nil
			}
			where = append(where, compiled)
		}
		if found > 1 || found == 0 && !d.Shaken(strictyaml.Item(path, i)) {
			d.Add(strictyaml.Item(path, i), "", "should have one of equals, matches and not_matches, not %d", found)
		}
	}
	return where
}

// reservedEnv are the beginnings of names that belong to Mesos (which sets MESOS_SANDBOX, MESOS_TASK_ID and others) and
// to Spillway.
var reservedEnv = []string{"MESOS_", "SPILLWAY_"}

func (d *decoder) checkEnv(s *StepSource) {
	if len(s.env) > MaxEnv {
		d.Add(strictyaml.Join(s.path, "env"), "", "%d variables are more than %d", len(s.env), MaxEnv)
	}
	for _, e := range s.env {
		for _, prefix := range reservedEnv {
			if strings.HasPrefix(e.Name, prefix) {
				d.Add(e.Value.path, "", "names that begin with %s are reserved", prefix)
			}
		}
	}
}

func (d *decoder) checkMatrix(s *StepSource) {
	path := strictyaml.Join(s.path, "matrix")
	if len(s.matrix) > MaxMatrix {
		d.Add(path, "", "%d names are more than %d", len(s.matrix), MaxMatrix)
	}
	for _, a := range s.matrix {
		at := strictyaml.Join(path, a.name)
		if a.name == indexName || a.name == valueName || a.name == "params" {
			d.Add(at, "take another name", "%s has a meaning of its own in templates", a.name)
		}
		if len(a.values.texts)+len(a.values.templates) == 0 {
			d.Add(at, "", "has no values")
		}
		seen := map[string]bool{}
		for _, text := range a.values.texts {
			if seen[text] {
				d.Add(at, "", "%q stands in it twice", strictyaml.Quotable(text))
			}
			seen[text] = true
		}
	}
}
