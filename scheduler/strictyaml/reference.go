package strictyaml

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reference describes a language in Markdown, so that its documentation says what the types, tags and comments say.
type Reference struct {
	Language *Language
	Comments map[string]string
	// Words say what stands in a field, by type; the common ones are known.
	Words map[reflect.Type]string
	// Limits are those that no tag tells, by "type.field".
	Limits map[string]string
}

// marked is a generated part of a page. The text outside of such parts is written by hand.
var marked = regexp.MustCompile(`(?s)<!-- ([\w-]+) -->\n.*?<!-- end of ([\w-]+) -->\n`)

// Fill puts parts in their places in a page. The error names a part without a place, or a place without a part.
func Fill(page string, parts map[string]string) (string, error) {
	var problems []string
	seen := map[string]bool{}
	page = marked.ReplaceAllStringFunc(page, func(old string) string {
		names := marked.FindStringSubmatch(old)
		part, known := parts[names[1]]
		if !known || names[1] != names[2] || seen[names[1]] {
			problems = append(problems, fmt.Sprintf("the marks %q and %q do not enclose a part of their own", names[1], names[2]))
		}
		seen[names[1]] = true
		return fmt.Sprintf("<!-- %s -->\n%s<!-- end of %s -->\n", names[1], part, names[1])
	})
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if !seen[name] {
			problems = append(problems, "there is no place for "+name)
		}
	}
	if problems != nil {
		return "", fmt.Errorf("%s", strings.Join(problems, "\n"))
	}
	return page, nil
}

// Fields describes the fields of a struct, without those of a struct that is embedded in it.
func (r *Reference) Fields(section reflect.Type) string {
	var b strings.Builder
	b.WriteString(asMarkdown(r.Comments[section.Name()]) + "\n\n| field | type | default | meaning | limits |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range r.Language.sections[section] {
		if f.NotYet || len(f.Index) > 1 {
			continue
		}
		in := section.FieldByIndex(f.Index)
		meaning, otherwise := r.splitDefault(r.Comments[section.Name()+"."+in.Name])
		switch {
		case f.Required:
			otherwise = "must be given"
		case f.Default != "":
			otherwise = "`" + f.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n",
			f.Name, r.typeWords(in.Type, &f), otherwise, asMarkdown(meaning), r.limitWords(section.Name(), in.Type, &f))
	}
	return b.String()
}

// Documented finds the default in a field's description, if it is a value: in the first or the second group.
var Documented = regexp.MustCompile(`Default: (?:(\S+)\.|([^ ,]+), or )`)

// splitDefault takes the default out of a field's description. Where tags say the defaults that are values, it is in words.
func (r *Reference) splitDefault(comment string) (meaning, otherwise string) {
	meaning, otherwise, found := strings.Cut(comment, " Default: ")
	if !found {
		return comment, ""
	}
	otherwise = strings.TrimSuffix(otherwise, ".")
	if strings.Contains(otherwise, ". ") {
		panic(fmt.Sprintf("strictyaml: the default should stand at the end of %q", comment))
	}
	if m := Documented.FindStringSubmatch(comment); m != nil && !r.hasTags() {
		value := m[1] + m[2]
		otherwise = "`" + value + "`" + strings.TrimPrefix(otherwise, value)
	}
	return meaning, otherwise
}

func (r *Reference) hasTags() bool {
	for _, fields := range r.Language.sections {
		if slices.ContainsFunc(fields, func(f Field) bool { return f.Default != "" }) {
			return true
		}
	}
	return false
}

var inBraces = regexp.MustCompile(`\{\{ .*? \}\}`)

// asMarkdown keeps templates from being taken for something else than text.
func asMarkdown(s string) string {
	return strings.ReplaceAll(inBraces.ReplaceAllString(s, "`$0`"), "|", `\|`)
}

// commonWords are those of types that every language can have. The names in links are those of headings.
var commonWords = map[reflect.Type]string{
	reflect.TypeFor[Plain]():         "text or number",
	reflect.TypeFor[CPUs]():          "number",
	reflect.TypeFor[Size]():          "[size](#sizes-and-durations)",
	reflect.TypeFor[time.Duration](): "[duration](#sizes-and-durations)",
}

// typeWords says what stands in a field of a type.
func (r *Reference) typeWords(x reflect.Type, f *Field) string {
	if words := r.Words[x] + commonWords[x]; words != "" {
		return words
	}
	switch {
	case f.Enum != nil && x.Kind() != reflect.Slice:
		last := len(f.Enum) - 1
		return "`" + strings.Join(f.Enum[:last], "`, `") + "` or `" + f.Enum[last] + "`"
	case x.Kind() == reflect.Pointer:
		return r.typeWords(x.Elem(), f)
	case x.Kind() == reflect.Slice && strings.HasPrefix(x.Name(), "Entries["):
		return "mapping of names to " + r.typeWords(x.Elem().Field(1).Type, f)
	case x.Kind() == reflect.Slice:
		return "list of " + strings.Replace(r.typeWords(x.Elem(), f), "number", "numbers", 1)
	case x.Kind() == reflect.String:
		return "text"
	case x.Kind() == reflect.Int64:
		return "whole number"
	case x.Kind() == reflect.Float64:
		return "number"
	case x.Kind() == reflect.Bool:
		return "`true` or `false`"
	}
	panic("strictyaml: no words for " + x.String())
}

// limitWords says what the tags, the type and Limits say of the values of a field.
func (r *Reference) limitWords(section string, x reflect.Type, f *Field) string {
	words := f.bounds()
	if f.Length > 0 {
		words = append(words, "at most "+Grouped(f.Length)+" characters")
	}
	if f.Form != nil {
		words = append(words, "form: "+r.linkTo(f.Form))
	}
	if f.Keys != nil {
		words = append(words, "form of keys: "+r.linkTo(f.Keys))
	}
	if x.Kind() == reflect.Pointer {
		x = x.Elem()
	}
	switch x {
	case reflect.TypeFor[CPUs]():
		words = append(words, "0.001 to "+Grouped(MaxCPUs/1000))
	case reflect.TypeFor[Size]():
		words = append(words, fmt.Sprintf("at most %dTiB", MaxSize>>20))
	case reflect.TypeFor[time.Duration]():
		words = append(words, f.durationBounds())
	}
	if more := r.Limits[section+"."+f.Name]; more != "" {
		words = append(words, more)
	}
	return strings.Join(words, "; ")
}

func (f *Field) bounds() []string {
	switch {
	case f.Min != nil && f.Max != nil:
		return []string{Grouped(int(*f.Min)) + " to " + Grouped(int(*f.Max))}
	case f.Max != nil:
		return []string{"more than 0, at most " + Grouped(int(*f.Max))}
	}
	return nil
}

func (f *Field) durationBounds() string {
	longest := fmt.Sprintf("at most %d days", int(MaxDuration.Hours()/24))
	if f.Longest > 0 {
		longest = "at most " + Shortly(f.Longest)
	}
	if f.Shortest > 0 {
		return "at least " + Shortly(f.Shortest) + ", " + longest
	}
	return longest
}

func (r *Reference) linkTo(x *Form) string {
	for kind, form := range r.Language.Forms {
		if form == *x {
			return "[" + kind + "](#names)"
		}
	}
	panic("strictyaml: no such form")
}

// Names describes the forms of names.
func (r *Reference) Names() string {
	var b strings.Builder
	b.WriteString("| kind | what it has | as a regular expression |\n| --- | --- | --- |\n")
	for _, kind := range slices.Sorted(maps.Keys(r.Language.Forms)) {
		_, words, _ := strings.Cut(r.Language.Forms[kind].Words, " has ")
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", kind, words, r.Language.Forms[kind].Pattern)
	}
	return b.String()
}

// Grouped writes a number as people read it: 1,000,000.
func Grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
