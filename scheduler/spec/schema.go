package spec

import (
	_ "embed"

	"github.com/invopop/jsonschema"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// documentSource is where the descriptions of the fields stand.
//
//go:embed document.go
var documentSource string

// Schema gives the JSON Schema (draft 2020-12) of the pipeline language, by which editors complete and check specs. It is
// made from the types that Parse reads, and describes each field with its comment there. What it cannot say, such as
// that a needed step exists, only Parse checks.
func Schema() []byte {
	// The schema of array refers to numbers, which no field has as its type.
	return language.Schema("Spillway pipeline", strictyaml.Comments(documentSource), document{}, numbers{})
}

// What the leaves look like to an editor. Each says roughly what its read accepts.

func (template) JSONSchema() *jsonschema.Schema { return strictyaml.Plain("").JSONSchema() }

func (command) JSONSchema() *jsonschema.Schema {
	return anyOf(ofType("string"), listOf(1))
}

func (number) JSONSchema() *jsonschema.Schema { return anyOf(ofType("integer"), ofType("string")) }

func (array) JSONSchema() *jsonschema.Schema {
	return anyOf(ofType("integer"), ofType("string"), refTo("numbers"), listOf(0))
}

func (axisValues) JSONSchema() *jsonschema.Schema { return listOf(1) }

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
