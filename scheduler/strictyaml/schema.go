package strictyaml

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// Schema gives the JSON Schema (draft 2020-12) of a language, by which editors complete and check its files. root is the
// struct of the whole document, others are structs that no field has as its type; comments are those of the fields, see
// Comments.
func (l *Language) Schema(title string, comments map[string]string, root any, others ...any) []byte {
	reflector := &jsonschema.Reflector{
		Anonymous:                  true,
		ExpandedStruct:             true,
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		LookupComment: func(t reflect.Type, field string) string {
			return comments[strings.TrimSuffix(t.Name()+"."+field, ".")]
		},
		Mapper: quantitySchema,
		Namer:  definition,
	}
	whole := reflector.Reflect(root)
	whole.Title = title
	for _, other := range others {
		part := reflector.Reflect(other)
		maps.Copy(whole.Definitions, part.Definitions)
		part.Version, part.Definitions = "", nil
		whole.Definitions[definition(reflect.TypeOf(other))] = part
	}
	for t, fields := range l.sections {
		s := whole.Definitions[definition(t)]
		if t == reflect.TypeOf(root) {
			s = whole
		}
		if s == nil {
			continue // it is only ever a part of others
		}
		for _, f := range fields {
			f.addTo(s)
		}
	}
	text, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		panic("strictyaml: writing the schema: " + err.Error())
	}
	return append(text, '\n')
}

// definition is the name of a type in the schema: its own, with a small letter first.
func definition(t reflect.Type) string {
	if t.Name() == "" {
		return ""
	}
	return strings.ToLower(t.Name()[:1]) + t.Name()[1:]
}

// addTo adds to the schema of a struct what the tags form, keys and default of one of its fields say.
func (f *Field) addTo(s *jsonschema.Schema) {
	property, found := s.Properties.Get(f.Name)
	if !found {
		return // not supported yet
	}
	if f.Form != nil && property.Items != nil {
		property.Items.Pattern = f.Form.Pattern.String()
	} else if f.Form != nil {
		property.Pattern = f.Form.Pattern.String()
	}
	if f.Keys != nil {
		property.PropertyNames = &jsonschema.Schema{Pattern: f.Keys.Pattern.String()}
	}
	if f.Above {
		property.ExclusiveMinimum = "0"
	}
	if f.Default != "" {
		property.Description += " Default: " + f.Default + "."
	}
}

// Comments gives the comments of Go source: those of types under "type", those of fields under "type.Field".
func Comments(sources ...string) map[string]string {
	comments := map[string]string{}
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), "source.go", source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			panic("strictyaml: reading comments: " + err.Error())
		}
		for _, decl := range file.Decls {
			if types, ok := decl.(*ast.GenDecl); ok && types.Tok == token.TYPE {
				noteComments(comments, types)
			}
		}
	}
	return comments
}

func noteComments(comments map[string]string, types *ast.GenDecl) {
	note := func(key string, doc *ast.CommentGroup) {
		comments[key] = strings.Join(strings.Fields(doc.Text()), " ")
	}
	t := types.Specs[0].(*ast.TypeSpec)
	note(t.Name.Name, types.Doc)
	s, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range s.Fields.List {
		for _, name := range f.Names {
			note(t.Name.Name+"."+name.Name, f.Doc)
		}
	}
}

// JSONSchemaAlias gives a type whose schema is that of the mapping.
func (Entries[T]) JSONSchemaAlias() any { return map[string]T{} }

// JSONSchema says roughly what a Plain is read from.
func (Plain) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}

// quantitySchema says roughly how quantities are written.
func quantitySchema(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^(0|\+?([0-9.]+(ns|us|µs|ms|s|m|h))+|P([0-9.,]+[WD])*(T([0-9.,]+[HMS])+)?)$`}
	case reflect.TypeFor[Size]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[0-9]+(\.[0-9]+)? ?(B|K|M|G|T|kB|KB|MB|GB|TB|Ki|Mi|Gi|Ti|KiB|MiB|GiB|TiB)$`}
	case reflect.TypeFor[CPUs]():
		return &jsonschema.Schema{Type: "number", Minimum: "0", Maximum: "100000"}
	}
	return nil
}
