package spec

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// prose is text for people, the only text where braces mean nothing.
type prose string

// forms are the forms that the tags form and keys name.
var forms = map[string]strictyaml.Form{
	"name": {Pattern: regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`),
		Words: "a name has 1 to 63 lower-case letters, digits and '-', and begins and ends with a letter or digit"},
	"variable": {Pattern: regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`),
		Words: "a name has 1 to 63 letters, digits and '_', and does not begin with a digit"},
	"env": {Pattern: regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,254}$`),
		Words: "a variable's name has letters, digits and '_', and does not begin with a digit"},
	"label": {Pattern: regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$`),
		Words: "a label's name has 1 to 63 letters, digits and any of . _ / -, and begins and ends with a letter or digit"},
	"attribute": {Pattern: regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._/-]{0,254})$`),
		Words: "an attribute's name has letters, digits and any of . _ / -"},
	"cloud": {Pattern: regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`),
		Words: "a cloud's name has 1 to 63 letters, digits and any of . _ -, and begins and ends with a letter or digit"},
}

// language is the pipeline language, made of the structs of document.go.
var language = strictyaml.Language{
	Forms: forms,
	Homes: []strictyaml.Home{
		{Words: "the pipeline", Type: reflect.TypeFor[document]()},
		{Words: "burst", Type: reflect.TypeFor[burst]()},
		{Words: "a step or of defaults", Type: reflect.TypeFor[shared]()},
		{Words: "a step", Type: reflect.TypeFor[step]()},
		{Words: "a step's resources", Type: reflect.TypeFor[resources]()},
		{Words: "a step's retries", Type: reflect.TypeFor[retries]()},
	},
	// The other systems are Compose, Kubernetes, Argo, Chronos and Slurm.
	Elsewhere: map[string]string{
		"command": "run", "cmd": "run", "script": "run", "args": "run", "entrypoint": "run",
		"depends_on": "needs", "dependencies": "needs", "parents": "needs", "container": "image", "docker": "image",
		"environment": "env", "memory": "mem", "gpu": "gpus", "constraints": "where", "mounts": "volumes",
		"parallelism": "max_parallel", "concurrency": "max_parallel", "retry": "retries", "parameters": "params",
		"jobs": "steps", "tasks": "steps", "container_path": "at", "host_path": "host", "path": "at",
	},
	InFull: inFull,
	Refuse: refuse,
}

func init() {
	language.Describe(document{}, param{}, burst{}, shared{}, step{}, resources{}, retries{}, volume{}, constraint{}, numbers{})
}

// inFull says how what other systems write in short is written here, where a section stands for it.
func inFull(section reflect.Type, n *yaml.Node) string {
	switch section {
	case reflect.TypeFor[retries]():
		if n.ShortTag() == "!!int" {
			return fmt.Sprintf("write {limit: %s}", strictyaml.Quotable(n.Value))
		}
	case reflect.TypeFor[burst]():
		if n.ShortTag() == "!!bool" {
			return fmt.Sprintf("write {allow: %s}", strictyaml.Quotable(n.Value))
		}
	case reflect.TypeFor[volume]():
		if m := hostAt.FindStringSubmatch(n.Value); m != nil {
			return fmt.Sprintf("write {host: %s, at: %s%s}", m[1], m[2], strings.Replace(m[3], ":", ", mode: ", 1))
		}
		return "write {host: /path/on/the/agent, at: /path/in/the/container}"
	case reflect.TypeFor[param]():
		if kind := paramTypes[n.ShortTag()]; kind != "" {
			return fmt.Sprintf("write {type: %s, default: %s}", kind, strictyaml.Quotable(n.Value))
		}
	}
	return ""
}

// hostAt is how Docker writes a volume, where its paths need no quotes in YAML.
var hostAt = regexp.MustCompile(`^(/[\w./-]*):(/[\w./-]*)(:r[ow])?$`)

// paramTypes are the types of parameters whose defaults are of a YAML type, other than text, which might need quotes.
var paramTypes = map[string]string{"!!int": "int", "!!float": "float", "!!bool": "bool"}

// templateHomes is the hint for a template that stands elsewhere.
const templateHomes = "templates can stand in run, env, image, array, matrix and volumes"

// refuse notes templates without quotes, and those in texts and quantities that are fixed before parameters are known.
func refuse(d *strictyaml.Decoder, path string, n *yaml.Node, t reflect.Type) bool {
	switch {
	case isBareTemplate(n):
		d.Add(path, `write "{{ … }}"`, "a template must stand in quotes")
	case t != nil && n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "{{") && isFixed(t):
		d.Add(path, templateHomes, "a template cannot stand here")
	default:
		return false
	}
	return true
}

// isBareTemplate tells whether a template stands without quotes: YAML takes its braces for a mapping in a mapping.
func isBareTemplate(n *yaml.Node) bool {
	isBrace := func(n *yaml.Node) bool {
		return n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2
	}
	return isBrace(n) && isBrace(n.Content[0])
}

// isFixed tells whether values of a type must be the same for all parameters.
func isFixed(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[prose](), reflect.TypeFor[strictyaml.Plain]():
		return false
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[strictyaml.Size](), reflect.TypeFor[strictyaml.CPUs]():
		return true
	}
	return t.Kind() == reflect.String
}
