package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// TestCloudburstSpeaksREST: the cloudburst agent knows every field of the demand that the scheduler tells, and the scheduler
// every field of the agent's report, under the same names and in the same units.
func TestCloudburstSpeaksREST(t *testing.T) {
	same[httpapi.Demand, cloudburst.Demand](t)
	same[cloudburst.Demand, httpapi.Demand](t)
	same[cloudburst.Report, httpapi.CloudReport](t)
}

// same fills a value of one type, sends it, and expects that one of the other type holds all of it.
func same[From, To any](t *testing.T) {
	t.Helper()
	var from From
	var to To
	n := 0
	fill(reflect.ValueOf(&from).Elem(), &n)
	sent := toJSON(t, from)
	dec := json.NewDecoder(bytes.NewReader(sent))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&to); err != nil {
		t.Fatalf("%T as %T: %v in %s", from, to, err, sent)
	}
	var want, got any
	for text, into := range map[*any][]byte{&want: sent, &got: toJSON(t, to)} {
		if err := json.Unmarshal(into, text); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%T as %T (-sent +understood):\n%s", from, to, diff)
	}
}

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// fill gives everything in a value a value of its own.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "b"}))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(*n), 0).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.String:
		v.SetString(string(rune('a' + *n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	default:
		v.SetInt(int64(*n) << 20)
	}
}
