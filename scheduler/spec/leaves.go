package spec

import (
	"reflect"

	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// ReadYAML is strictyaml.Reader.
func (t *template) ReadYAML(d *strictyaml.Decoder, path string, n *yaml.Node) {
	*t = template{path: path}
	if d.WantPlain(path, n) {
		*t = readTemplate(d, path, n)
	}
}

// command is what `run` says: text for a shell, or the program and its arguments.
type command struct {
	path  string
	shell *template
	argv  []template
}

// ReadYAML is strictyaml.Reader.
func (c *command) ReadYAML(d *strictyaml.Decoder, path string, n *yaml.Node) {
	*c = command{path: path}
	switch n.Kind {
	case yaml.SequenceNode:
		c.argv = make([]template, len(n.Content))
		for i, node := range n.Content {
			at := strictyaml.Item(path, i)
			d.Places[at] = strictyaml.At(node)
			c.argv[i].ReadYAML(d, at, strictyaml.Target(node))
		}
		if len(n.Content) == 0 {
			d.Add(path, "", "is empty, should be a program and its arguments")
		}
	default:
		if !d.Want(path, n, "text for the shell, or a list of a program and its arguments", "!!str") {
			return
		}
		t := readTemplate(d, path, n)
		c.shell = &t
		if n.Value == "" {
			d.Add(path, "", "is empty, should be text for the shell")
		}
	}
}

// number is a whole number, or a template that gives one.
type number struct{ template }

// ReadYAML is strictyaml.Reader.
func (x *number) ReadYAML(d *strictyaml.Decoder, path string, n *yaml.Node) {
	x.template = template{path: path}
	if d.Want(path, n, "a whole number or a template", "!!int", "!!str") {
		x.template = readTemplate(d, path, n)
	}
}

// array is what `array` says: a count, numbers, or a list of values.
type array struct {
	path    string
	count   *number
	numbers *numbers
	list    *axisValues
}

// ReadYAML is strictyaml.Reader.
func (a *array) ReadYAML(d *strictyaml.Decoder, path string, n *yaml.Node) {
	*a = array{path: path}
	switch n.Kind {
	case yaml.SequenceNode:
		a.list = new(axisValues)
		a.list.ReadYAML(d, path, n)
	case yaml.MappingNode:
		a.numbers = new(numbers)
		d.Decode(path, n, reflect.ValueOf(a.numbers).Elem(), &strictyaml.Field{})
	default:
		a.count = new(number)
		a.count.ReadYAML(d, path, n)
	}
}

// axisValues is a list of values in an array or matrix. Where no value is a template, which is what long lists are, there
// is only the texts.
type axisValues struct {
	path      string
	texts     []string
	templates []template
}

// ReadYAML is strictyaml.Reader.
func (a *axisValues) ReadYAML(d *strictyaml.Decoder, path string, n *yaml.Node) {
	*a = axisValues{path: path}
	if !d.WantKind(path, n, yaml.SequenceNode, "a list", "") {
		return
	}
	templates := make([]template, len(n.Content))
	open := false
	for i, c := range n.Content {
		// Only values that can give rise to a problem need a place: a list may be long.
		at := strictyaml.Item(path, i)
		d.Places[at] = strictyaml.At(c)
		c = strictyaml.Target(c)
		if d.WantPlain(at, c) {
			templates[i] = readTemplate(d, at, c)
			open = open || !templates[i].constant()
		}
		if !open {
			delete(d.Places, at)
		}
	}
	if open {
		a.templates = templates
		return
	}
	a.texts = make([]string, len(templates))
	for i, t := range templates {
		a.texts[i] = t.text()
	}
}

// axis is a name of the matrix with its values.
type axis struct {
	name   string
	values axisValues
}
