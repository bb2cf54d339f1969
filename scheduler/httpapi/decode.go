package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// yamlTypes are the media types under which YAML is sent; the first is the registered one.
var yamlTypes = []string{"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"}

// isYAML reports whether a request says that its body is YAML.
func isYAML(req *request) bool {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return err == nil && slices.Contains(yamlTypes, kind)
}

// readJSON decodes the body of a request, strictly: a misspelt field must not be taken for one that was left out.
func readJSON(req *request, into any) error {
	if kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, "say what the body is: Content-Type: application/json, or application/yaml where a spec is sent")
	}
	body, err := readBody(req)
	if err != nil {
		return err
	}
	return decodeJSON(body, into)
}

// readBody reads a body to its end. What the client's side breaks off is the client's fault.
func readBody(req *request) ([]byte, error) {
	body, err := io.ReadAll(req.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, newProblem(http.StatusRequestTimeout, "the body was sent too slowly")
	case err != nil:
		return nil, badRequest("the body ended early")
	}
	return body, nil
}

func decodeJSON(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		end := dec.InputOffset()
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return badBody(body, end, "", "there is more after the end of the JSON value")
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var param *paramError
	switch {
	case errors.As(err, &param):
		return param.bad(body)
	case errors.As(err, &syntax):
		return badBody(body, syntax.Offset-1, "", strings.TrimPrefix(syntax.Error(), "json: "))
	case errors.As(err, &kind):
		return badBody(body, kind.Offset-1, kind.Field, fmt.Sprintf("should be %s, not %s", article(kind.Type), quoteKind(kind.Value)))
	case errors.Is(err, io.EOF):
		return badRequest("the body is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return badBody(body, int64(len(body)), "", "the JSON value is not complete")
	}
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		at := max(bytes.Index(body, []byte(name)), 0)
		return badBody(body, int64(at), strings.Trim(name, `"`), "there is no such field", "known here: "+strings.Join(fieldNames(into), ", "))
	}
	return badRequest("the body is not as it should be")
}

// badBody tells what is wrong at an offset of a body in JSON.
func badBody(body []byte, offset int64, field, message string, hint ...string) error {
	before := body[:min(max(offset, 0), int64(len(body)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	p := SpecProblem{Line: line, Column: column, Field: field, Message: message, Hint: strings.Join(hint, "")}
	detail := fmt.Sprintf("the body is not as it should be: line %d, column %d: ", line, column)
	if field != "" {
		detail += field + ": "
	}
	return badRequest(detail+message, p)
}

// article names what JSON a Go type is written as.
func article(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	}
	return "a number"
}

func quoteKind(value string) string {
	switch word, _, _ := strings.Cut(value, " "); word {
	case "string":
		return "a text"
	case "object":
		return "an object"
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	}
	return "a number"
}

// fieldNames are those of the JSON form of a pointer to a struct.
func fieldNames(into any) []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(into).Elem()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
