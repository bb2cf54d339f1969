package mesosjson

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"sort"
	"strconv"
)

// Marshal writes a message (a pointer to a generated struct) as Mesos would.
func Marshal(message any) []byte {
	return Append(nil, message)
}

// Append writes a message behind what buf already holds.
func Append(buf []byte, message any) []byte {
	return appendMessage(buf, reflect.ValueOf(message).Elem())
}

func appendMessage(buf []byte, v reflect.Value) []byte {
	buf = append(buf, '{')
	first := true
	p := planOf(v.Type())
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.index)
		if isUnset(f, fv) {
			continue
		}
		if !first {
			buf = append(buf, ',')
		}
		first = false
		buf = append(buf, '"')
		buf = append(buf, f.name...)
		buf = append(buf, '"', ':')
		buf = appendValue(buf, f, fv)
	}
	return append(buf, '}')
}

// isUnset tells whether Mesos would leave the field out. A required field is
// always there; an optional one that Go keeps by value counts as unset when
// it is zero, as nothing else can tell.
func isUnset(f *field, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil()
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.IsNil()
		}
		return v.Len() == 0 && !f.written
	case reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return !f.required && v.IsZero()
	}
}

func appendValue(buf []byte, f *field, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		return appendValue(buf, f, v.Elem())
	case reflect.Struct:
		return appendMessage(buf, v)
	case reflect.Slice:
		return appendSlice(buf, f, v)
	case reflect.Map:
		return appendMap(buf, f, v)
	case reflect.String:
		return appendString(buf, v.String())
	case reflect.Bool:
		return strconv.AppendBool(buf, v.Bool())
	case reflect.Float32, reflect.Float64:
		return appendFloat(buf, v.Float())
	case reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(buf, v.Uint(), 10)
	case reflect.Int32, reflect.Int64:
		if f.enum != nil {
			return appendEnum(buf, f.enum, int32(v.Int()))
		}
		return strconv.AppendInt(buf, v.Int(), 10)
	default:
		panic("mesosjson: no JSON form for " + v.Type().String())
	}
}

func appendSlice(buf []byte, f *field, v reflect.Value) []byte {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		buf = append(buf, '"')
		buf = base64.StdEncoding.AppendEncode(buf, v.Bytes())
		return append(buf, '"')
	}
	buf = append(buf, '[')
	for i := range v.Len() {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendValue(buf, f, v.Index(i))
	}
	return append(buf, ']')
}

func appendMap(buf []byte, f *field, v reflect.Value) []byte {
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	buf = append(buf, '{')
	for i, key := range keys {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendString(buf, key.String())
		buf = append(buf, ':')
		buf = appendValue(buf, f, v.MapIndex(key))
	}
	return append(buf, '}')
}

// appendFloat keeps ".0" on whole numbers, as Mesos does, so that readers
// which tell integers from doubles see a double.
func appendFloat(buf []byte, x float64) []byte {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return append(strconv.AppendFloat(buf, x, 'f', 0, 64), ".0"...)
	}
	return strconv.AppendFloat(buf, x, 'f', -1, 64)
}

func appendEnum(buf []byte, e *enum, number int32) []byte {
	name, ok := e.names[number]
	if !ok {
		return strconv.AppendInt(buf, int64(number), 10)
	}
	buf = append(buf, '"')
	buf = append(buf, name...)
	return append(buf, '"')
}

func appendString(buf []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return appendQuoted(buf, s)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, s...)
	return append(buf, '"')
}

func appendQuoted(buf []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic("mesosjson: a string has no JSON form: " + err.Error())
	}
	return append(buf, quoted...)
}
