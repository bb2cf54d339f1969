package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// document is the OpenAPI document, and what its parts look like to a test.
var document = sync.OnceValue(func() *openAPI {
	d := &openAPI{text: httpapi.New(httpapi.Config{Daemon: &scheduler.Daemon{}}).Document(), compiled: map[string]*jsonschema.Schema{}}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.text))
	if err != nil {
		panic(err)
	}
	d.whole = whole
	d.compiler = jsonschema.NewCompiler()
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("openapi.json", whole); err != nil {
		panic(err)
	}
	for path := range d.at("paths").(map[string]any) {
		pattern := regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`)
		d.paths = append(d.paths, openPath{path, regexp.MustCompile("^" + pattern + "$")})
	}
	return d
})

type openAPI struct {
	text     []byte
	whole    any
	compiler *jsonschema.Compiler
	paths    []openPath

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

type openPath struct {
	path    string
	pattern *regexp.Regexp
}

// at returns a part of the document; nil if there is none.
func (d *openAPI) at(keys ...string) any {
	v := d.whole
	for _, k := range keys {
		o, _ := v.(map[string]any)
		v = o[k]
	}
	return v
}

// schema compiles the schema at a place of the document.
func (d *openAPI) schema(keys ...string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	pointer := "openapi.json#"
	for _, k := range keys {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(k)
	}
	if s := d.compiled[pointer]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile(pointer)
	d.compiled[pointer] = s
	return s, err
}

// conforms holds an answer against the OpenAPI document.
func conforms(t *testing.T, method, path string, got answer) {
	t.Helper()
	d := document()
	if method == "HEAD" {
		return // nothing to read
	}
	if got.status >= 400 {
		if err := d.check("", "", got); err != nil {
			t.Errorf("%s %s: %d is not as the OpenAPI document says: %v\n%s", method, path, got.status, err, got.body)
		}
		return
	}
	for _, p := range d.paths {
		operation, _ := d.at("paths", p.path, strings.ToLower(method)).(map[string]any)
		if operation == nil || !p.pattern.MatchString(path) {
			continue
		}
		if err := d.check(p.path, strings.ToLower(method), got); err != nil {
			t.Errorf("%s %s: %d is not as the OpenAPI document says: %v\n%s", method, path, got.status, err, got.body)
		}
		return
	}
	t.Errorf("%s %s: %d, but it is not in the OpenAPI document", method, path, got.status)
}

func (d *openAPI) check(path, method string, got answer) error {
	status := fmt.Sprint(got.status)
	keys := []string{"paths", path, method, "responses", status}
	if got.status >= 400 {
		keys = []string{"components", "responses", "Problem"}
	} else if d.at(keys...) == nil {
		return fmt.Errorf("there is no status %s", status)
	}
	if d.at(append(keys, "content")...) == nil {
		if len(got.body) > 0 {
			return fmt.Errorf("there is a body")
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	if err != nil {
		return err
	}
	keys = append(keys, "content", kind)
	if d.at(keys...) == nil {
		return fmt.Errorf("there is no %s", kind)
	}
	schema, err := d.schema(append(keys, "schema")...)
	if err != nil {
		return err
	}
	var v any = string(got.body)
	if strings.HasSuffix(kind, "json") && path != "/v1/openapi.json" {
		if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(got.body)); err != nil {
			return err
		}
	}
	return schema.Validate(v)
}

// TestDocumentIsOpenAPI holds the document against the OpenAPI Initiative's schema, and compiles all that it refers to.
func TestDocumentIsOpenAPI(t *testing.T) {
	file, err := os.Open("testdata/openapi-3.1-schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	of, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi", of); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("openapi")
	if err != nil {
		t.Fatal(err)
	}
	d := document()
	if err := schema.Validate(d.whole); err != nil {
		t.Error(err)
	}
	for name := range d.at("components", "schemas").(map[string]any) {
		if _, err := d.schema("components", "schemas", name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	operations := map[string]bool{}
	for _, p := range d.paths {
		for method := range d.at("paths", p.path).(map[string]any) {
			id := d.at("paths", p.path, method, "operationId").(string)
			if operations[id] {
				t.Errorf("two operations are called %s", id)
			}
			operations[id] = true
		}
	}
}

// TestServedDocument: what is served is the document that the other answers are held against.
func TestServedDocument(t *testing.T) {
	a := newAPI(t)
	got := a.send("GET", "/v1/openapi.json", "")
	if !bytes.Equal(got.body, document().text) || !json.Valid(got.body) {
		t.Errorf("another document of %d bytes is served", len(got.body))
	}
}

// TestConforms: what is wrong with an answer is found.
func TestConforms(t *testing.T) {
	header := func(kind string) map[string][]string { return map[string][]string{"Content-Type": {kind}} }
	for name, got := range map[string]answer{
		"a number for a text": {200, header("application/json"), []byte(`{"version": 1}`)},
		"a field missing":     {200, header("application/json"), []byte(`{}`)},
		"another media type":  {200, header("text/plain"), []byte(`{"version": "1"}`)},
		"another status":      {201, header("application/json"), []byte(`{"version": "1"}`)},
		"no problem":          {400, header("application/problem+json"), []byte(`{"version": "1"}`)},
	} {
		if err := document().check("/v1/version", "get", got); err == nil {
			t.Errorf("%s is taken for right", name)
		}
	}
	if err := document().check("/v1/version", "get", answer{200, header("application/json"), []byte(`{"version": "1"}`)}); err != nil {
		t.Error(err)
	}
}

// TestDescriptions: people read the document too.
func TestDescriptions(t *testing.T) {
	for name, schema := range document().at("components", "schemas").(map[string]any) {
		if schema.(map[string]any)["description"] == nil {
			t.Errorf("%s has no description", name)
		}
	}
}
