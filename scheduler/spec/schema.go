package spec

import (
	_ "embed"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// documentSource is where the descriptions of the fields stand.
//
//go:embed document.go
var documentSource string

// Schema gives the JSON Schema (draft 2020-12) of the pipeline language, by which editors complete and check specs. It is
// made from the types that Parse reads, and describes each field with its comment there. What it cannot say, such as
// that a needed step exists, only Parse checks.
func Schema() []byte {
	comments := documentComments()
	reflector := &jsonschema.Reflector{
		Anonymous:                  true,
		ExpandedStruct:             true,
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		LookupComment: func(t reflect.Type, field string) string {
			return comments[strings.TrimSuffix(t.Name()+"."+field, ".")]
		},
	}
	root := reflector.Reflect(document{})
	root.Title = "Spillway pipeline"
	// The schema of array refers to numbers, which no field has as its type.
	part := reflector.Reflect(numbers{})
	maps.Copy(root.Definitions, part.Definitions)
	part.Version, part.Definitions = "", nil
	root.Definitions["numbers"] = part
	for t, fields := range sections {
		s := root.Definitions[t.Name()]
		if t == reflect.TypeFor[document]() {
			s = root
		}
		for _, f := range fields {
			f.addForms(s)
		}
	}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("spec: writing the schema: " + err.Error())
	}
	return append(text, '\n')
}

// addForms adds to the schema of a struct what the tags form and keys of one of its fields say.
func (f *field) addForms(s *jsonschema.Schema) {
	property, found := s.Properties.Get(f.name)
	if !found {
		return // not supported yet
	}
	if f.form != nil && property.Items != nil {
		property.Items.Pattern = f.form.pattern.String()
	} else if f.form != nil {
		property.Pattern = f.form.pattern.String()
	}
	if f.keys != nil {
		property.PropertyNames = &jsonschema.Schema{Pattern: f.keys.pattern.String()}
	}
}

// documentComments gives the comments of document.go: those of types under "type", those of fields under "type.Field".
func documentComments() map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), "document.go", documentSource, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		panic("spec: reading document.go: " + err.Error())
	}
	comments := map[string]string{}
	note := func(key string, doc *ast.CommentGroup) {
		comments[key] = strings.Join(strings.Fields(doc.Text()), " ")
	}
	for _, decl := range file.Decls {
		types, ok := decl.(*ast.GenDecl)
		if !ok || types.Tok != token.TYPE {
			continue
		}
		t := types.Specs[0].(*ast.TypeSpec)
		note(t.Name.Name, types.Doc)
		for _, f := range t.Type.(*ast.StructType).Fields.List {
			for _, name := range f.Names {
				note(t.Name.Name+"."+name.Name, f.Doc)
			}
		}
	}
	return comments
}

// What the leaves look like to an editor. Each says roughly what its read accepts.

// JSONSchemaAlias gives a type whose schema is that of the mapping.
func (entries[T]) JSONSchemaAlias() any { return map[string]T{} }

func (plain) JSONSchema() *jsonschema.Schema {
	return anyOf(ofType("string"), ofType("number"), ofType("boolean"))
}

func (template) JSONSchema() *jsonschema.Schema { return plain("").JSONSchema() }

func (command) JSONSchema() *jsonschema.Schema {
	return anyOf(ofType("string"), listOf(1))
}

func (number) JSONSchema() *jsonschema.Schema { return anyOf(ofType("integer"), ofType("string")) }

func (array) JSONSchema() *jsonschema.Schema {
	return anyOf(ofType("integer"), ofType("string"), refTo("numbers"), listOf(0))
}

func (axisValues) JSONSchema() *jsonschema.Schema { return listOf(1) }

func (size) JSONSchema() *jsonschema.Schema {
	s := ofType("string")
	s.Pattern = `^[0-9]+(\.[0-9]+)? ?(B|K|M|G|T|kB|KB|MB|GB|TB|Ki|Mi|Gi|Ti|KiB|MiB|GiB|TiB)$`
	return s
}

func (duration) JSONSchema() *jsonschema.Schema {
	s := ofType("string")
	s.Pattern = `^(0|\+?([0-9.]+(ns|us|µs|ms|s|m|h))+|P([0-9.,]+[WD])*(T([0-9.,]+[HMS])+)?)$`
	return s
}

func (cpus) JSONSchema() *jsonschema.Schema {
	s := ofType("number")
	s.ExclusiveMinimum = "0"
	s.Maximum = "100000"
	return s
}

func (constraint) JSONSchemaExtend(s *jsonschema.Schema) {
	for _, op := range []Op{Equals, Matches, NotMatches} {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{string(op)}})
	}
}

func ofType(name string) *jsonschema.Schema { return &jsonschema.Schema{Type: name} }

func anyOf(schemas ...*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: schemas}
}

func refTo(definition string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/$defs/" + definition}
}

// listOf gives a list of values that are taken as text.
func listOf(least uint64) *jsonschema.Schema {
	s := ofType("array")
	s.Items = refTo("plain")
	s.MinItems = &least
	return s
}
