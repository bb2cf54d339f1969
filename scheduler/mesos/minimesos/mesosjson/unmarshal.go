package mesosjson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// SyntaxError says that a body is not JSON; its text is what Mesos' parser
// (picojson, 3rdparty/stout/include/stout/json.hpp) says about the same body.
type SyntaxError struct {
	Line int
	Near string // the rest of the line at which reading stopped
	Rest string // what follows a value, where nothing but space may
}

func (e *SyntaxError) Error() string {
	if e.Rest != "" {
		return "Parsed JSON included non-whitespace trailing characters: " + e.Rest
	}
	return fmt.Sprintf("syntax error at line %d near: %s", e.Line, e.Near)
}

// misfit says, in Mesos' own words, how JSON does not fit a message.
type misfit string

func (m misfit) Error() string { return string(m) }

func misfitf(format string, args ...any) error { return misfit(fmt.Sprintf(format, args...)) }

// Unmarshal reads JSON into a message (a pointer to a generated struct).
// It returns a *SyntaxError when data is not JSON, and another error when the
// JSON does not fit the message or lacks required fields.
func Unmarshal(data []byte, message any) error {
	tree, err := parse(data)
	if err != nil {
		return err
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return misfit("Expecting a JSON object")
	}
	r := reader{}
	if err := r.message(reflect.ValueOf(message).Elem(), object, ""); err != nil {
		return err
	}
	if len(r.missing) > 0 {
		return misfit("Missing required fields: " + strings.Join(r.missing, ", "))
	}
	return nil
}

func parse(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, syntaxError(data, err)
	}
	if rest := data[decoder.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		return nil, &SyntaxError{Rest: string(bytes.TrimRight(rest, " \t\r\n"))}
	}
	return tree, nil
}

func syntaxError(data []byte, err error) error {
	at := len(data)
	var bad *json.SyntaxError
	if errors.As(err, &bad) && bad.Offset > 0 && err.Error() != "unexpected end of JSON input" {
		at = int(bad.Offset) - 1
	}
	return newSyntaxError(data, at)
}

func newSyntaxError(data []byte, at int) error {
	at = min(at, len(data))
	near, _, _ := bytes.Cut(data[at:], []byte{'\n'})
	return &SyntaxError{Line: 1 + bytes.Count(data[:at], []byte{'\n'}), Near: string(near)}
}

// reader fills messages and remembers which required fields it did not see.
type reader struct{ missing []string }

func (r *reader) message(v reflect.Value, object map[string]any, path string) error {
	p := planOf(v.Type())
	for key, value := range object {
		f := p.byName[key]
		if f == nil || value == nil {
			continue
		}
		if err := r.value(v.Field(f.index), f, value, path+key); err != nil {
			return err
		}
	}
	for i := range p.fields {
		f := &p.fields[i]
		if f.required && object[f.name] == nil {
			r.missing = append(r.missing, path+f.name)
		}
	}
	return nil
}

func (r *reader) value(v reflect.Value, f *field, value any, path string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if f.enum != nil && f.unknownName(value) {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return r.value(v.Elem(), f, value, path)
	case reflect.Struct:
		object, ok := value.(map[string]any)
		if !ok {
			return mismatch(value, path)
		}
		return r.message(v, object, path+".")
	case reflect.Slice:
		return r.slice(v, f, value, path)
	case reflect.Map:
		return r.mapping(v, f, value, path)
	default:
		return scalar(v, f, value, path)
	}
}

func (f *field) unknownName(value any) bool {
	name, ok := value.(string)
	if !ok {
		return false
	}
	_, known := f.enum.values[name]
	return !known
}

func (r *reader) slice(v reflect.Value, f *field, value any, path string) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return readBytes(v, value, path)
	}
	list, ok := value.([]any)
	if !ok {
		return mismatch(value, path)
	}
	out := reflect.MakeSlice(v.Type(), len(list), len(list))
	for i, element := range list {
		if err := r.value(out.Index(i), f, element, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func readBytes(v reflect.Value, value any, path string) error {
	text, ok := value.(string)
	if !ok {
		return mismatch(value, path)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return misfitf("Failed to base64 decode bytes field '%s': %v", path, err)
	}
	v.SetBytes(data)
	return nil
}

func (r *reader) mapping(v reflect.Value, f *field, value any, path string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return mismatch(value, path)
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(object)))
	for key, element := range object {
		entry := reflect.New(v.Type().Elem()).Elem()
		if err := r.value(entry, f, element, path+"."+key); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key), entry)
	}
	return nil
}

func scalar(v reflect.Value, f *field, value any, path string) error {
	switch value := value.(type) {
	case string:
		return scalarFromString(v, f, value, path)
	case bool:
		if v.Kind() == reflect.Bool {
			v.SetBool(value)
			return nil
		}
	case json.Number:
		return scalarFromNumber(v, value, path)
	}
	return mismatch(value, path)
}

func scalarFromString(v reflect.Value, f *field, value, path string) error {
	switch {
	case f.enum != nil:
		number, known := f.enum.values[value]
		if !known && f.required {
			return misfitf("Failed to find enum for '%s'", value)
		}
		v.SetInt(int64(number))
		return nil
	case v.Kind() == reflect.String:
		v.SetString(value)
		return nil
	}
	return mismatch(value, path)
}

func scalarFromNumber(v reflect.Value, number json.Number, path string) error {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		x, err := number.Float64()
		if err != nil {
			return misfitf("Number '%s' of field '%s' is out of range", number, path)
		}
		v.SetFloat(x)
	case reflect.Int32, reflect.Int64:
		n, ok := whole(number)
		if !ok || v.OverflowInt(n) {
			return misfitf("Number '%s' of field '%s' is out of range", number, path)
		}
		v.SetInt(n)
	case reflect.Uint32, reflect.Uint64:
		n, ok := whole(number)
		if !ok || n < 0 || v.OverflowUint(uint64(n)) {
			return misfitf("Number '%s' of field '%s' is out of range", number, path)
		}
		v.SetUint(uint64(n))
	default:
		return mismatch(number, path)
	}
	return nil
}

// whole reads an integer, also one written as 5.0 or 5e0.
func whole(number json.Number) (int64, bool) {
	if n, err := number.Int64(); err == nil {
		return n, true
	}
	x, err := number.Float64()
	if err != nil || math.Abs(x) >= 1<<62 {
		return 0, false
	}
	return int64(x), true
}

func mismatch(value any, path string) error {
	kind := "object"
	switch value.(type) {
	case string:
		kind = "string"
	case json.Number:
		kind = "number"
	case bool:
		kind = "boolean"
	case []any:
		kind = "array"
	}
	return misfitf("Not expecting a JSON %s for field '%s'", kind, path)
}
