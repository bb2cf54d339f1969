package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonschema "github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

func TestSchemaFile(t *testing.T) { golden(t, "schema.json", string(Schema())) }

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

// TestSchemaAcceptsWhatParseAccepts checks the example, a file with every field, and one with as few as can be.
func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	schema := compiledSchema(t)
	for name, text := range map[string]string{
		"example": readFile(t, example), "every field": readFile(t, "testdata/every-field.yaml"), "least": least,
	} {
		parse(t, text)
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaRefusesMistakes, as far as a schema can know them.
func TestSchemaRefusesMistakes(t *testing.T) {
	schema := compiledSchema(t)
	for _, change := range []string{
		"cluster: dpc -> cluster: DPC", "cluster: dpc -> {}", "{hxn: {}} -> {hxn: {frobnicate: 1}}", "{hxn: {}} -> [hxn]",
		"[{name: m1.small}] -> [m1.small]", "[{name: m1.small}] -> [{at_least: {mem: 4}}]", "image: {name: debian} -> image: debian",
		"image: {name: debian} -> lease: 60", "image: {name: debian} -> afterwards: keep", "image: {name: debian} -> caps: {vms: 0}",
		"image: {name: debian} -> caps: {money_per_day: 0}", "clouds: -> calendar: {closed: [{from: '8', to: '9:00'}]}\nclouds:",
	} {
		old, new, _ := strings.Cut(change, " -> ")
		text := strings.Replace(least, old, new, 1)
		if text == least {
			t.Fatalf("%s changes nothing", change)
		}
		if _, err := Parse("burst.yaml", []byte(text)); err == nil {
			t.Errorf("Parse accepted: %s", change)
		}
		if new != "{}" && schema.Validate(asJSON(t, text)) == nil {
			t.Errorf("accepted: %s", change)
		}
	}
}

// TestSchemaDescribesAllFields: each of them, in words.
func TestSchemaDescribesAllFields(t *testing.T) {
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
		name := section.Name()
		properties := schema.Defs[strings.ToLower(name[:1])+name[1:]].Properties
		switch section {
		case reflect.TypeFor[Config]():
			properties = schema.Properties
		case reflect.TypeFor[Machine](): // it is a part of clouds and pools
			continue
		}
		for _, f := range fields {
			if properties[f.Name].Description == "" {
				t.Errorf("%s of %s has no description", f.Name, name)
			}
		}
		if len(fields) != len(properties) {
			t.Errorf("%s has %d fields, in the schema %d", name, len(fields), len(properties))
		}
	}
}

// TestEveryFieldIsInTheFileThatHasEveryField, so that what is tried with that file is tried with all of them.
func TestEveryFieldIsInTheFileThatHasEveryField(t *testing.T) {
	text := readFile(t, "testdata/every-field.yaml")
	parse(t, text)
	for section, fields := range language.Sections() {
		for _, f := range fields {
			if !strings.Contains(text, f.Name+":") {
				t.Errorf("%s of %s is not in it", f.Name, section.Name())
			}
		}
	}
}

// TestDefaultsGivenChangeNothing: what the defaults' tags say means the same when somebody writes it.
func TestDefaultsGivenChangeNothing(t *testing.T) {
	want := parse(t, least)
	homes := map[reflect.Type][2]string{
		reflect.TypeFor[Config]():    {"clouds:", "FIELD\nclouds:"},
		reflect.TypeFor[Scheduler](): {"clouds:", "scheduler: {FIELD}\nclouds:"},
		reflect.TypeFor[Mesos]():     {"{masters:", "{FIELD, masters:"},
		reflect.TypeFor[Calendar]():  {"clouds:", "calendar: {FIELD}\nclouds:"},
		reflect.TypeFor[Sweep]():     {"clouds:", "sweep: {FIELD}\nclouds:"},
		reflect.TypeFor[Cloud]():     {"hxn: {}", "hxn: {FIELD}"},
		reflect.TypeFor[Pool]():      {"batch: {", "batch: {FIELD, "},
		reflect.TypeFor[Warm]():      {"batch: {", "batch: {warm: {FIELD}, "},
		reflect.TypeFor[Deadlines](): {"batch: {", "batch: {deadlines: {FIELD}, "},
		reflect.TypeFor[Drain]():     {"batch: {", "batch: {drain: {FIELD}, "},
		reflect.TypeFor[Agent]():     {"batch: {", "batch: {agent: {FIELD}, "},
		reflect.TypeFor[Packages]():  {"batch: {", "batch: {agent: {packages: {FIELD}}, "},
		reflect.TypeFor[Reserve]():   {"batch: {", "batch: {agent: {reserve: {FIELD}}, "},
	}
	checked := 0
	for section, fields := range language.Sections() {
		for _, f := range fields {
			home, found := homes[section]
			if f.Default == "" || !found {
				continue
			}
			text := strings.Replace(least, home[0], strings.Replace(home[1], "FIELD", f.Name+": "+f.Default, 1), 1)
			if diff := cmp.Diff(want, parse(t, text), cmp.Comparer(func(a, b Zone) bool { return a.String() == b.String() })); diff != "" {
				t.Errorf("%s of %s: its default is not %s:\n%s", f.Name, section.Name(), f.Default, diff)
			}
			checked++
		}
	}
	if checked < 38 {
		t.Errorf("only %d defaults were checked", checked)
	}
}

// FuzzParse: no bytes make the package panic, every error is Problems in lines of their own and within the file, and what
// parses can be asked for.
func FuzzParse(f *testing.F) {
	for _, file := range []string{example, "testdata/every-field.yaml"} {
		f.Add(readFile(f, file))
	}
	f.Add(least)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("fuzz.yaml", []byte(text))
		if err != nil {
			checkProblems(t, text, err)
			return
		}
		for _, e := range c.Pools {
			for _, cloud := range c.CloudsOf(&e.Value) {
				if c.MachineOf(&e.Value, cloud).Image == nil {
					t.Errorf("%s has no image on %s", e.Name, cloud)
				}
			}
			for i := range e.Value.Flavors {
				e.Value.DeadlinesOf(&e.Value.Flavors[i])
			}
		}
	})
}

func checkProblems(t *testing.T, text string, err error) {
	t.Helper()
	problems, ok := err.(strictyaml.Problems)
	if !ok || len(problems) == 0 {
		t.Fatalf("error is %T: %v", err, err)
	}
	last := strings.Count(text, "\n") + 1
	for _, p := range problems {
		if p.Line < 0 || p.Line > last || (p.Line > 0) != (p.Column > 0) || p.Message == "" || strings.ContainsAny(p.String(), "\n\r\x00") {
			t.Errorf("%d:%d: %q", p.Line, p.Column, p.String())
		}
	}
}
