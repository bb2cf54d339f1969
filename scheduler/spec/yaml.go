package spec

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// root reads the one document of the file, or notes why it cannot be read. No alias in it is without bounds.
func (d *decoder) root(text []byte) *yaml.Node {
	if len(text) > MaxBytes {
		d.add("", "", "the file has %d bytes, which is more than %d", len(text), MaxBytes)
		return nil
	}
	if !d.checkText(text) {
		return nil
	}
	docs := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := decodeNext(docs, &doc)
	if err == io.EOF {
		d.add("", "", "the file is empty")
		return nil
	}
	if err == nil {
		err = decodeNext(docs, &second)
		if err == nil {
			d.addAt(placeOf(&second), "", "put each into a file of its own", "a second document begins")
			return nil
		}
	}
	if err != io.EOF {
		d.addSyntax(text, err)
		return nil
	}
	n := doc.Content[0]
	if n.ShortTag() == "!!null" && n.Value == "" { // YAML gives it the place where the file ends
		d.add("", "", "the file is empty")
		return nil
	}
	d.places[""] = placeOf(n)
	if !d.checkSize(n) {
		return nil
	}
	return n
}

// decodeNext reads a document. yaml.v3 has been known to panic on foreign bytes (CVE-2022-28948): that is an error like
// others.
func decodeNext(docs *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return docs.Decode(n)
}

// checkText finds bytes that are not UTF-8, characters that YAML does not allow as such (YAML 1.2, c-printable), and line
// breaks that not all programs take for such, so that everybody counts the same lines.
func (d *decoder) checkText(text []byte) bool {
	line, column := 1, 1
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			d.addAt(place{line, column}, "", "save the file as UTF-8", "byte 0x%02x is not UTF-8", rest[0])
			return false
		case r == '\u0085', r == '\u2028', r == '\u2029', r == '\r' && !bytes.HasPrefix(rest, []byte("\r\n")):
			d.addAt(place{line, column}, "", "end lines with a line feed", "line break U+%04X is not allowed", r)
			return false
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r >= 0x7f && r < 0xa0, r == 0xfffe, r == 0xffff:
			d.addAt(place{line, column}, "", "", "character U+%04X is not allowed", r)
			return false
		case r == '\n':
			line, column = line+1, 1
		default:
			column++
		}
		rest = rest[size:]
	}
	return true
}

// checkSize refuses documents that are too large or deep, in particular those whose aliases stand for more than a file
// of MaxBytes can hold, or for themselves.
func (d *decoder) checkSize(root *yaml.Node) bool {
	nodes := 0
	var walk func(n *yaml.Node, depth int, alias *yaml.Node) bool
	walk = func(n *yaml.Node, depth int, alias *yaml.Node) bool {
		nodes++
		if nodes > MaxNodes {
			d.addAt(placeOf(cmp.Or(alias, n)), "", "an alias counts as what it stands for", "more than %d values", MaxNodes)
			return false
		}
		if depth > MaxDepth {
			d.addAt(placeOf(cmp.Or(alias, n)), "", "", "mappings and lists are nested more than %d deep", MaxDepth)
			return false
		}
		if n.Kind == yaml.AliasNode {
			return walk(n.Alias, depth+1, cmp.Or(alias, n))
		}
		for _, c := range n.Content {
			if !walk(c, depth+1, alias) {
				return false
			}
		}
		return true
	}
	return walk(root, 0, nil)
}

// pairs gives the keys and values of a mapping with those that merge keys bring into it, and notes where each stands.
// What the mapping gives itself goes before what it merges.
func (d *decoder) pairs(path string, n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		n = target(n)
		if !d.wantKind(path, n, yaml.MappingNode, "a mapping") {
			return
		}
		d.each(path, n, make(map[string]*yaml.Node), yield)
	}
}

// each yields the pairs of a mapping whose keys have not been seen, first its own, then the merged ones.
func (d *decoder) each(path string, n *yaml.Node, seen map[string]*yaml.Node, yield func(k, v *yaml.Node) bool) bool {
	own := make(map[string]*yaml.Node)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := target(n.Content[i]), n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null":
			d.addAt(placeOf(key), path, "", "a key must be text, not %s", kindOf(key))
		case isMerge(key):
			merged = append(merged, value)
		case own[key.Value] != nil:
			d.addAt(placeOf(key), join(path, key.Value), "", "used twice, first in line %d", own[key.Value].Line)
		default:
			own[key.Value] = key
			if seen[key.Value] == nil {
				seen[key.Value] = key
				d.notePlace(join(path, key.Value), key, value)
				if !yield(key, value) {
					return false
				}
			}
		}
	}
	for _, m := range merged {
		if !d.eachMerged(path, m, seen, yield) {
			return false
		}
	}
	return true
}

func (d *decoder) eachMerged(path string, m *yaml.Node, seen map[string]*yaml.Node, yield func(k, v *yaml.Node) bool) bool {
	m = target(m)
	switch m.Kind {
	case yaml.MappingNode:
		return d.each(path, m, seen, yield)
	case yaml.SequenceNode:
		for _, c := range m.Content {
			if c = target(c); c.Kind == yaml.MappingNode {
				if !d.each(path, c, seen, yield) {
					return false
				}
				continue
			}
			d.addAt(placeOf(c), path, "", "<< merges mappings, not %s", kindOf(c))
		}
		return true
	}
	d.addAt(placeOf(m), path, "", "<< merges mappings, not %s", kindOf(m))
	return true
}

// notePlace notes where a field stands: at its value if that is on the key's line, otherwise at its key.
func (d *decoder) notePlace(path string, key, value *yaml.Node) {
	at := placeOf(value)
	if at.line != key.Line || target(value).ShortTag() == "!!null" {
		at = placeOf(key)
	}
	d.places[path] = at
}

func isMerge(key *yaml.Node) bool { return key.ShortTag() == "!!merge" }

// wantKind notes a problem unless the node is of a kind, such as a list.
func (d *decoder) wantKind(path string, n *yaml.Node, kind yaml.Kind, words string) bool {
	switch {
	case n.Kind == kind && kindOf(n) == words:
		return true
	case n.ShortTag() == "!!null":
		d.add(path, "", "has no value, should be %s", words)
	default:
		d.add(path, "", "should be %s, not %s", words, kindOf(n))
	}
	return false
}

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

var syntaxError = regexp.MustCompile(`(?s)^yaml: (?:line (\d{1,9}): )?(.*)$`)

// addSyntax notes that the file is not YAML.
func (d *decoder) addSyntax(text []byte, err error) {
	message := syntaxError.FindStringSubmatch(err.Error())
	line := 1
	if message[1] != "" {
		line = int(atoi(message[1]))
	}
	if len(text) <= maxSearched {
		line = d.syntaxLine(text, err)
	}
	source := ""
	if line <= len(d.lines) {
		source = d.lines[line-1]
	}
	indent := len(source) - len(strings.TrimLeft(source, " \t"))
	if tab := strings.IndexByte(source[:indent], '\t'); tab >= 0 {
		d.addAt(place{line, tab + 1}, "", "use spaces", "YAML does not allow tabs to indent")
		return
	}
	d.addAt(place{line, indent + 1}, "", "", "not valid YAML: %s", quotable(message[2]))
}

// maxSearched bounds the files in which syntaxLine looks for the line: it parses the file about fifteen times.
const maxSearched = 128 << 10

// syntaxLine finds the line that yaml.v3 stumbled over. Its messages name the line where the mapping or list around it
// began, or none; but it reads from the front, so the shortest beginning of the file that gives the same message ends
// with that line.
func (d *decoder) syntaxLine(text []byte, err error) int {
	ends := lineEnds(text)
	i := sort.Search(len(ends)-1, func(i int) bool {
		docs := yaml.NewDecoder(bytes.NewReader(text[:ends[i]]))
		var n yaml.Node
		first := decodeNext(docs, &n)
		if first == nil {
			first = decodeNext(docs, &n)
		}
		return first != nil && !errors.Is(first, io.EOF) && first.Error() == err.Error()
	})
	return i + 1
}

func lineEnds(text []byte) []int {
	var ends []int
	for i, c := range text {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] < len(text) {
		ends = append(ends, len(text))
	}
	return ends
}

// atoi is for texts that a pattern has found to be short and of digits.
func atoi(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("spec: not digits: " + s)
	}
	return n
}
