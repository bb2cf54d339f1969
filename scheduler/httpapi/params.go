package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/invopop/jsonschema"
)

// paramError says what is wrong with the parameters in a body, or with one of them.
type paramError struct{ name, message string }

func (e *paramError) Error() string { return e.message }

// UnmarshalJSON takes numbers, true and false as well as texts: a parameter that is a number is one in JSON too.
func (p *Params) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // keeps the digits as they were written
	var values map[string]any
	err := dec.Decode(&values)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return &paramError{message: "should be an object, not " + quoteKind(kind.Value)}
	}
	if err != nil {
		return err
	}
	*p = Params{}
	for name, value := range values {
		switch v := value.(type) {
		case string:
			(*p)[name] = v
		case json.Number:
			(*p)[name] = v.String()
		case bool:
			(*p)[name] = strconv.FormatBool(v)
		default:
			return &paramError{name, "should be a text, a number, or true or false"}
		}
	}
	return nil
}

// JSONSchemaExtend says what UnmarshalJSON takes.
func (Params) JSONSchemaExtend(s *jsonschema.Schema) {
	s.AdditionalProperties = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}

// bad tells of the error in a body. A decoder does not say where a value stands that it has handed on.
func (e *paramError) bad(body []byte) error {
	field, at := "params", max(bytes.Index(body, []byte(`"params"`)), 0)
	if e.name != "" {
		field += "." + e.name
		name, err := json.Marshal(e.name)
		if err != nil {
			panic("httpapi: writing a text: " + err.Error())
		}
		at += max(bytes.Index(body[at:], name), 0)
	}
	return badBody(body, int64(at), field, e.message)
}
