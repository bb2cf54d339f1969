package spec

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const referenceFile = "../../docs/spec.md"

// marked is a generated part of the reference. The text outside of such parts is written by hand.
var marked = regexp.MustCompile(`(?s)<!-- ([\w-]+) -->\n.*?<!-- end of ([\w-]+) -->\n`)

// TestReference keeps the tables of the reference equal to the types of the language, their comments, tags and limits.
func TestReference(t *testing.T) {
	parts := map[string]string{"names": namesTable(), "limits": limitsTable(), "not-yet": notYetList()}
	for section := range sections {
		parts[section.Name()] = fieldsTable(t, section)
	}
	seen := map[string]bool{}
	text := marked.ReplaceAllStringFunc(readFile(t, referenceFile), func(old string) string {
		names := marked.FindStringSubmatch(old)
		part, known := parts[names[1]]
		if !known || names[1] != names[2] || seen[names[1]] {
			t.Fatalf("%s: the marks %q and %q do not enclose a part of their own", referenceFile, names[1], names[2])
		}
		seen[names[1]] = true
		return fmt.Sprintf("<!-- %s -->\n%s<!-- end of %s -->\n", names[1], part, names[1])
	})
	for name := range parts {
		if !seen[name] {
			t.Errorf("%s has no place for %s", referenceFile, name)
		}
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
			fmt.Fprintf(&b, "| %s | %s |\n", grouped(l.most), l.words)
		}
	}
	return b.String()
}

func namesTable() string {
	var b strings.Builder
	b.WriteString("| kind | what it has | as a regular expression |\n| --- | --- | --- |\n")
	for _, kind := range slices.Sorted(maps.Keys(forms)) {
		_, words, _ := strings.Cut(forms[kind].words, " has ")
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", kind, words, forms[kind].pattern)
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
		for _, f := range sections[home.t] {
			if f.notYet {
				names = append(names, "`"+f.name+"`")
			}
		}
		fmt.Fprintf(&b, "- of %s: %s\n", home.words, strings.Join(names, ", "))
	}
	return b.String()
}

// fieldsTable describes the fields of a section, without those of a section that is embedded in it.
func fieldsTable(t *testing.T, section reflect.Type) string {
	comments := documentComments()
	var b strings.Builder
	b.WriteString(asMarkdown(comments[section.Name()]) + "\n\n| field | type | default | meaning | limits |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range sections[section] {
		if f.notYet || len(f.index) > 1 {
			continue
		}
		in := section.FieldByIndex(f.index)
		meaning, otherwise := splitDefault(t, comments[section.Name()+"."+in.Name])
		if f.required {
			otherwise = "must be given"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n",
			f.name, typeWords(t, in.Type, &f), otherwise, asMarkdown(meaning), limitWords(section.Name(), in.Type, &f))
	}
	return b.String()
}

// splitDefault takes the default out of a field's description. TestDocumentedDefaultsAreTheDefaults checks it.
func splitDefault(t *testing.T, comment string) (meaning, otherwise string) {
	meaning, otherwise, found := strings.Cut(comment, " Default: ")
	if !found {
		return comment, ""
	}
	otherwise = strings.TrimSuffix(otherwise, ".")
	if strings.Contains(otherwise, ". ") {
		t.Fatalf("the default should stand at the end of %q", comment)
	}
	if m := documented.FindStringSubmatch(comment); m != nil {
		value := m[1] + m[2]
		otherwise = "`" + value + "`" + strings.TrimPrefix(otherwise, value)
	}
	return meaning, otherwise
}

// asMarkdown keeps templates from being taken for something else than text.
func asMarkdown(s string) string {
	s = regexp.MustCompile(`\{\{ .*? \}\}`).ReplaceAllString(s, "`$0`")
	return strings.ReplaceAll(s, "|", `\|`)
}

// typeWords says what stands in a field of a type. The names in links are those of headings.
func typeWords(t *testing.T, x reflect.Type, f *field) string {
	words := map[reflect.Type]string{
		reflect.TypeFor[prose]():      "text",
		reflect.TypeFor[plain]():      "text or number",
		reflect.TypeFor[template]():   "[template](#templates)",
		reflect.TypeFor[command]():    "[template](#templates), or a list of them",
		reflect.TypeFor[cpus]():       "number",
		reflect.TypeFor[size]():       "[size](#sizes-and-durations)",
		reflect.TypeFor[duration]():   "[duration](#sizes-and-durations)",
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
	}[x]
	switch {
	case words != "":
		return words
	case f.enum != nil:
		last := len(f.enum) - 1
		return "`" + strings.Join(f.enum[:last], "`, `") + "` or `" + f.enum[last] + "`"
	case x.Kind() == reflect.Pointer:
		return typeWords(t, x.Elem(), f)
	case x.Kind() == reflect.Slice && strings.HasPrefix(x.Name(), "entries["):
		return "mapping of names to " + typeWords(t, x.Elem().Field(1).Type, f)
	case x.Kind() == reflect.Slice:
		return "list of " + strings.Replace(typeWords(t, x.Elem(), f), "number", "numbers", 1)
	case x.Kind() == reflect.String:
		return "text"
	case x.Kind() == reflect.Int64:
		return "whole number"
	case x.Kind() == reflect.Bool:
		return "`true` or `false`"
	}
	t.Fatalf("no words for %s", x)
	return ""
}

// limitWords says what the tags, the type and limits say of the values of a field.
func limitWords(section string, x reflect.Type, f *field) string {
	var words []string
	if f.min != nil {
		words = append(words, grouped(int(*f.min))+" to "+grouped(int(*f.max)))
	}
	if f.longest > 0 {
		words = append(words, "at most "+grouped(f.longest)+" characters")
	}
	linkTo := func(x *form) string {
		for kind, form := range forms {
			if form == x {
				return "[" + kind + "](#names)"
			}
		}
		panic("no such form")
	}
	if f.form != nil {
		words = append(words, "form: "+linkTo(f.form))
	}
	if f.keys != nil {
		words = append(words, "form of keys: "+linkTo(f.keys))
	}
	switch x {
	case reflect.TypeFor[*cpus]():
		words = append(words, "0.001 to "+grouped(maxCPUs/1000))
	case reflect.TypeFor[*size]():
		words = append(words, fmt.Sprintf("at most %dTiB", maxSize>>20))
	case reflect.TypeFor[*duration]():
		words = append(words, fmt.Sprintf("at most %d days", int(maxDuration.Hours()/24)))
	}
	for _, l := range limits {
		switch {
		case l.field != section+"."+f.name:
		case l.name == "":
			words = append(words, l.words)
		default:
			words = append(words, fmt.Sprintf(l.words, grouped(l.most)))
		}
	}
	return strings.Join(words, "; ")
}

// grouped writes a number as people read it: 1,000,000.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
