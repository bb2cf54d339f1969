package spec

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// decoder fills the types of document.go from YAML nodes, and notes every problem on the way.
type decoder struct {
	report
	lines   []string              // of the file
	regexps int                   // instructions, see MaxRegexps
	parts   int                   // see MaxParts
	listed  map[reflect.Type]bool // sections whose fields a hint has listed
}

// leaf is a type that reads itself from a node.
type leaf interface {
	read(d *decoder, path string, n *yaml.Node)
}

// prose is text for people, the only text where braces mean nothing.
type prose string

// notYet is the type of fields that the language has, but nothing that does what they ask for.
type notYet struct{}

// field is what the tags of document.go say of a struct's field.
type field struct {
	name     string
	index    []int
	notYet   bool
	required bool
	min, max *int64
	longest  int // characters; 0: any length
	enum     []string
	form     *form // of the text, or of each text in the list
	keys     *form // of the mapping's keys
}

// form is the form of a kind of name.
type form struct {
	pattern *regexp.Regexp
	words   string
}

// forms are the forms that the tags form and keys name.
var forms = map[string]*form{
	"name": {regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`),
		"a name has 1 to 63 lower-case letters, digits and '-', and begins and ends with a letter or digit"},
	"variable": {regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`),
		"a name has 1 to 63 letters, digits and '_', and does not begin with a digit"},
	"env": {regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,254}$`),
		"a variable's name has letters, digits and '_', and does not begin with a digit"},
	"label": {regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$`),
		"a label's name has 1 to 63 letters, digits and any of . _ / -, and begins and ends with a letter or digit"},
	"attribute": {regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._/-]{0,254})$`),
		"an attribute's name has letters, digits and any of . _ / -"},
	"cloud": {regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`),
		"a cloud's name has 1 to 63 letters, digits and any of . _ -, and begins and ends with a letter or digit"},
}

// sections are the fields of every struct of the language.
var sections = map[reflect.Type][]field{}

func init() {
	for _, v := range []any{document{}, param{}, burst{}, shared{}, step{}, resources{}, retries{}, volume{}, constraint{}, numbers{}} {
		t := reflect.TypeOf(v)
		sections[t] = fieldsOf(t)
	}
}

// fieldsOf reads the tags of a struct and of those embedded in it.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		x := field{name: f.Tag.Get("yaml"), index: f.Index, notYet: f.Type == reflect.TypeFor[notYet]()}
		x.form, x.keys = forms[f.Tag.Get("form")], forms[f.Tag.Get("keys")]
		for rule := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
			x.addRule(rule)
		}
		fields = append(fields, x)
	}
	return fields
}

func (f *field) addRule(rule string) {
	key, value, _ := strings.Cut(rule, "=")
	switch key {
	case "", "-":
	case "required":
		f.required = true
	case "enum":
		f.enum = append(f.enum, value)
	default:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			panic("spec: tag jsonschema: " + rule)
		}
		switch key {
		case "minimum":
			f.min = &n
		case "maximum":
			f.max = &n
		case "maxLength":
			f.longest = int(n)
		default:
			panic("spec: tag jsonschema: " + rule)
		}
	}
}

// join gives the path of a key of a mapping.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// item gives the path of an item of a list.
func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// target is the node that an alias stands for, or the node itself.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

// decode fills v, which f describes as far as it is a field's own value or an item of it.
func (d *decoder) decode(path string, n *yaml.Node, v reflect.Value, f *field) {
	n = target(n)
	if d.isBareTemplate(path, n) {
		return
	}
	if l, ok := v.Addr().Interface().(leaf); ok {
		l.read(d, path, n)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(path, n, v.Elem(), f)
	case reflect.Struct:
		d.decodeStruct(path, n, v)
	case reflect.Slice:
		d.decodeList(path, n, v, f)
	case reflect.String:
		d.decodeText(path, n, v, f)
	case reflect.Int64:
		d.decodeInt(path, n, v, f)
	case reflect.Bool:
		if !d.want(path, n, "true or false", "!!bool") {
			return
		}
		b, err := strconv.ParseBool(strings.ToLower(n.Value))
		if err != nil {
			d.add(path, "", "%q is neither true nor false", quotable(n.Value))
		}
		v.SetBool(b)
	default:
		panic("spec: no decoder for " + v.Type().String())
	}
}

func (d *decoder) decodeStruct(path string, n *yaml.Node, v reflect.Value) {
	if !d.wantKind(path, n, yaml.MappingNode, "a mapping", inFull(v.Type(), n)) {
		return
	}
	fields := sections[v.Type()]
	given := make(map[string]bool)
	for key, value := range d.pairs(path, n) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		at := join(path, key.Value)
		switch {
		case i < 0:
			d.addAt(placeOf(key), at, d.hintForField(v.Type(), key.Value), "unknown field")
		case fields[i].notYet:
			d.addAt(placeOf(key), at, "", "not supported yet")
		default:
			given[key.Value] = true
			f := &fields[i]
			if f.keys != nil {
				d.checkKeys(at, value, f.keys)
			}
			d.decode(at, value, v.FieldByIndex(f.index), f)
		}
	}
	for _, f := range fields {
		if f.required && !given[f.name] {
			d.add(path, "", "%s is missing", f.name)
		}
	}
}

// elsewhere are the words of other systems (Compose, Kubernetes, Argo, Chronos, Slurm) for fields of ours.
var elsewhere = map[string]string{
	"command": "run", "cmd": "run", "script": "run", "args": "run", "entrypoint": "run",
	"depends_on": "needs", "dependencies": "needs", "parents": "needs", "container": "image", "docker": "image",
	"environment": "env", "memory": "mem", "gpu": "gpus", "constraints": "where", "mounts": "volumes",
	"parallelism": "max_parallel", "concurrency": "max_parallel", "retry": "retries", "parameters": "params",
	"jobs": "steps", "tasks": "steps", "container_path": "at", "host_path": "host", "path": "at",
}

// hintForField names the field that was probably meant by an unknown one, or says where a field of that name belongs.
func (d *decoder) hintForField(t reflect.Type, name string) string {
	var known []string
	for _, f := range sections[t] {
		if !f.notYet {
			known = append(known, f.name)
		}
	}
	if hint := d.didYouMean(name, known); hint != "" {
		return hint
	}
	if here := elsewhere[strings.ToLower(name)]; slices.Contains(known, here) {
		return "did you mean " + here + "?"
	}
	for _, home := range []struct {
		words string
		t     reflect.Type
	}{
		{"the pipeline", reflect.TypeFor[document]()},
		{"burst", reflect.TypeFor[burst]()},
		{"a step or of defaults", reflect.TypeFor[shared]()},
		{"a step", reflect.TypeFor[step]()},
		{"a step's resources", reflect.TypeFor[resources]()},
		{"a step's retries", reflect.TypeFor[retries]()},
	} {
		if slices.ContainsFunc(sections[home.t], func(f field) bool { return f.name == name && !f.notYet }) {
			return "it is a field of " + home.words
		}
	}
	if d.listed[t] {
		return "" // they have been named
	}
	d.listed[t] = true
	return "there are: " + strings.Join(known, ", ")
}

func (d *decoder) checkKeys(path string, n *yaml.Node, form *form) {
	n = target(n)
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		if key := target(n.Content[i]); key.Kind == yaml.ScalarNode && !isMerge(key) && !form.pattern.MatchString(key.Value) {
			d.addAt(placeOf(key), join(path, key.Value), form.words, "not a name that can be used here")
		}
	}
}

func (d *decoder) decodeList(path string, n *yaml.Node, v reflect.Value, f *field) {
	hint := ""
	if n.ShortTag() == "!!str" && v.Type().Elem().Kind() == reflect.String {
		hint = fmt.Sprintf("write [%s]", quotable(n.Value))
	}
	if !d.wantKind(path, n, yaml.SequenceNode, "a list", hint) {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		at := item(path, i)
		d.places[at] = placeOf(c)
		d.decode(at, c, v.Index(i), f)
	}
}

// templateHomes is the hint for a template that stands elsewhere.
const templateHomes = "templates can stand in run, env, image, array, matrix and volumes"

func (d *decoder) decodeText(path string, n *yaml.Node, v reflect.Value, f *field) {
	if !d.want(path, n, "text", "!!str") {
		return
	}
	s := n.Value
	v.SetString(s)
	switch {
	case strings.Contains(s, "{{") && v.Type() != reflect.TypeFor[prose]():
		d.add(path, templateHomes, "a template cannot stand here")
	case f.longest > 0 && utf8.RuneCountInString(s) > f.longest:
		d.add(path, "", "longer than %d characters", f.longest)
	case f.enum != nil && !slices.Contains(f.enum, s):
		d.add(path, d.didYouMean(s, f.enum), "%q is none of %s", quotable(s), strings.Join(f.enum, ", "))
	case f.form != nil && !f.form.pattern.MatchString(s):
		d.add(path, f.form.words, "%q cannot be used here", quotable(s))
	}
}

func (d *decoder) decodeInt(path string, n *yaml.Node, v reflect.Value, f *field) {
	if !d.want(path, n, "a whole number", "!!int") {
		return
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		d.add(path, "", "%s is no whole decimal number of 64 bits", quotable(n.Value))
		return
	}
	if (f.min != nil && i < *f.min) || (f.max != nil && i > *f.max) {
		d.add(path, "", "%d is not in %d to %d", i, *f.min, *f.max)
		return
	}
	v.SetInt(i)
}
