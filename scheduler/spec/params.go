package spec

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// params turns the parameters of the document into Params, and checks that their bounds and defaults fit their types.
func (d *decoder) params(given strictyaml.Entries[param]) []Param {
	if len(given) > MaxParams {
		d.Add("params", "", "%d parameters are more than %d", len(given), MaxParams)
	}
	params := make([]Param, 0, len(given))
	for _, e := range given {
		path := strictyaml.Join("params", e.Name)
		p := Param{Name: e.Name, Type: ParamType(e.Value.Type), Required: e.Value.Default == nil}
		params = append(params, p)
		if p.Type == "" || d.Faulty(strictyaml.Join(path, "type")) {
			continue
		}
		bare := p
		p.Min = d.bound(strictyaml.Join(path, "min"), e.Value.Min, bare)
		p.Max = d.bound(strictyaml.Join(path, "max"), e.Value.Max, bare)
		if p.Min != "" && p.Max != "" && p.above(p.Min, p.Max) {
			d.Add(strictyaml.Join(path, "min"), "", "%s is more than max, which is %s", p.Min, p.Max)
		} else if e.Value.Default != nil {
			p.Default = string(*e.Value.Default)
			p.check(&d.Report, strictyaml.Join(path, "default"), p.Default)
		}
		params[len(params)-1] = p
	}
	return params
}

// bound reads the min or max of a parameter; bare is the parameter without them.
func (d *decoder) bound(path string, given *strictyaml.Plain, bare Param) string {
	if given == nil {
		return ""
	}
	if bare.Type != Int && bare.Type != Float {
		d.Add(path, "", "only an int or a float has bounds, not a %s", bare.Type)
		return ""
	}
	if !bare.check(&d.Report, path, string(*given)) {
		return ""
	}
	return string(*given)
}

// check notes what is wrong with a value for the parameter.
func (p *Param) check(r *strictyaml.Report, path, value string) bool {
	wrong := p.wrong(value)
	if wrong != "" {
		r.Add(path, "", "%s", wrong)
	}
	return wrong == ""
}

func (p *Param) wrong(value string) string {
	if len(value) > MaxParamBytes {
		return "has more than " + strconv.Itoa(MaxParamBytes) + " bytes"
	}
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return "is not text in UTF-8 without NUL"
	}
	quoted := strconv.Quote(strictyaml.Quotable(value))
	switch p.Type {
	case Int:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return quoted + " is no whole decimal number of 64 bits"
		}
	case Float:
		if !finite(value) {
			return quoted + " is no finite decimal number"
		}
	case Bool:
		if value != "true" && value != "false" {
			return quoted + " is neither true nor false"
		}
	}
	switch {
	case p.Min != "" && p.above(p.Min, value):
		return value + " is less than min, which is " + p.Min
	case p.Max != "" && p.above(value, p.Max):
		return value + " is more than max, which is " + p.Max
	}
	return ""
}

func finite(s string) bool {
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) && !strings.ContainsAny(s, "xX_")
}

// above tells whether a is more than b; both have been found to fit the type, an int or float.
func (p *Param) above(a, b string) bool {
	if p.Type == Int {
		x, _ := strconv.ParseInt(a, 10, 64)
		y, _ := strconv.ParseInt(b, 10, 64)
		return x > y
	}
	x, _ := strconv.ParseFloat(a, 64)
	y, _ := strconv.ParseFloat(b, 64)
	return x > y
}

// values gives each parameter its value: the one given, or the default.
func (s *Spec) values(given map[string]string, r *strictyaml.Report) map[string]string {
	names := make([]string, 0, len(s.Params))
	values := make(map[string]string, len(s.Params))
	for _, p := range s.Params {
		names = append(names, p.Name)
		path := strictyaml.Join("params", p.Name)
		value, found := given[p.Name]
		switch {
		case found:
			p.check(r, path, value)
			values[p.Name] = value
		case p.Required:
			r.Add(path, "it has no default: give it a value, with the command by -p "+p.Name+"=VALUE", "has no value")
		default:
			values[p.Name] = p.Default
		}
	}
	unknown := make([]string, 0)
	for name := range given {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		hint := r.DidYouMean(name, names)
		switch {
		case len(names) == 0:
			hint = "the pipeline has no parameters"
		case hint == "":
			hint = "there are: " + strictyaml.Quotable(strings.Join(names, ", "))
		}
		r.AddAt(strictyaml.Place{}, strictyaml.Join("params", name), hint, "unknown parameter")
	}
	return values
}
