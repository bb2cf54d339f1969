package storetest

import (
	"fmt"
	"reflect"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// newRun returns an active run with the sequence.
func newRun(sequence int64) state.RunRecord {
	return state.RunRecord{
		ID:        runID(sequence),
		Sequence:  sequence,
		Name:      "noise",
		Project:   "lpf",
		Owner:     "noise-group@dpc.example",
		Spec:      fmt.Sprintf("name: noise # %d", sequence),
		Params:    map[string]string{"segments": "64"},
		Submitted: at(sequence),
		Phase:     state.RunActive,
	}
}

// runID gives ids that do not sort as the sequences do.
func runID(sequence int64) state.RunID {
	return state.RunID(fmt.Sprintf("%02d-%d", 99-sequence%100, sequence))
}

// newAttempt returns an attempt that has just been launched.
func newAttempt(run state.RunID, step string, index, number int) state.AttemptRecord {
	return state.AttemptRecord{
		ID:       state.AttemptID{Run: run, Step: step, Index: index, Number: number},
		Agent:    "a3f1c0de-S12",
		Hostname: "node12.dpc.example",
		State:    state.TaskStaging,
		ExitCode: -1,
		Launched: at(int64(index)),
	}
}

// at returns a time n seconds and some nanoseconds after a fixed one.
func at(n int64) time.Time {
	return time.Date(2026, 12, 1, 2, 0, 0, 123456789, time.UTC).Add(time.Duration(n) * time.Second)
}

// filled returns a record each of whose fields has a value that no other field has, so that one that is not kept,
// or two that change places, are seen. Fields that are added to the record later are filled as well.
func filled[R any]() R {
	var r R
	n := int64(0)
	fill(reflect.ValueOf(&r).Elem(), &n)
	return r
}

func fill(v reflect.Value, n *int64) {
	*n++
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(at(*n)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	default:
		panic(fmt.Sprintf("no value for a %s: add one here", v.Type()))
	}
}
