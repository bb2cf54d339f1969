package httpapi

import (
	_ "embed"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/invopop/jsonschema"
)

// The sources of the types that are sent, where their descriptions stand.
var (
	//go:embed view.go
	viewSource string
	//go:embed demandview.go
	demandSource string
	//go:embed cloudview.go
	cloudSource string
	//go:embed problem.go
	problemSource string
)

// apiVersion is that of the interface, which the paths begin with.
const apiVersion = "v1"

// object is one of JSON.
type object = map[string]any

// openAPI writes the OpenAPI 3.1 document of the routes.
func openAPI(groups []group) []byte {
	paths, tags := object{}, []object{}
	schemas := newSchemas()
	for _, g := range groups {
		tags = append(tags, object{"name": g.title})
		for _, rt := range g.routes {
			item, there := paths[rt.pattern].(object)
			if !there {
				item = object{}
				paths[rt.pattern] = item
			}
			item[strings.ToLower(rt.method)] = rt.operation(g.title, schemas)
		}
	}
	for _, event := range []any{RunEvent{}, TaskEvent{}, CloudEvent{}, ResetEvent{}} {
		schemas.ref(event, false)
	}
	document := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Spillway", "version": apiVersion,
			"description": "The REST interface of the Spillway batch scheduler. Times are RFC 3339 in UTC, sizes in bytes.",
		},
		"servers": []object{{"url": "/"}},
		"tags":    tags,
		"paths":   paths,
		"components": object{
			"schemas": schemas.all,
			"responses": object{"Problem": object{
				"description": "What is wrong, where, and what to do (RFC 9457).",
				"content":     object{problemMedia: object{"schema": schemas.ref(Problem{}, false)}},
			}},
			"securitySchemes": object{"token": object{
				"type": "http", "scheme": "bearer",
				"description": "Needed unless the scheduler answers on loopback only and was given no tokens. Operators make tokens with `spillway token new`.",
			}},
		},
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic("httpapi: writing the OpenAPI document: " + err.Error())
	}
	return append(text, '\n')
}

// operation describes a route.
func (rt route) operation(tag string, schemas *schemas) object {
	op := object{"tags": []string{tag}, "summary": rt.summary, "operationId": rt.name(), "responses": rt.responses(schemas)}
	params := []object{}
	for _, name := range rt.pathParams() {
		params = append(params, object{"name": name, "in": "path", "required": true, "description": pathParams[name].summary, "schema": pathParams[name].schema()})
	}
	for _, p := range rt.query {
		params = append(params, p.describe("query"))
	}
	for _, p := range rt.headers {
		params = append(params, p.describe("header"))
	}
	if len(params) > 0 {
		op["parameters"] = params
	}
	if rt.body != nil {
		content := object{jsonType: object{"schema": schemas.ref(rt.body, true)}}
		for _, kind := range rt.reads {
			content[kind] = object{"schema": object{"type": "string", "description": "The YAML text of a spec."}}
		}
		op["requestBody"] = object{"required": !rt.bodyOptional, "content": content}
	}
	if rt.role != Nobody {
		op["security"] = []object{{"token": []string{}}, {}}
		op["description"] = "Needs the role " + string(rt.role) + "."
	}
	return op
}

// responses describes how a route answers.
func (rt route) responses(schemas *schemas) object {
	content := object{}
	if rt.answer != nil {
		content[jsonType] = object{"schema": schemas.ref(rt.answer, false)}
	}
	for _, kind := range rt.writes {
		content[kind] = object{"schema": object{"type": "string"}}
	}
	responses := object{"default": object{"$ref": "#/components/responses/Problem"}}
	for _, status := range rt.successes() {
		r := object{"description": http.StatusText(status)}
		if len(content) > 0 {
			r["content"] = content
		}
		responses[strconv.Itoa(status)] = r
	}
	return responses
}

func (rt route) successes() []int {
	if rt.statuses == nil {
		return []int{http.StatusOK}
	}
	return rt.statuses
}

var inBraces = regexp.MustCompile(`\{(\w+)\}`)

// pathParams are the names in braces of the route's path.
func (rt route) pathParams() []string {
	var names []string
	for _, m := range inBraces.FindAllStringSubmatch(rt.pattern, -1) {
		names = append(names, m[1])
	}
	return names
}

// name makes an identifier of a route, such as getRunsRunSteps.
func (rt route) name() string {
	var b strings.Builder
	b.WriteString(strings.ToLower(rt.method))
	for _, word := range strings.FieldsFunc(strings.TrimPrefix(rt.pattern, "/"+apiVersion), func(r rune) bool { return !unicode.IsLetter(r) }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// pathParams are the parameters that stand in paths.
var pathParams = map[string]param{
	"agent":   {kind: text, summary: "The agent's Mesos id."},
	"run":     {kind: text, summary: "The run's id."},
	"step":    {kind: text, summary: "The step's name."},
	"index":   {kind: number, summary: "The task's index, from 0."},
	"stream":  {kind: text, summary: "What the task writes to.", values: []string{"stdout", "stderr"}},
	"project": {kind: text, summary: "The pipeline's project."},
	"name":    {kind: text, summary: "The pipeline's name."},
	"version": {kind: number, summary: "The version's number.", least: 1},
}

func (p param) describe(in string) object {
	d := object{"name": p.name, "in": in, "description": p.summary, "schema": p.schema()}
	if p.repeat {
		d["schema"] = object{"type": "array", "items": p.schema()}
	}
	if p.required {
		d["required"] = true
	}
	return d
}

func (p param) schema() object {
	s := object{"type": "string"}
	switch p.kind {
	case number:
		s = object{"type": "integer", "minimum": p.least}
		if p.most > 0 {
			s["maximum"] = p.most
		}
	case moment:
		s["format"] = "date-time"
	case interval:
		s["description"] = "Such as 30s or PT30S, " + p.span() + "."
	case truth:
		s["type"] = "boolean"
	}
	if p.values != nil {
		s["enum"] = p.values
	}
	return s
}

// schemas collects the JSON Schemas of the types that are sent.
type schemas struct {
	all      object
	comments map[string]string
}

func newSchemas() *schemas {
	c := map[string]string{}
	addComments(c, viewSource)
	addComments(c, demandSource)
	addComments(c, cloudSource)
	addComments(c, problemSource)
	return &schemas{all: object{}, comments: c}
}

// ref adds the type of a value and refers to it. What is sent to the scheduler is closed: a field that it does not know
// is refused. What it sends may have more fields one day.
func (s *schemas) ref(value any, closed bool) object {
	r := jsonschema.Reflector{
		Anonymous: true, AllowAdditionalProperties: !closed,
		LookupComment: func(t reflect.Type, field string) string {
			return s.comments[strings.TrimSuffix(t.Name()+"."+field, ".")]
		},
	}
	root := r.Reflect(value)
	for name, def := range root.Definitions {
		text, err := json.Marshal(def)
		if err != nil {
			panic("httpapi: writing a schema: " + err.Error())
		}
		var o object
		if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), `"#/$defs/`, `"#/components/schemas/`)), &o); err != nil {
			panic("httpapi: writing a schema: " + err.Error())
		}
		s.all[name] = o
	}
	return object{"$ref": "#/components/schemas/" + reflect.TypeOf(value).Name()}
}

// addComments finds the comments of a source's types and of their fields: under "Type" and "Type.Field".
func addComments(comments map[string]string, source string) {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		panic("httpapi: reading the sources of the types: " + err.Error())
	}
	note := func(key string, doc *ast.CommentGroup) {
		if words := strings.Fields(doc.Text()); len(words) > 0 {
			comments[key] = strings.Join(words, " ")
		}
	}
	for _, decl := range file.Decls {
		types, ok := decl.(*ast.GenDecl)
		if !ok || types.Tok != token.TYPE {
			continue
		}
		t := types.Specs[0].(*ast.TypeSpec)
		note(t.Name.Name, types.Doc)
		fields, isStruct := t.Type.(*ast.StructType)
		if !isStruct {
			continue
		}
		for _, f := range fields.Fields.List {
			for _, name := range f.Names {
				note(t.Name.Name+"."+name.Name, f.Doc)
			}
		}
	}
}

func (s *Server) documentRoutes() []route {
	return []route{{
		method: "GET", pattern: "/v1/openapi.json", role: Viewer, writes: []string{jsonType}, handle: s.showDocument,
		summary: "Show the OpenAPI 3.1 document of this interface.",
	}}
}

func (s *Server) showDocument(w http.ResponseWriter, _ *request) error {
	w.Header().Set("Content-Type", jsonType)
	w.Write(s.document())
	return nil
}
