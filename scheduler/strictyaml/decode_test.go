package strictyaml

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The types of a small language. The pipeline language and burst.yaml have tests of their own, of all that they use.
type garden struct {
	Name  string        `yaml:"name" form:"word" jsonschema:"required,maxLength=8"`
	Area  float64       `yaml:"area" default:"1.5" jsonschema:"exclusiveMinimum=0,maximum=100"`
	Beds  int64         `yaml:"beds" default:"2" jsonschema:"minimum=1,maximum=10"`
	Water time.Duration `yaml:"water" default:"1h" min:"1m" max:"24h"`
	Shed  shed          `yaml:"shed"`
	Gate  *shed         `yaml:"gate"`
	Rows  Entries[shed] `yaml:"rows" keys:"word"`
	Pond  NotYet        `yaml:"pond"`
	fence
}

type fence struct {
	Wood string `yaml:"wood" default:"oak" jsonschema:"enum=oak,enum=pine"`
}

type shed struct {
	Size Size `yaml:"size" default:"3MiB"`
	CPUs CPUs `yaml:"cpus" jsonschema:"exclusiveMinimum=0"`
	Open bool `yaml:"open" default:"true"`
}

func gardens() *Language {
	l := &Language{
		Forms: map[string]Form{"word": {regexp.MustCompile(`^[a-z]+$`), "a word has lower-case letters"}},
		Homes: []Home{{"a shed", reflect.TypeFor[shed]()}}, Elsewhere: map[string]string{"irrigation": "water"},
	}
	l.Describe(garden{}, shed{})
	return l
}

func readGarden(text string) (garden, error) {
	d := gardens().NewDecoder("g.yaml", []byte(text))
	var g garden
	d.Read(&g)
	return g, d.Err()
}

func TestDefaultsAreThereWhereTheirSectionIsNot(t *testing.T) {
	got, err := readGarden("name: a\nrows: {b: {}}\n")
	if err != nil {
		t.Fatal(err)
	}
	usual := shed{Size: 3, Open: true}
	want := garden{Name: "a", Area: 1.5, Beds: 2, Water: time.Hour, Shed: usual, Rows: Entries[shed]{{"b", usual}}, fence: fence{Wood: "oak"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(garden{}, shed{}, fence{})); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsGivenGoesBeforeTheDefault(t *testing.T) {
	got, err := readGarden("name: a\narea: 2\nwood: pine\nshed: {open: false, size: 1GiB, cpus: 0.5}\ngate: {}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got.Area != 2 || got.Wood != "pine" || got.Shed != (shed{Size: 1024, CPUs: 500}) || *got.Gate != (shed{Size: 3, Open: true}) {
		t.Errorf("%+v", got)
	}
}

func TestProblems(t *testing.T) {
	for text, want := range map[string]string{
		"beds: 3":                       "g.yaml:1:1: name is missing",
		"name: A":                       `g.yaml:1:7: name: "A" cannot be used here (a word has lower-case letters)`,
		"name: abcdefghij":              "g.yaml:1:7: name: longer than 8 characters",
		"{name: a, area: 0}":            "g.yaml:1:17: area: should be more than 0",
		"{name: a, area: 100.5}":        "g.yaml:1:17: area: 100.5 is more than 100",
		"{name: a, area: .nan}":         "g.yaml:1:17: area: .nan is no finite decimal number",
		"{name: a, area: big}":          "g.yaml:1:17: area: should be a number, not text",
		"{name: a, beds: 11}":           "g.yaml:1:17: beds: 11 is not in 1 to 10",
		"{name: a, beds: 1.5}":          "g.yaml:1:17: beds: should be a whole number, not a decimal number",
		"{name: a, water: 30s}":         "g.yaml:1:18: water: 30s is less than 1m",
		"{name: a, water: P2D}":         "g.yaml:1:18: water: 48h is more than 24h",
		"{name: a, wood: oakk}":         `g.yaml:1:17: wood: "oakk" is none of oak, pine (did you mean oak?)`,
		"{name: a, shed: {cpus: 0}}":    "g.yaml:1:24: shed.cpus: should be more than 0 (such as 0.5 or 2)",
		"{name: a, open: true}":         "g.yaml:1:11: open: unknown field (it is a field of a shed)",
		"{name: a, irrigation: 1h}":     "g.yaml:1:11: irrigation: unknown field (did you mean water?)",
		"{name: a, pond: {}}":           "g.yaml:1:11: pond: not supported yet",
		"{name: a, rows: {B: {}}}":      "g.yaml:1:18: rows.B: not a name that can be used here (a word has lower-case letters)",
		"{name: a, shed: 7}":            "g.yaml:1:17: shed: should be a mapping, not a number",
		"{name: a, name: b}":            "g.yaml:1:11: name: used twice, first in line 1",
		"name: a\nbeds: none\narea: -1": "g.yaml:2:7: beds: should be a whole number, not text\ng.yaml:3:7: area: should be more than 0",
	} {
		_, err := readGarden(text)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestFill(t *testing.T) {
	page := "a\n<!-- one -->\nold\n<!-- end of one -->\nb\n"
	got, err := Fill(page, map[string]string{"one": "new\n"})
	if err != nil || got != "a\n<!-- one -->\nnew\n<!-- end of one -->\nb\n" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Fill(page, map[string]string{"one": "", "two": ""}); err == nil || !strings.Contains(err.Error(), "no place for two") {
		t.Errorf("a part without a place: %v", err)
	}
	if _, err := Fill(page, nil); err == nil {
		t.Error("a place without a part is no error")
	}
}

func TestShortly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", time.Hour: "1h", 90 * time.Minute: "1h30m", 10 * time.Hour: "10h", 48 * time.Hour: "48h",
		time.Hour + time.Second: "1h0m1s", 20 * time.Minute: "20m",
	} {
		if got := Shortly(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}
