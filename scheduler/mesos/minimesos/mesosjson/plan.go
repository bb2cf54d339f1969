package mesosjson

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/gogo/protobuf/proto"
)

// field says how one field of a message looks in Go and in JSON.
type field struct {
	index    int
	name     string // the proto field name, which is Mesos' JSON key
	required bool
	written  bool  // a list that is written even when it is empty
	enum     *enum // nil for anything but an enum
}

// plan is what has been read from the struct tags of one message type.
type plan struct {
	fields []field // in the order of the .proto file, which is also Mesos' order
	byName map[string]*field
}

// enum holds both directions of one enum's names.
type enum struct {
	names  map[int32]string
	values map[string]int32
}

// laterNames are enum values that Mesos 1.12 knows and that the generated
// code does not (include/mesos/v1/mesos.proto of apache/mesos).
var laterNames = map[string]map[int32]string{
	"mesos.MasterInfo_Capability_Type": {3: "QUOTA_V2"},
}

// writtenEmpty are the lists that Mesos writes although they are empty: those
// of answers that src/master/readonly_handler.cpp and src/slave/http.cpp
// write field by field.
var writtenEmpty = map[string][]string{
	"master.Response_GetAgents":     {"agents", "recovered_agents"},
	"master.Response_GetFrameworks": {"frameworks", "completed_frameworks"},
	"master.Response_GetTasks":      {"tasks", "unreachable_tasks", "completed_tasks"},
	"master.Response_GetExecutors":  {"executors"},
	"agent.Response_GetTasks":       {"pending_tasks", "queued_tasks", "launched_tasks", "terminated_tasks", "completed_tasks"},
	"agent.Response_GetContainers":  {"containers"},
}

var plans sync.Map // reflect.Type -> *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans.LoadOrStore(t, newPlan(t))
	return p.(*plan)
}

func newPlan(t reflect.Type) *plan {
	p := &plan{byName: map[string]*field{}}
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("protobuf"); tag != "" {
			f := fieldOf(i, tag)
			f.written = slices.Contains(writtenEmpty[t.String()], f.name)
			p.fields = append(p.fields, f)
		}
	}
	for i := range p.fields {
		p.byName[p.fields[i].name] = &p.fields[i]
	}
	return p
}

// fieldOf reads a tag such as "varint,2,req,name=state,enum=mesos.TaskState".
func fieldOf(index int, tag string) field {
	f := field{index: index}
	for _, part := range strings.Split(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "req":
			f.required = true
		case "name":
			f.name = value
		case "enum":
			f.enum = enumOf(value)
		}
	}
	return f
}

func enumOf(name string) *enum {
	e := &enum{names: map[int32]string{}, values: map[string]int32{}}
	for text, number := range proto.EnumValueMap(name) {
		e.names[number], e.values[text] = text, number
	}
	for number, text := range laterNames[name] {
		e.names[number], e.values[text] = text, number
	}
	return e
}
