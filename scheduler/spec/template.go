package spec

import (
	"cmp"
	"regexp"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
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
	value string // as YAML gives it
	at    place  // of the scalar
	parts []part
}

// part is a piece of a template: text, or a name.
type part struct {
	text     string
	name     string // "" for text
	from, to int    // of the braces in the value
	at       place  // of the braces in the file, once somebody asked
}

const paramPrefix = "params."

var expression = regexp.MustCompile(`^(?:params\.)?[A-Za-z_][A-Za-z0-9_]*$`)

// template reads the template in a scalar and notes what is wrong with its form.
func (d *decoder) template(path string, n *yaml.Node) template {
	const hint = `write {{ "{{" }} for the braces themselves`
	t := template{path: path, value: n.Value, at: placeOf(n)}
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
			d.addAt(d.placeIn(&t, start, end), path, hint, "{{ without }}")
			continue
		}
		inside := n.Value[end : end+length]
		end += length + 2
		switch name := strings.TrimSpace(inside); {
		case quotesBraces(name):
			t.addText("{{")
		case !expression.MatchString(name):
			d.addAt(d.placeIn(&t, start, end), path, cmp.Or(d.paramHint(name), hint), "{{%s}} is not the name of a value", quotable(inside))
		default:
			t.parts = append(t.parts, part{name: name, from: start, to: end})
		}
	}
}

// almostParam is a name with something before it that is not "params.".
var almostParam = regexp.MustCompile(`^\.?([A-Za-z]{1,20})\.([A-Za-z_][A-Za-z0-9_]*)$`)

// paramHint names the parameter that was probably meant by {{ param.n }} or {{ .params.n }}.
func (d *decoder) paramHint(name string) string {
	m := almostParam.FindStringSubmatch(name)
	if m == nil || nearest(m[1], []string{"params", "parameter", "parameters"}) == "" {
		return ""
	}
	return "did you mean " + paramPrefix + quotable(m[2]) + "?"
}

// quotesBraces tells whether the inside of braces stands for the braces themselves.
func quotesBraces(inside string) bool { return strings.TrimSpace(inside) == `"{{"` }

func (t *template) addText(text string) {
	if text != "" {
		t.parts = append(t.parts, part{text: text})
	}
}

// placeIn finds the place of a piece of a template's value, by looking for it in the file from where the scalar begins.
// A piece that was written with escapes or over two lines is not found as such: its place is then the scalar's, and so
// it is when there are more problems than are told, because looking takes time.
func (d *decoder) placeIn(t *template, from, to int) place {
	if len(d.problems) > MaxProblems {
		return t.at
	}
	piece := t.value[from:to]
	occurrence := strings.Count(t.value[:from], piece)
	for line := t.at.line; line <= len(d.lines); line++ {
		s, skipped := d.lines[line-1], 0
		if line == t.at.line {
			skipped = byteOf(s, t.at.column)
		}
		for {
			i := strings.Index(s[skipped:], piece)
			if i < 0 {
				break
			}
			if occurrence == 0 {
				return place{line, utf8.RuneCountInString(s[:skipped+i]) + 1}
			}
			occurrence--
			skipped += i + len(piece)
		}
	}
	return t.at
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

// byteOf gives the index of the byte where a column begins.
func byteOf(s string, column int) int {
	for i := range s {
		if column--; column == 0 {
			return i
		}
	}
	return len(s)
}
