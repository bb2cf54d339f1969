package spec

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

func isMerge(key *yaml.Node) bool { return key.ShortTag() == "!!merge" }

// wantKind notes a problem, with a hint if there is one, unless the node is of a kind, such as a list.
func (d *decoder) wantKind(path string, n *yaml.Node, kind yaml.Kind, words, hint string) bool {
	switch {
	case n.Kind == kind && kindOf(n) == words:
		return true
	case n.ShortTag() == "!!null":
		d.add(path, "", "has no value, should be %s", words)
	default:
		d.add(path, hint, "should be %s, not %s", words, kindOf(n))
	}
	return false
}

// inFull says how what other systems write in short is written here, where a section stands for it.
func inFull(section reflect.Type, n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	switch section {
	case reflect.TypeFor[retries]():
		if n.ShortTag() == "!!int" {
			return fmt.Sprintf("write {limit: %s}", quotable(n.Value))
		}
	case reflect.TypeFor[burst]():
		if n.ShortTag() == "!!bool" {
			return fmt.Sprintf("write {allow: %s}", quotable(n.Value))
		}
	case reflect.TypeFor[volume]():
		if m := hostAt.FindStringSubmatch(n.Value); m != nil {
			return fmt.Sprintf("write {host: %s, at: %s%s}", m[1], m[2], strings.Replace(m[3], ":", ", mode: ", 1))
		}
		return "write {host: /path/on/the/agent, at: /path/in/the/container}"
	case reflect.TypeFor[param]():
		if kind := paramTypes[n.ShortTag()]; kind != "" {
			return fmt.Sprintf("write {type: %s, default: %s}", kind, quotable(n.Value))
		}
	}
	return ""
}

// hostAt is how Docker writes a volume, where its paths need no quotes in YAML.
var hostAt = regexp.MustCompile(`^(/[\w./-]*):(/[\w./-]*)(:r[ow])?$`)

// paramTypes are the types of parameters whose defaults are of a YAML type, other than text, which might need quotes.
var paramTypes = map[string]string{"!!int": "int", "!!float": "float", "!!bool": "bool"}

// want notes a problem unless the node is a scalar with one of some tags.
func (d *decoder) want(path string, n *yaml.Node, words string, tags ...string) bool {
	if n.Kind == yaml.ScalarNode {
		for _, t := range tags {
			if n.ShortTag() != t {
				continue
			}
			if strings.ContainsRune(n.Value, 0) {
				d.add(path, "", "has a NUL character in it")
				return false
			}
			return true
		}
	}
	if d.isBareTemplate(path, n) {
		return false
	}
	hint := ""
	if n.Kind == yaml.ScalarNode && tags[0] == "!!str" && n.Style == 0 && n.ShortTag() != "!!null" {
		hint = fmt.Sprintf("write %q if it is meant as text", quotable(n.Value))
	}
	if n.ShortTag() == "!!null" {
		d.add(path, "", "has no value, should be %s", words)
		return false
	}
	d.add(path, hint, "should be %s, not %s", words, kindOf(n))
	return false
}

// isBareTemplate notes that a template stands without quotes: YAML takes its braces for a mapping in a mapping.
func (d *decoder) isBareTemplate(path string, n *yaml.Node) bool {
	isBrace := func(n *yaml.Node) bool {
		return n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2
	}
	if !isBrace(n) || !isBrace(n.Content[0]) {
		return false
	}
	d.add(path, `write "{{ … }}"`, "a template must stand in quotes")
	return true
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
	return quotable(n.Tag)
}
