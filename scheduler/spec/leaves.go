package spec

import (
	"reflect"

	"gopkg.in/yaml.v3"
)

// entry is one key of a mapping with its value.
type entry[T any] struct {
	name  string
	value T
}

// entries is a mapping whose order matters.
type entries[T any] []entry[T]

func (e *entries[T]) read(d *decoder, path string, n *yaml.Node) {
	*e = entries[T]{}
	for key, value := range d.pairs(path, n) {
		x := entry[T]{name: key.Value}
		d.decode(join(path, key.Value), value, reflect.ValueOf(&x.value).Elem(), &field{})
		*e = append(*e, x)
	}
}

// names gives the keys in their order.
func (e entries[T]) names() []string {
	names := make([]string, len(e))
	for i, x := range e {
		names[i] = x.name
	}
	return names
}

// plain is text, or a number or truth value taken as the text that was written.
type plain string

func (p *plain) read(d *decoder, path string, n *yaml.Node) {
	if d.wantPlain(path, n) {
		*p = plain(n.Value)
	}
}

// wantPlain notes a problem unless the node can be taken as text.
func (d *decoder) wantPlain(path string, n *yaml.Node) bool {
	return d.want(path, n, "text or a number", "!!str", "!!int", "!!float", "!!bool", "!!timestamp")
}

func (t *template) read(d *decoder, path string, n *yaml.Node) {
	*t = template{path: path}
	if d.wantPlain(path, n) {
		*t = d.template(path, n)
	}
}

// command is what `run` says: text for a shell, or the program and its arguments.
type command struct {
	path  string
	shell *template
	argv  []template
}

func (c *command) read(d *decoder, path string, n *yaml.Node) {
	*c = command{path: path}
	switch n.Kind {
	case yaml.SequenceNode:
		c.argv = make([]template, len(n.Content))
		for i, node := range n.Content {
			at := item(path, i)
			d.places[at] = placeOf(node)
			c.argv[i].read(d, at, target(node))
		}
		if len(n.Content) == 0 {
			d.add(path, "", "is empty, should be a program and its arguments")
		}
	default:
		if !d.want(path, n, "text for the shell, or a list of a program and its arguments", "!!str") {
			return
		}
		t := d.template(path, n)
		c.shell = &t
		if n.Value == "" {
			d.add(path, "", "is empty, should be text for the shell")
		}
	}
}

// number is a whole number, or a template that gives one.
type number struct{ template }

func (x *number) read(d *decoder, path string, n *yaml.Node) {
	x.template = template{path: path}
	if d.want(path, n, "a whole number or a template", "!!int", "!!str") {
		x.template = d.template(path, n)
	}
}

// array is what `array` says: a count, numbers, or a list of values.
type array struct {
	path    string
	count   *number
	numbers *numbers
	list    *axisValues
}

func (a *array) read(d *decoder, path string, n *yaml.Node) {
	*a = array{path: path}
	switch n.Kind {
	case yaml.SequenceNode:
		a.list = new(axisValues)
		a.list.read(d, path, n)
	case yaml.MappingNode:
		a.numbers = new(numbers)
		d.decode(path, n, reflect.ValueOf(a.numbers).Elem(), &field{})
	default:
		a.count = new(number)
		a.count.read(d, path, n)
	}
}

// axisValues is a list of values in an array or matrix. Where no value is a template, which is what long lists are, there
// is only the texts.
type axisValues struct {
	path      string
	texts     []string
	templates []template
}

func (a *axisValues) read(d *decoder, path string, n *yaml.Node) {
	*a = axisValues{path: path}
	if !d.wantKind(path, n, yaml.SequenceNode, "a list", "") {
		return
	}
	templates := make([]template, len(n.Content))
	open := false
	for i, c := range n.Content {
		// Only values that can give rise to a problem need a place: a list may be long.
		at := item(path, i)
		d.places[at] = placeOf(c)
		c = target(c)
		if d.wantPlain(at, c) {
			templates[i] = d.template(at, c)
			open = open || !templates[i].constant()
		}
		if !open {
			delete(d.places, at)
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
