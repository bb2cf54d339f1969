package mesos

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/gogo/protobuf/proto"
)

// prune takes the enum values that message's type does not know out of a JSON document, and gives them back by the
// paths of their fields.
func prune(document []byte, message any) (pruned []byte, names map[string]string, err error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, nil, err
	}
	names = map[string]string{}
	pruneMessage(tree, reflect.TypeOf(message), "", names)
	pruned, err = json.Marshal(tree)
	return pruned, names, err
}

// pruneMessage prunes the JSON object of one message of type t.
func pruneMessage(tree any, t reflect.Type, path string, names map[string]string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	object, ok := tree.(map[string]any)
	if !ok || t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		field := t.Field(i)
		name, enum := fieldNames(field.Tag.Get("protobuf"))
		value, ok := object[name]
		if name == "" || !ok {
			continue
		}
		if enum != "" {
			pruneEnum(object, name, proto.EnumValueMap(enum), path+name, names)
			continue
		}
		pruneValue(value, field.Type, path+name+".", names)
	}
}

// pruneValue prunes what is a message, or holds messages.
func pruneValue(value any, t reflect.Type, path string, names map[string]string) {
	switch t.Kind() {
	case reflect.Slice:
		list, _ := value.([]any)
		for _, element := range list {
			pruneMessage(element, t.Elem(), path, names)
		}
	case reflect.Map:
		object, _ := value.(map[string]any)
		for _, element := range object {
			pruneMessage(element, t.Elem(), path, names)
		}
	default:
		pruneMessage(value, t, path, names)
	}
}

// pruneEnum removes the field, or those of its elements, whose names are not known.
func pruneEnum(object map[string]any, field string, known map[string]int32, path string, names map[string]string) {
	unknown := func(value any) bool {
		name, ok := value.(string)
		if _, found := known[name]; !ok || found {
			return false
		}
		names[path] = name
		return true
	}
	list, ok := object[field].([]any)
	if !ok {
		if unknown(object[field]) {
			delete(object, field)
		}
		return
	}
	kept := make([]any, 0, len(list))
	for _, element := range list {
		if !unknown(element) {
			kept = append(kept, element)
		}
	}
	object[field] = kept
}

// fieldNames reads the names of a field and of its enum type from a tag such as
// "varint,10,opt,name=reason,enum=mesos.TaskStatus_Reason".
func fieldNames(tag string) (name, enum string) {
	for _, part := range strings.Split(tag, ",") {
		if v, ok := strings.CutPrefix(part, "name="); ok {
			name = v
		}
		if v, ok := strings.CutPrefix(part, "enum="); ok {
			enum = v
		}
	}
	return name, enum
}
