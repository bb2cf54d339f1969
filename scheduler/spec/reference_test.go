package spec

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

const referenceFile = "../../docs/spec.md"

// TestReference keeps the tables of the reference equal to the types of the language, their comments, tags and limits.
func TestReference(t *testing.T) {
	reference := strictyaml.Reference{Language: &language, Comments: strictyaml.Comments(documentSource), Words: typeWords, Limits: fieldLimits()}
	parts := map[string]string{"names": reference.Names(), "limits": limitsTable(), "not-yet": notYetList()}
	for section := range language.Sections() {
		parts[section.Name()] = reference.Fields(section)
	}
	text, err := strictyaml.Fill(readFile(t, referenceFile), parts)
	if err != nil {
		t.Fatalf("%s: %v", referenceFile, err)
	}
	golden(t, referenceFile, text)
}

// TestReferenceExamples: those that are whole specs are sound as they are, the others as what a step says. Those that show
// what is wrong are no YAML blocks.
func TestReferenceExamples(t *testing.T) {
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readFile(t, referenceFile), -1)
	whole := 0
	for _, e := range examples {
		text := e[1]
		if strings.Contains(text, "\nsteps:\n") {
			whole++
		} else {
			text = "name: a\nparams: {parts: {type: int, default: 2}}\ndefaults: {run: x, image: y}\nsteps:\n  fetch: {}\n  a:\n    " +
				strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
		}
		if s, err := Parse("example", []byte(text)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		} else if _, err := s.Bind(nil); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
	if whole == 0 || whole == len(examples) {
		t.Errorf("%d of %d examples are whole specs", whole, len(examples))
	}
}

// TestReferenceLinks: each link within the page leads to one of its headings.
func TestReferenceLinks(t *testing.T) {
	text := readFile(t, referenceFile)
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		bare := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors[strings.ReplaceAll(bare, " ", "-")] = true
	}
	links := regexp.MustCompile(`\]\(#(.*?)\)`).FindAllStringSubmatch(text, -1)
	for _, link := range links {
		if !anchors[link[1]] {
			t.Errorf("no heading for #%s", link[1])
		}
	}
	if len(links) == 0 {
		t.Error("no links were found")
	}
}

// TestReferenceNamesAllLimits of limits.go.
func TestReferenceNamesAllLimits(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "limits.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(c.Names[0].Name, "Max") {
			want = append(want, c.Names[0].Name)
		}
		return true
	})
	for _, l := range limits {
		if l.name != "" {
			got = append(got, l.name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// limits are those that no tag tells: of a field, or of the spec as a whole. %s in words is the number.
var limits = []struct {
	field, name string
	most        int
	words       string
}{
	{"document.labels", "MaxLabels", MaxLabels, "at most %s, each value at most 255 bytes in one line"},
	{"document.params", "MaxParams", MaxParams, "at most %s"},
	{"document.steps", "MaxSteps", MaxSteps, "1 to %s"},
	{"document.deadline", "", 0, "more than 0"},
	{"burst.clouds", "", 0, "at least 1, none twice"},
	{"param.default", "MaxParamBytes", MaxParamBytes, "at most %s bytes, as any value"},
	{"param.min", "", 0, "not above max"},
	{"shared.run", "", 0, "not empty"},
	{"shared.env", "MaxEnv", MaxEnv, "at most %s; names that begin with `MESOS_` or `SPILLWAY_` are reserved"},
	{"step.array", "MaxTasks", MaxTasks, "at most %s tasks, the matrix included"},
	{"step.matrix", "MaxMatrix", MaxMatrix, "at most %s names, none of them index, value or params; at least 1 value each, none twice"},
	{"resources.mem", "", 0, "more than 0"},
	{"retries.backoff", "", 0, "not above max_backoff"},
	{"volume.host", "", 0, "at most 4,096 bytes; no `..`, colon or line break"},
	{"volume.at", "", 0, "as host; not `/`, and only one volume each"},
	{"", "MaxBytes", MaxBytes, "bytes in the file"},
	{"", "MaxNodes", MaxNodes, "values in the file; an alias counts as what it stands for"},
	{"", "MaxDepth", MaxDepth, "mappings and lists in each other"},
	{"", "MaxCommandBytes", MaxCommandBytes, "bytes in the command line and environment of a task together"},
	{"", "MaxBoundBytes", MaxBoundBytes, "bytes in those of one task of each step together, and in what else has templates"},
	{"", "MaxParts", MaxParts, "pieces of text and names in the templates of all steps together"},
	{"", "MaxRegexps", MaxRegexps, "instructions in the compiled regular expressions of all steps together"},
	{"", "MaxProblems", MaxProblems, "problems that are told at once"},
}

func limitsTable() string {
	var b strings.Builder
	b.WriteString("| at most | of |\n| ---: | --- |\n")
	for _, l := range limits {
		if l.field == "" {
			fmt.Fprintf(&b, "| %s | %s |\n", strictyaml.Grouped(l.most), l.words)
		}
	}
	return b.String()
}

func notYetList() string {
	var b strings.Builder
	for _, home := range []struct {
		words string
		t     reflect.Type
	}{{"the pipeline", reflect.TypeFor[document]()}, {"steps and defaults", reflect.TypeFor[shared]()}} {
		var names []string
		for _, f := range language.Sections()[home.t] {
			if f.NotYet {
				names = append(names, "`"+f.Name+"`")
			}
		}
		fmt.Fprintf(&b, "- of %s: %s\n", home.words, strings.Join(names, ", "))
	}
	return b.String()
}

// typeWords say what stands in a field of a type. The names in links are those of headings.
var typeWords = map[reflect.Type]string{
	reflect.TypeFor[prose]():      "text",
	reflect.TypeFor[template]():   "[template](#templates)",
	reflect.TypeFor[command]():    "[template](#templates), or a list of them",
	reflect.TypeFor[number]():     "whole number or [template](#templates)",
	reflect.TypeFor[array]():      "whole number or [template](#templates); [numbers](#array-and-matrix); list of templates",
	reflect.TypeFor[axisValues](): "list of [templates](#templates)",
	reflect.TypeFor[param]():      "[parameter](#parameters)",
	reflect.TypeFor[burst]():      "[burst](#clouds-and-deadlines)",
	reflect.TypeFor[shared]():     "[fields of steps](#steps-and-defaults)",
	reflect.TypeFor[step]():       "[step](#steps-and-defaults)",
	reflect.TypeFor[resources]():  "[resources](#resources)",
	reflect.TypeFor[retries]():    "[retries](#retries)",
	reflect.TypeFor[volume]():     "[volumes](#volumes)",
	reflect.TypeFor[constraint](): "[constraints](#where-and-spread)",
}

// fieldLimits are the limits of fields, by their names.
func fieldLimits() map[string]string {
	words := map[string]string{}
	for _, l := range limits {
		switch {
		case l.field == "":
		case l.name == "":
			words[l.field] = l.words
		default:
			words[l.field] = fmt.Sprintf(l.words, strictyaml.Grouped(l.most))
		}
	}
	return words
}
