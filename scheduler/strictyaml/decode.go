package strictyaml

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Decoder fills structs from YAML nodes, and notes every problem on the way.
type Decoder struct {
	Report
	language *Language
	text     []byte
	lines    []string              // of the file
	listed   map[reflect.Type]bool // sections whose fields a hint has listed
}

// NewDecoder makes a decoder of a file's text; its name is used in messages only.
func (l *Language) NewDecoder(file string, text []byte) *Decoder {
	text = []byte(strings.TrimPrefix(string(text), "\ufeff"))
	return &Decoder{
		Report: Report{File: file, Places: Places{}}, language: l, text: text,
		lines: strings.Split(string(text), "\n"), listed: map[reflect.Type]bool{},
	}
}

// Read fills what v points to, a struct of the language, from the one document of the file. It is false if there is none
// that could be looked into; what is wrong with it is in the report in both cases.
func (d *Decoder) Read(v any) bool {
	root := d.root(d.text)
	if root != nil {
		d.Decode("", root, reflect.ValueOf(v).Elem(), &Field{})
	}
	return root != nil
}

// Target is the node that an alias stands for, or the node itself.
func Target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// Decode fills v, which f describes as far as it is a field's own value or an item of it.
func (d *Decoder) Decode(path string, n *yaml.Node, v reflect.Value, f *Field) {
	n = Target(n)
	if d.refuses(path, n, v.Type()) {
		return
	}
	switch x := v.Addr().Interface().(type) {
	case Reader:
		x.ReadYAML(d, path, n)
		return
	case *time.Duration:
		d.duration(path, n, x, f)
		return
	case *Size:
		d.size(path, n, x)
		return
	case *CPUs:
		d.cpus(path, n, x, f)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.Decode(path, n, v.Elem(), f)
	case reflect.Struct:
		d.decodeStruct(path, n, v)
	case reflect.Slice:
		d.decodeList(path, n, v, f)
	case reflect.String:
		d.decodeText(path, n, v, f)
	case reflect.Int64:
		d.decodeInt(path, n, v, f)
	case reflect.Float64:
		d.decodeFloat(path, n, v, f)
	case reflect.Bool:
		d.decodeBool(path, n, v)
	default:
		panic("strictyaml: no decoder for " + v.Type().String())
	}
}

// refuses asks the language whether a node can never stand where a type is read.
func (d *Decoder) refuses(path string, n *yaml.Node, t reflect.Type) bool {
	return d.language.Refuse != nil && d.language.Refuse(d, path, n, t)
}

func (d *Decoder) decodeStruct(path string, n *yaml.Node, v reflect.Value) {
	hint := ""
	if d.language.InFull != nil && n.Kind == yaml.ScalarNode {
		hint = d.language.InFull(v.Type(), n)
	}
	if !d.WantKind(path, n, yaml.MappingNode, "a mapping", hint) {
		d.language.setDefaults(v, nil)
		return
	}
	fields := d.language.sections[v.Type()]
	given := make(map[string]bool)
	for key, value := range d.Pairs(path, n) {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == key.Value })
		at := Join(path, key.Value)
		switch {
		case i < 0:
			d.AddAt(At(key), at, d.hintForField(v.Type(), key.Value), "unknown field")
		case fields[i].NotYet:
			d.AddAt(At(key), at, "", "not supported yet")
		default:
			given[key.Value] = true
			f := &fields[i]
			if f.Keys != nil {
				d.checkKeys(at, value, f.Keys)
			}
			d.Decode(at, value, v.FieldByIndex(f.Index), f)
		}
	}
	for _, f := range fields {
		if f.Required && !given[f.Name] {
			d.Add(path, "", "%s is missing", f.Name)
		}
	}
	d.language.setDefaults(v, given)
}

// setDefaults gives the fields that were not given their defaults, and the fields of structs that were not given theirs.
func (l *Language) setDefaults(v reflect.Value, given map[string]bool) {
	for _, f := range l.sections[v.Type()] {
		if given[f.Name] {
			continue
		}
		x := v.FieldByIndex(f.Index)
		if x.Kind() == reflect.Struct {
			l.setDefaults(x, nil)
		}
		if f.Default == "" {
			continue
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(f.Default), &doc); err != nil {
			panic("strictyaml: tag default of " + f.Name + ": " + err.Error())
		}
		d := l.NewDecoder("", nil)
		if d.Decode(f.Name, doc.Content[0], x, &f); d.Err() != nil {
			panic("strictyaml: tag default: " + d.Err().Error())
		}
	}
}

// hintForField names the field that was probably meant by an unknown one, or says where a field of that name belongs.
func (d *Decoder) hintForField(t reflect.Type, name string) string {
	l := d.language
	var known []string
	for _, f := range l.sections[t] {
		if !f.NotYet {
			known = append(known, f.Name)
		}
	}
	if hint := d.DidYouMean(name, known); hint != "" {
		return hint
	}
	if here := l.Elsewhere[strings.ToLower(name)]; slices.Contains(known, here) {
		return "did you mean " + here + "?"
	}
	for _, home := range l.Homes {
		if slices.ContainsFunc(l.sections[home.Type], func(f Field) bool { return f.Name == name && !f.NotYet }) {
			return "it is a field of " + home.Words
		}
	}
	if d.listed[t] {
		return "" // they have been named
	}
	d.listed[t] = true
	return "there are: " + strings.Join(known, ", ")
}

func (d *Decoder) checkKeys(path string, n *yaml.Node, form *Form) {
	n = Target(n)
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		if key := Target(n.Content[i]); key.Kind == yaml.ScalarNode && !isMerge(key) && !form.Pattern.MatchString(key.Value) {
			d.AddAt(At(key), Join(path, key.Value), form.Words, "not a name that can be used here")
		}
	}
}

func (d *Decoder) decodeList(path string, n *yaml.Node, v reflect.Value, f *Field) {
	hint := ""
	if n.ShortTag() == "!!str" && v.Type().Elem().Kind() == reflect.String {
		hint = fmt.Sprintf("write [%s]", Quotable(n.Value))
	}
	if !d.WantKind(path, n, yaml.SequenceNode, "a list", hint) {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		at := Item(path, i)
		d.Places[at] = At(c)
		d.Decode(at, c, v.Index(i), f)
	}
}

func (d *Decoder) decodeText(path string, n *yaml.Node, v reflect.Value, f *Field) {
	if !d.Want(path, n, "text", "!!str") {
		return
	}
	s := n.Value
	v.SetString(s)
	switch {
	case f.Length > 0 && utf8.RuneCountInString(s) > f.Length:
		d.Add(path, "", "longer than %d characters", f.Length)
	case f.Enum != nil && !slices.Contains(f.Enum, s):
		d.Add(path, d.DidYouMean(s, f.Enum), "%q is none of %s", Quotable(s), strings.Join(f.Enum, ", "))
	case f.Form != nil && !f.Form.Pattern.MatchString(s):
		d.Add(path, f.Form.Words, "%q cannot be used here", Quotable(s))
	}
}

func (d *Decoder) decodeInt(path string, n *yaml.Node, v reflect.Value, f *Field) {
	if !d.Want(path, n, "a whole number", "!!int") {
		return
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		d.Add(path, "", "%s is no whole decimal number of 64 bits", Quotable(n.Value))
		return
	}
	if d.inBounds(path, float64(i), f) {
		v.SetInt(i)
	}
}

func (d *Decoder) decodeFloat(path string, n *yaml.Node, v reflect.Value, f *Field) {
	if !d.Want(path, n, "a number", "!!float", "!!int") {
		return
	}
	x, err := strconv.ParseFloat(n.Value, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) || strings.ContainsAny(n.Value, "xX_") {
		d.Add(path, "", "%s is no finite decimal number", Quotable(n.Value))
		return
	}
	if d.inBounds(path, x, f) {
		v.SetFloat(x)
	}
}

// inBounds notes a number that is out of the bounds of its field.
func (d *Decoder) inBounds(path string, x float64, f *Field) bool {
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	switch {
	case f.Above && x <= 0:
		d.Add(path, "", "should be more than 0")
	case f.Min != nil && f.Max != nil && (x < *f.Min || x > *f.Max):
		d.Add(path, "", "%s is not in %s to %s", number(x), number(*f.Min), number(*f.Max))
	case f.Min != nil && x < *f.Min:
		d.Add(path, "", "%s is less than %s", number(x), number(*f.Min))
	case f.Max != nil && x > *f.Max:
		d.Add(path, "", "%s is more than %s", number(x), number(*f.Max))
	default:
		return true
	}
	return false
}

func (d *Decoder) decodeBool(path string, n *yaml.Node, v reflect.Value) {
	if !d.Want(path, n, "true or false", "!!bool") {
		return
	}
	b, err := strconv.ParseBool(strings.ToLower(n.Value))
	if err != nil {
		d.Add(path, "", "%q is neither true nor false", Quotable(n.Value))
	}
	v.SetBool(b)
}
