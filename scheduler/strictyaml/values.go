package strictyaml

import (
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"
)

// Reader is a type that reads itself from a node.
type Reader interface {
	// ReadYAML fills the value, or notes what is wrong. The node is no alias.
	ReadYAML(d *Decoder, path string, n *yaml.Node)
}

// NotYet is the type of fields that a language has, but nothing that does what they ask for. They are refused as such.
type NotYet struct{}

// Entry is one key of a mapping with its value.
type Entry[T any] struct {
	Name  string
	Value T
}

// Entries is a mapping whose order matters.
type Entries[T any] []Entry[T]

// ReadYAML reads a mapping.
func (e *Entries[T]) ReadYAML(d *Decoder, path string, n *yaml.Node) {
	*e = Entries[T]{}
	for key, value := range d.Pairs(path, n) {
		x := Entry[T]{Name: key.Value}
		d.Decode(Join(path, key.Value), value, reflect.ValueOf(&x.Value).Elem(), &Field{})
		*e = append(*e, x)
	}
}

// Names gives the keys in their order.
func (e Entries[T]) Names() []string {
	names := make([]string, len(e))
	for i, x := range e {
		names[i] = x.Name
	}
	return names
}

// Get gives the value of a key.
func (e Entries[T]) Get(name string) (value T, found bool) {
	i := slices.IndexFunc(e, func(x Entry[T]) bool { return x.Name == name })
	if i < 0 {
		return value, false
	}
	return e[i].Value, true
}

// Plain is text, or a number or truth value taken as the text that was written.
type Plain string

// ReadYAML reads a scalar.
func (p *Plain) ReadYAML(d *Decoder, path string, n *yaml.Node) {
	if d.WantPlain(path, n) {
		*p = Plain(n.Value)
	}
}

// WantPlain notes a problem unless the node can be taken as text.
func (d *Decoder) WantPlain(path string, n *yaml.Node) bool {
	return d.Want(path, n, "text or a number", "!!str", "!!int", "!!float", "!!bool", "!!timestamp")
}
