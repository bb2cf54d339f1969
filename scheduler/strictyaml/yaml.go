package strictyaml

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// root reads the one document of the file, or notes why it cannot be read. No alias in it is without bounds.
func (d *Decoder) root(text []byte) *yaml.Node {
	if len(text) > MaxBytes {
		d.Add("", "", "the file has %d bytes, which is more than %d", len(text), MaxBytes)
		return nil
	}
	if !d.checkText(text) {
		return nil
	}
	docs := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := decodeNext(docs, &doc)
	if err == io.EOF {
		d.Add("", "", "the file is empty")
		return nil
	}
	if err == nil {
		err = decodeNext(docs, &second)
		if err == nil {
			d.AddAt(At(&second), "", "put each into a file of its own", "a second document begins")
			return nil
		}
	}
	if err != io.EOF {
		d.addSyntax(text, err)
		return nil
	}
	n := doc.Content[0]
	if n.ShortTag() == "!!null" && n.Value == "" { // YAML gives it the place where the file ends
		d.Add("", "", "the file is empty")
		return nil
	}
	d.Places[""] = At(n)
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
func (d *Decoder) checkText(text []byte) bool {
	line, column := 1, 1
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			d.AddAt(Place{line, column}, "", "save the file as UTF-8", "byte 0x%02x is not UTF-8", rest[0])
			return false
		case r == '\u0085', r == '\u2028', r == '\u2029', r == '\r' && !bytes.HasPrefix(rest, []byte("\r\n")):
			d.AddAt(Place{line, column}, "", "end lines with a line feed", "line break U+%04X is not allowed", r)
			return false
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r >= 0x7f && r < 0xa0, r == 0xfffe, r == 0xffff:
			d.AddAt(Place{line, column}, "", "", "character U+%04X is not allowed", r)
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
func (d *Decoder) checkSize(root *yaml.Node) bool {
	nodes := 0
	var walk func(n *yaml.Node, depth int, alias *yaml.Node) bool
	walk = func(n *yaml.Node, depth int, alias *yaml.Node) bool {
		nodes++
		if nodes > MaxNodes {
			d.AddAt(At(cmp.Or(alias, n)), "", "an alias counts as what it stands for", "more than %d values", MaxNodes)
			return false
		}
		if depth > MaxDepth {
			d.AddAt(At(cmp.Or(alias, n)), "", "", "mappings and lists are nested more than %d deep", MaxDepth)
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

// Pairs gives the keys and values of a mapping with those that merge keys bring into it, and notes where each stands.
// What the mapping gives itself goes before what it merges.
func (d *Decoder) Pairs(path string, n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		n = Target(n)
		if !d.WantKind(path, n, yaml.MappingNode, "a mapping", "") {
			return
		}
		d.each(path, n, make(map[string]*yaml.Node), yield)
	}
}

// each yields the pairs of a mapping whose keys have not been seen, first its own, then the merged ones.
func (d *Decoder) each(path string, n *yaml.Node, seen map[string]*yaml.Node, yield func(k, v *yaml.Node) bool) bool {
	own := make(map[string]*yaml.Node)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := Target(n.Content[i]), n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null":
			d.AddAt(At(key), path, "", "a key must be text, not %s", kindOf(key))
		case isMerge(key):
			merged = append(merged, value)
		case own[key.Value] != nil:
			d.AddAt(At(key), Join(path, key.Value), "", "used twice, first in line %d", own[key.Value].Line)
		default:
			own[key.Value] = key
			if seen[key.Value] == nil {
				seen[key.Value] = key
				d.notePlace(Join(path, key.Value), key, value)
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

func (d *Decoder) eachMerged(path string, m *yaml.Node, seen map[string]*yaml.Node, yield func(k, v *yaml.Node) bool) bool {
	m = Target(m)
	switch m.Kind {
	case yaml.MappingNode:
		return d.each(path, m, seen, yield)
	case yaml.SequenceNode:
		for _, c := range m.Content {
			if c = Target(c); c.Kind == yaml.MappingNode {
				if !d.each(path, c, seen, yield) {
					return false
				}
				continue
			}
			d.AddAt(At(c), path, "", "<< merges mappings, not %s", kindOf(c))
		}
		return true
	}
	d.AddAt(At(m), path, "", "<< merges mappings, not %s", kindOf(m))
	return true
}

// notePlace notes where a field stands: at its value if that is on the key's line, otherwise at its key.
func (d *Decoder) notePlace(path string, key, value *yaml.Node) {
	at := At(value)
	if at.Line != key.Line || Target(value).ShortTag() == "!!null" {
		at = At(key)
	}
	d.Places[path] = at
}
