package strictyaml

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

func isMerge(key *yaml.Node) bool { return key.ShortTag() == "!!merge" }

// WantKind notes a problem, with a hint if there is one, unless the node is of a kind, such as a list.
func (d *Decoder) WantKind(path string, n *yaml.Node, kind yaml.Kind, words, hint string) bool {
	switch {
	case n.Kind == kind && kindOf(n) == words:
		return true
	case n.ShortTag() == "!!null":
		d.Add(path, "", "has no value, should be %s", words)
	default:
		d.Add(path, hint, "should be %s, not %s", words, kindOf(n))
	}
	return false
}

// Want notes a problem unless the node is a scalar with one of some tags.
func (d *Decoder) Want(path string, n *yaml.Node, words string, tags ...string) bool {
	if n.Kind == yaml.ScalarNode {
		for _, t := range tags {
			if n.ShortTag() != t {
				continue
			}
			if strings.ContainsRune(n.Value, 0) {
				d.Add(path, "", "has a NUL character in it")
				return false
			}
			return true
		}
	}
	if d.refuses(path, n, nil) {
		return false
	}
	hint := ""
	if n.Kind == yaml.ScalarNode && tags[0] == "!!str" && n.Style == 0 && n.ShortTag() != "!!null" {
		hint = fmt.Sprintf("write %q if it is meant as text", Quotable(n.Value))
	}
	if n.ShortTag() == "!!null" {
		d.Add(path, "", "has no value, should be %s", words)
		return false
	}
	d.Add(path, hint, "should be %s, not %s", words, kindOf(n))
	return false
}

// kindOf says what a node is, for people.
func kindOf(n *yaml.Node) string {
	switch n.ShortTag() {
	case "!!map":
		return "a mapping"
	case "!!seq":
		return "a list"
	case "!!null":
		return "nothing"
	case "!!str":
		return "text"
	case "!!int":
		return "a number"
	case "!!float":
		return "a decimal number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	case "!!merge":
		return "<<"
	}
	return Quotable(n.Tag)
}
