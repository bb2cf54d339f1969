package spec

import (
	"cmp"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// template is text with names between double braces, each of which stands for a value:
//
//	{{ params.NAME }}  the value of a parameter
//	{{ index }}        the number of the task in its array
//	{{ value }}        the task's value, where the array is a list
//	{{ NAME }}         the task's value of a name of the matrix
//	{{ "{{" }}         the two braces themselves
//
// Values are put in as they are; braces in them mean nothing.
type template struct {
	path  string
	value string           // as YAML gives it
	at    strictyaml.Place // of the scalar
	parts []part
}

// part is a piece of a template: text, or a name.
type part struct {
	text     string
	name     string           // "" for text
	from, to int              // of the braces in the value
	at       strictyaml.Place // of the braces in the file, once somebody asked
}

const paramPrefix = "params."

var expression = regexp.MustCompile(`^(?:params\.)?[A-Za-z_][A-Za-z0-9_]*$`)

// readTemplate reads the template in a scalar and notes what is wrong with its form.
func readTemplate(d *strictyaml.Decoder, path string, n *yaml.Node) template {
	const hint = `write {{ "{{" }} for the braces themselves`
	t := template{path: path, value: n.Value, at: strictyaml.At(n)}
	for end := 0; ; {
		start := strings.Index(n.Value[end:], "{{")
		if start < 0 {
			t.addText(n.Value[end:])
			return t
		}
		t.addText(n.Value[end : end+start])
		start += end
		end = start + 2
		length := strings.Index(n.Value[end:], "}}")
		if next := strings.Index(n.Value[end:], "{{"); length < 0 || next >= 0 && next < length && !quotesBraces(n.Value[end:end+length]) {
			d.AddAt(t.placeIn(d, start, end), path, hint, "{{ without }}")
			continue
		}
		inside := n.Value[end : end+length]
		end += length + 2
		switch name := strings.TrimSpace(inside); {
		case quotesBraces(name):
			t.addText("{{")
		case !expression.MatchString(name):
			d.AddAt(t.placeIn(d, start, end), path, cmp.Or(paramHint(name), hint), "{{%s}} is not the name of a value", strictyaml.Quotable(inside))
		default:
			t.parts = append(t.parts, part{name: name, from: start, to: end})
		}
	}
}

// almostParam is a name with something before it that is not "params.".
var almostParam = regexp.MustCompile(`^\.?([A-Za-z]{1,20})\.([A-Za-z_][A-Za-z0-9_]*)$`)

// paramHint names the parameter that was probably meant by {{ param.n }} or {{ .params.n }}.
func paramHint(name string) string {
	m := almostParam.FindStringSubmatch(name)
	if m == nil || strictyaml.Nearest(m[1], []string{"params", "parameter", "parameters"}) == "" {
		return ""
	}
	return "did you mean " + paramPrefix + strictyaml.Quotable(m[2]) + "?"
}

// quotesBraces tells whether the inside of braces stands for the braces themselves.
func quotesBraces(inside string) bool { return strings.TrimSpace(inside) == `"{{"` }

func (t *template) addText(text string) {
	if text != "" {
		t.parts = append(t.parts, part{text: text})
	}
}

// placeIn finds the place of a piece of a template's value.
func (t *template) placeIn(d *strictyaml.Decoder, from, to int) strictyaml.Place {
	return d.PlaceIn(t.at, t.value, from, to)
}

// constant tells whether the template is the same for all parameters and tasks.
func (t *template) constant() bool {
	for _, p := range t.parts {
		if p.name != "" {
			return false
		}
	}
	return true
}

// text is the text of a constant template.
func (t *template) text() string {
	if len(t.parts) == 1 {
		return t.parts[0].text
	}
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
	}
	return b.String()
}

// usesParams tells whether a parameter is named.
func (t *template) usesParams() bool {
	for _, p := range t.parts {
		if strings.HasPrefix(p.name, paramPrefix) {
			return true
		}
	}
	return false
}
