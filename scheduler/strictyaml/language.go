package strictyaml

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Language is what a kind of file can say: structs whose fields have tags.
//
//	yaml        the field's name
//	jsonschema  its bounds: required, enum=…, minimum=…, maximum=…, exclusiveMinimum=0, maxLength=…; - keeps it out of the schema
//	form        the Form of a text, or of each text in a list
//	keys        the Form of a mapping's keys
//	min, max    the bounds of a time.Duration
//	default     the value, in YAML, of a field that is not given
//
// Fields are texts, whole numbers (int64), decimal numbers (float64), bools, times (time.Duration), Sizes, CPUs, structs of
// the language, lists and pointers to such, and whatever is a Reader.
type Language struct {
	// Forms are the forms of texts, by the names that tags use.
	Forms map[string]Form
	// Homes are the structs that a field may belong to that stands where it is not known, in the order of their likeliness.
	Homes []Home
	// Elsewhere are the words of other systems for fields of this language.
	Elsewhere map[string]string
	// InFull, if it is not nil, is asked for a hint when something else stands where a mapping should.
	InFull func(section reflect.Type, n *yaml.Node) string
	// Refuse, if it is not nil, sees each node before it is read as a type (nil if that is not known). If it is one that can
	// never stand there, Refuse notes it and returns true.
	Refuse func(d *Decoder, path string, n *yaml.Node, t reflect.Type) bool

	sections map[reflect.Type][]Field
}

// Form is the form of a kind of name.
type Form struct {
	Pattern *regexp.Regexp
	Words   string
}

// Home is a struct of the language, in words such as "a step".
type Home struct {
	Words string
	Type  reflect.Type
}

// Field is what the tags of a struct say of one of its fields.
type Field struct {
	Name     string
	Index    []int // see reflect.Value.FieldByIndex; with more than one number it is that of an embedded struct
	NotYet   bool
	Required bool
	Min, Max *float64
	Above    bool          // more than 0
	Longest  time.Duration // 0: any
	Shortest time.Duration
	Length   int // characters; 0: any
	Enum     []string
	Form     *Form // of the text, or of each text in the list
	Keys     *Form // of the mapping's keys
	Default  string
}

// Describe adds structs to the language, given as values. It panics if their tags make no sense.
func (l *Language) Describe(structs ...any) {
	if l.sections == nil {
		l.sections = map[reflect.Type][]Field{}
	}
	for _, v := range structs {
		t := reflect.TypeOf(v)
		l.sections[t] = l.fieldsOf(t)
	}
}

// Sections are the structs of the language with their fields, those of embedded structs included.
func (l *Language) Sections() map[reflect.Type][]Field { return l.sections }

// fieldsOf reads the tags of a struct and of those embedded in it.
func (l *Language) fieldsOf(t reflect.Type) []Field {
	var fields []Field
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		x := Field{
			Name: f.Tag.Get("yaml"), Index: f.Index, NotYet: f.Type == reflect.TypeFor[NotYet](), Default: f.Tag.Get("default"),
			Form: l.form(f.Tag.Get("form")), Keys: l.form(f.Tag.Get("keys")),
			Shortest: duration(f.Tag.Get("min")), Longest: duration(f.Tag.Get("max")),
		}
		for rule := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
			x.addRule(rule)
		}
		fields = append(fields, x)
	}
	return fields
}

func (l *Language) form(name string) *Form {
	if name == "" {
		return nil
	}
	f, known := l.Forms[name]
	if !known {
		panic("strictyaml: there is no form " + name)
	}
	return &f
}

func duration(tag string) time.Duration {
	if tag == "" {
		return 0
	}
	d, err := time.ParseDuration(tag)
	if err != nil {
		panic("strictyaml: tag min or max: " + err.Error())
	}
	return d
}

func (f *Field) addRule(rule string) {
	key, value, _ := strings.Cut(rule, "=")
	switch key {
	case "", "-":
	case "required":
		f.Required = true
	case "enum":
		f.Enum = append(f.Enum, value)
	default:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			panic("strictyaml: tag jsonschema: " + rule)
		}
		switch {
		case key == "minimum":
			f.Min = &n
		case key == "maximum":
			f.Max = &n
		case key == "exclusiveMinimum" && n == 0:
			f.Above = true
		case key == "maxLength":
			f.Length = int(n)
		default:
			panic("strictyaml: tag jsonschema: " + rule)
		}
	}
}
