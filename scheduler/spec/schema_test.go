package spec

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonschema "github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

func TestSchemaFile(t *testing.T) {
	golden(t, "schema.json", string(Schema()))
}

func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON reads YAML as an editor would before it looks at the schema.
func asJSON(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	j, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(j))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestSchemaAcceptsWhatParseAccepts checks the examples, and a spec with every field.
func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	schema := compiledSchema(t)
	examples, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatal("no examples", err)
	}
	everyField, _ := splitNotYet("", readFile(t, "testdata/every-field.yaml"))
	specs := map[string]string{"every field": everyField}
	for _, file := range examples {
		specs[file] = readFile(t, file)
	}
	for name, text := range specs {
		s, err := Parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		given := map[string]string{}
		for _, p := range s.Params {
			if p.Required {
				given[p.Name] = "/given"
			}
		}
		bind(t, text, given)
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaRefusesMistakes, as far as a schema can know them.
func TestSchemaRefusesMistakes(t *testing.T) {
	schema := compiledSchema(t)
	const sound = "name: a\nsteps: {a: {run: x, image: y, resources: {mem: 1GiB}, timeout: 1m}}\n"
	if err := schema.Validate(asJSON(t, sound)); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{
		"1GiB -> 1024", "1GiB -> 1gig", "1m -> 60", "1m -> P1Y", "name: a -> name: A", "name: a -> nmae: a", "{a: -> {A:",
		"run: x -> run: {}", "image: y -> secrets: {}", "image: y -> priority: 1", "run: x -> needs: b", "run: x -> when: never",
		"run: x -> where: [{attribute: a}]", "run: x -> where: [{attribute: a, equals: b, matches: c}]", "run: x -> matrix: {x: []}",
		"mem: 1GiB -> cpus: 0", "mem: 1GiB -> gpus: -1", "run: x -> retries: {exit_codes: [0]}", "run: x -> array: {from: 1}",
		"run: x -> volumes: [{host: /a}]", "steps: -> schedule: x\nsteps:", "steps: -> params: {n: {default: 1}}\nsteps:",
		"steps: -> defaults: {needs: [a]}\nsteps:",
	} {
		old, new, _ := strings.Cut(change, " -> ")
		text := strings.Replace(sound, old, new, 1)
		if schema.Validate(asJSON(t, text)) == nil {
			t.Errorf("accepted: %s", change)
		}
		if _, err := Parse("test.yaml", []byte(text)); err == nil {
			t.Errorf("Parse accepted: %s", change)
		}
	}
}

// TestSchemaHasTheBuiltFields: each of them with a description, and none that is not supported yet.
func TestSchemaHasTheBuiltFields(t *testing.T) {
	var schema struct {
		Properties map[string]struct{ Description string }
		Defs       map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for section, fields := range language.Sections() {
		properties := schema.Defs[section.Name()].Properties
		if section == reflect.TypeFor[document]() {
			properties = schema.Properties
		}
		var want, got []string
		for _, f := range fields {
			if !f.NotYet {
				want = append(want, f.Name)
			}
			if p, found := properties[f.Name]; found {
				got = append(got, f.Name)
				if p.Description == "" {
					t.Errorf("%s of %s has no description", f.Name, section.Name())
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) != len(properties) {
			t.Errorf("%s: %s", section.Name(), diff)
		}
	}
}

// TestDocumentedDefaultsAreTheDefaults writes each default that a description names into a spec: it changes nothing.
func TestDocumentedDefaultsAreTheDefaults(t *testing.T) {
	const least = "name: a\nPIPELINE\nsteps: {a: {run: x, image: y, volumes: [{host: /a, at: /b, VOLUME}], STEP}, b: {run: x, image: y, needs: [a], STEP}}\n"
	spec := func(where, field string) *Pipeline {
		text := strings.ReplaceAll(least, where, field)
		for _, w := range []string{"PIPELINE", "VOLUME", "STEP"} {
			text = strings.ReplaceAll(text, w, "")
		}
		return bind(t, text, nil)
	}
	want := spec("", "")
	forms := map[string][2]string{
		"document": {"PIPELINE", "FIELD"}, "volume": {"VOLUME", "FIELD"}, "shared": {"STEP", "FIELD"}, "step": {"STEP", "FIELD"},
		"burst": {"PIPELINE", "burst: {FIELD}"}, "resources": {"STEP", "resources: {FIELD}"}, "retries": {"STEP", "retries: {FIELD}"},
		"numbers": {"STEP", "array: {from: 0, to: 0, FIELD}"},
	}
	checked := 0
	comments := strictyaml.Comments(documentSource)
	for section, fields := range language.Sections() {
		for _, f := range fields {
			owner := section.FieldByIndex(f.Index)
			comment := comments[section.Name()+"."+owner.Name]
			m := strictyaml.Documented.FindStringSubmatch(comment)
			if m == nil {
				continue
			}
			form, found := forms[section.Name()]
			if !found {
				t.Fatalf("nowhere to put a field of %s", section.Name())
			}
			got := spec(form[0], strings.ReplaceAll(form[1], "FIELD", f.Name+": "+m[1]+m[2]))
			if diff := cmp.Diff(want, got, onlyExported); diff != "" {
				t.Errorf("%s of %s: its default is not %s:\n%s", f.Name, section.Name(), m[1]+m[2], diff)
			}
			checked++
		}
	}
	if checked < 20 {
		t.Errorf("only %d defaults were found in the descriptions", checked)
	}
}
