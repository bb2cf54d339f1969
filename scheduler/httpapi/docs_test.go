package httpapi

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler"
)

var update = flag.Bool("update", false, "write docs/rest.md anew")

// generated begins the part of docs/rest.md that is made from the table of routes.
const generated = "<!-- What follows is made from the routes: go test ./scheduler/httpapi -update -->\n"

// TestDocs holds docs/rest.md to the routes.
func TestDocs(t *testing.T) {
	const file = "../../docs/rest.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	intro, _, found := strings.Cut(string(text), generated)
	if !found {
		t.Fatalf("%s has no line %s", file, generated)
	}
	want := intro + generated + routesInWords(New(Config{Daemon: &scheduler.Daemon{}}))
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is not as the routes are; go test -update writes it anew (-want +got):\n%s", file, diff)
	}
}

func routesInWords(s *Server) string {
	var b strings.Builder
	schemas := newSchemas()
	for _, g := range s.groups() {
		fmt.Fprintf(&b, "\n## Routes: %s\n", strings.ToLower(g.title))
		for _, rt := range g.routes {
			rt.inWords(&b, schemas)
		}
	}
	for _, v := range []any{RunEvent{}, TaskEvent{}, CloudEvent{}, ResetEvent{}, Problem{}} {
		schemas.ref(v, false)
	}
	b.WriteString("\n## Types\n\nA field in *italics* may be absent.\n")
	for _, name := range slices.Sorted(maps.Keys(schemas.all)) {
		typeInWords(&b, name, schemas.all[name].(object))
	}
	return b.String()
}

func (rt route) inWords(b *strings.Builder, schemas *schemas) {
	fmt.Fprintf(b, "\n### %s %s\n\n%s", rt.method, rt.pattern, rt.summary)
	if rt.role != Nobody {
		fmt.Fprintf(b, " Role: %s.", rt.role)
	}
	b.WriteString("\n")
	var sends []string
	if rt.body != nil {
		sends = append(sends, "Takes "+link(schemas.ref(rt.body, true)))
		for _, kind := range rt.reads {
			sends[0] += ", or the text of a spec as `" + kind + "`"
		}
	}
	var statuses []string
	for _, status := range rt.successes() {
		statuses = append(statuses, fmt.Sprint(status))
	}
	answers := "Answers " + strings.Join(statuses, " or ")
	if rt.answer != nil {
		answers += " with " + link(schemas.ref(rt.answer, false))
	}
	for _, kind := range rt.writes {
		answers += " with `" + kind + "`"
	}
	fmt.Fprintf(b, "\n%s.\n", strings.Join(append(sends, answers), ". "))
	if len(rt.query)+len(rt.headers) == 0 {
		return
	}
	b.WriteString("\n| parameter | value | |\n| --- | --- | --- |\n")
	for _, p := range rt.query {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", p.name, p.inWords(), p.summary)
	}
	for _, p := range rt.headers {
		fmt.Fprintf(b, "| header `%s` | %s | %s |\n", p.name, p.inWords(), p.summary)
	}
}

func (p param) inWords() string {
	words := string(p.kind)
	switch {
	case p.values != nil:
		words = "`" + strings.Join(p.values, "`, `") + "`"
	case p.kind == number:
		words = "number " + p.span()
	case p.kind == moment:
		words = "time, RFC 3339"
	case p.kind == interval:
		words = "duration " + p.span()
	case p.kind == truth:
		words = "`true` or `false`"
	}
	if p.repeat {
		words += "; may be repeated"
	}
	if p.required {
		words += "; must be given"
	}
	return words
}

func link(ref object) string {
	name := strings.TrimPrefix(ref["$ref"].(string), "#/components/schemas/")
	return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
}

func typeInWords(b *strings.Builder, name string, schema object) {
	if schema["properties"] == nil {
		fmt.Fprintf(b, "\n### %s\n\n%v It is an %s.\n", name, schema["description"], schemaInWords(schema))
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n%v\n\n| field | value | |\n| --- | --- | --- |\n", name, schema["description"])
	required, _ := schema["required"].([]any)
	fields := schema["properties"].(object)
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		f := fields[field].(object)
		shown := "`" + field + "`"
		if !slices.Contains(required, any(field)) {
			shown = "*" + shown + "*"
		}
		description, _ := f["description"].(string)
		fmt.Fprintf(b, "| %s | %s | %s |\n", shown, schemaInWords(f), description)
	}
}

func schemaInWords(f object) string {
	switch {
	case f["enum"] != nil:
		text, _ := json.Marshal(f["enum"])
		return strings.NewReplacer(`","`, "`, `", `["`, "`", `"]`, "`").Replace(string(text))
	case f["$ref"] != nil:
		return link(f)
	case f["type"] == "array":
		return "list of " + schemaInWords(f["items"].(object))
	case f["format"] == "date-time":
		return "time"
	case f["anyOf"] != nil:
		var either []string
		for _, one := range f["anyOf"].([]any) {
			either = append(either, schemaInWords(one.(object)))
		}
		return strings.Join(either, " or ")
	case f["type"] == "object" && f["additionalProperties"].(object)["anyOf"] != nil:
		return "object whose values are " + schemaInWords(f["additionalProperties"].(object))
	case f["type"] == "object":
		return "object of " + schemaInWords(f["additionalProperties"].(object)) + "s"
	case f["type"] == "string":
		return "text"
	case f["type"] == "boolean":
		return "`true` or `false`"
	case f["type"] == "integer":
		return "whole number"
	}
	return fmt.Sprint(f["type"])
}
