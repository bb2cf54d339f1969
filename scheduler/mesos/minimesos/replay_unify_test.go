package minimesos

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
)

// names binds what differs from run to run (ids, ports, folders) between a
// recording and the cluster that it is played against. The first meeting of
// two names binds them; from then on they must always meet each other.
type names struct {
	mu       sync.Mutex        // held by the methods with capital letters
	live     map[string]string // by recorded name
	recorded map[string]string // by live name
}

func newNames() *names { return &names{live: map[string]string{}, recorded: map[string]string{}} }

// Match compares a recorded value with a live one.
func (n *names) Match(recorded, live any) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.try(func() error { return n.unify("", recorded, live) })
}

// Of is the live name of a recorded one.
func (n *names) Of(recorded string) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	live, ok := n.live[recorded]
	return live, ok
}

// Knows tells whether a live name has been met.
func (n *names) Knows(live string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.recorded[live]
	return ok
}

// Substitute writes live names into what was recorded.
func (n *names) Substitute(text string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.substitute(text)
}

// SubstituteTree does the same for a JSON value.
func (n *names) SubstituteTree(tree any) any {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.substituteTree(tree)
}

func (n *names) bind(recorded, live string) error {
	if got, ok := n.live[recorded]; ok {
		if got != live {
			return fmt.Errorf("%s has been %s before, now it is %s", recorded, got, live)
		}
		return nil
	}
	if got, ok := n.recorded[live]; ok {
		return fmt.Errorf("%s is %s here, but has been %s before", live, recorded, got)
	}
	n.live[recorded], n.recorded[live] = live, recorded
	return nil
}

// try runs fn and forgets what it has bound if it fails.
func (n *names) try(fn func() error) error {
	live, recorded := maps.Clone(n.live), maps.Clone(n.recorded)
	err := fn()
	if err != nil {
		n.live, n.recorded = live, recorded
	}
	return err
}

// idPattern finds ids inside texts: UUIDs, with what Mesos puts behind them
// for frameworks, agents and offers, addresses with a port, and agents'
// folders (those of a live cluster are made to look like recorded ones first).
var idPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:-[SO]?[0-9]+)?|127\.0\.0\.1:[0-9]+`)

// ignoredKeys are values that a run cannot have in common with the recording,
// with the reason; that they are there is compared all the same.
var ignoredKeys = map[string]string{
	"timestamp": "time", "registered_time": "time", "reregistered_time": "time", "unregistered_time": "time",
	"unreachable_time": "time", "estimated_drain_start_time": "time", "mtime": "time", "start_time": "time",
	"elected_time": "time", "executor_pid": "process id",
	"master_hostname":     "depends on how the machine resolves names",
	"resource_statistics": "use of cpu and memory", "statistics": "use of cpu and memory",
	"size": "Mesos' own launcher writes to stderr as well", "nlink": "depends on the file system",
	"uid": "depends on who runs the test", "gid": "depends on who runs the test",
	"completed_frameworks": "the recorded cluster had run other recordings before",
	"completed_tasks":      "the recorded cluster had run other recordings before",
}

// absentKeys are recorded but not there in minimesos, with the reason.
var absentKeys = map[string]string{
	"build_date": "not built from Mesos", "build_time": "not built from Mesos", "build_user": "not built from Mesos",
	"git_sha": "not built from Mesos", "git_branch": "not built from Mesos", "git_tag": "not built from Mesos",
}

// addedKeys are there in minimesos and not recorded, with the reason.
var addedKeys = map[string]string{
	ownerLabel: "tells the containers of one cluster on a machine from those of others",
}

func (n *names) unify(path string, recorded, live any) error {
	switch recorded := recorded.(type) {
	case map[string]any:
		object, ok := live.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: want an object, got %v", path, live)
		}
		return n.unifyObjects(path, recorded, object)
	case []any:
		list, ok := live.([]any)
		if !ok || len(list) != len(recorded) {
			return fmt.Errorf("%s: want %d elements, got %s", path, len(recorded), short(live))
		}
		return n.unifyLists(path, recorded, list)
	case string:
		text, ok := live.(string)
		if !ok {
			return fmt.Errorf("%s: want %q, got %v", path, recorded, live)
		}
		return n.unifyTexts(path, recorded, text)
	default:
		if fmt.Sprint(recorded) != fmt.Sprint(live) {
			return fmt.Errorf("%s: want %v, got %v", path, recorded, live)
		}
		return nil
	}
}

func (n *names) unifyObjects(path string, recorded, live map[string]any) error {
	for key := range live {
		if _, ok := recorded[key]; !ok && addedKeys[key] == "" {
			return fmt.Errorf("%s.%s is not recorded, but there: %s", path, key, short(live[key]))
		}
	}
	for _, key := range sortedKeys(recorded) {
		value, there := live[key]
		if absentKeys[key] != "" && !there {
			continue
		}
		if !there {
			return fmt.Errorf("%s.%s is recorded, but not there: %s", path, key, short(recorded[key]))
		}
		if err := n.unifyField(path+"."+key, key, recorded[key], value); err != nil {
			return err
		}
	}
	return nil
}

func (n *names) unifyField(path, key string, recorded, live any) error {
	want, isText := recorded.(string)
	got, _ := live.(string)
	switch {
	case ignoredKeys[key] != "":
		return nil
	case isText && (key == "uuid" || key == "status_update_uuid"):
		return n.bind("uuid "+want, "uuid "+got)
	case isText && key == "data" && strings.HasPrefix(want, "WwogICAgewog"): // docker inspect's
		return n.unifyInspections(path, want, got)
	case key == "port":
		return n.bind("port "+fmt.Sprint(recorded), "port "+fmt.Sprint(live))
	}
	return n.unify(path, recorded, live)
}

// unifyLists compares without regard to order: Mesos keeps most of its lists
// in hash maps.
func (n *names) unifyLists(path string, recorded, live []any) error {
	if len(recorded) == 0 {
		return nil
	}
	var first error
	for i := range live {
		err := n.try(func() error {
			if err := n.unify(path+"[]", recorded[0], live[i]); err != nil {
				return err
			}
			rest := append(append([]any{}, live[:i]...), live[i+1:]...)
			return n.unifyLists(path, recorded[1:], rest)
		})
		if err == nil {
			return nil
		}
		if first == nil || len(err.Error()) > len(first.Error()) {
			first = err // the one that got furthest, more or less
		}
	}
	return first
}

func (n *names) unifyTexts(path, recorded, live string) error {
	recorded, live = likeRecordedPath(recorded), likeRecordedPath(live)
	want, got := idPattern.FindAllString(recorded, -1), idPattern.FindAllString(live, -1)
	if idPattern.ReplaceAllString(recorded, "·") != idPattern.ReplaceAllString(live, "·") || len(want) != len(got) {
		return fmt.Errorf("%s: want %q, got %q", path, recorded, live)
	}
	for i := range want {
		if err := n.bind(bindingName(want[i]), bindingName(got[i])); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// bindingName makes a port the same name wherever it stands.
func bindingName(id string) string {
	if port, ok := strings.CutPrefix(id, "127.0.0.1:"); ok {
		return "port " + port
	}
	return id
}

func (n *names) substitute(text string) string {
	return idPattern.ReplaceAllStringFunc(text, func(id string) string {
		live, ok := n.live[bindingName(id)]
		if !ok {
			return id
		}
		if port, isPort := strings.CutPrefix(live, "port "); isPort {
			return "127.0.0.1:" + port
		}
		return live
	})
}

func (n *names) substituteTree(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		for key, value := range tree {
			tree[key] = n.substituteTree(value)
		}
	case []any:
		for i, value := range tree {
			tree[i] = n.substituteTree(value)
		}
	case string:
		if live, ok := n.live["uuid "+tree]; ok {
			return strings.TrimPrefix(live, "uuid ")
		}
		return n.substitute(tree)
	}
	return tree
}

func jsonTree(data []byte) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	var tree any
	err := decoder.Decode(&tree)
	return plainNumbers(tree), err
}

// plainNumbers makes 2.0 and 2 the same.
func plainNumbers(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		for key, value := range tree {
			tree[key] = plainNumbers(value)
		}
	case []any:
		for i, value := range tree {
			tree[i] = plainNumbers(value)
		}
	case json.Number:
		return number(strings.TrimSuffix(tree.String(), ".0"))
	}
	return tree
}

// number is a JSON number as it was written.
type number string

// inspectedKeys is what is compared of docker inspect's output.
var inspectedKeys = map[string][]string{
	"":           {"Name", "Path", "Args"},
	"Config":     {"Image", "Cmd", "Entrypoint", "Env", "Labels", "User", "WorkingDir", "AttachStdout", "AttachStderr", "Tty"},
	"HostConfig": {"Binds", "NetworkMode", "CpuShares", "Memory", "Privileged", "RestartPolicy"},
}

// unifyInspections compares the output of docker inspect that comes with
// TASK_RUNNING. In most recordings it has been cut.
func (n *names) unifyInspections(path, recorded, live string) error {
	got, err := inspection(live)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if strings.Contains(recorded, "characters of base64, cut)") {
		return nil
	}
	want, err := inspection(recorded)
	if err != nil {
		return fmt.Errorf("%s, as recorded: %w", path, err)
	}
	for section, keys := range inspectedKeys {
		left, right := want, got
		if section != "" {
			left, _ = want[section].(map[string]any)
			right, _ = got[section].(map[string]any)
		}
		for _, key := range keys {
			if err := n.unify(path+"."+section+"."+key, withoutImageEnv(left[key]), withoutImageEnv(right[key])); err != nil {
				return err
			}
		}
	}
	return nil
}

// withoutImageEnv leaves out the variable that comes from the image, and makes
// no labels the same as none.
func withoutImageEnv(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := []any{}
	for _, element := range list {
		text, isText := element.(string)
		if isText && strings.HasPrefix(text, "PATH=") {
			continue
		}
		if isText {
			element = likeRecordedPath(text)
		}
		out = append(out, element)
	}
	return out
}

func inspection(data string) (map[string]any, error) {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, err
	}
	tree, err := jsonTree(raw)
	if err != nil {
		return nil, err
	}
	list, ok := tree.([]any)
	if !ok || len(list) != 1 {
		return nil, fmt.Errorf("not a list of one: %s", short(tree))
	}
	object, _ := list[0].(map[string]any)
	return object, nil
}

// recordedDirs and liveDirs find an agent's folder.
var (
	recordedDir = regexp.MustCompile(`(/var/lib/mesos|/tmp/mesos/run)/agent-([0-9])`)
	liveDir     = regexp.MustCompile(`/[^ :"]*/minimesos-replay[0-9]*/agent-([0-9])`)
)

// likeRecordedPath gives agents' folders one name.
func likeRecordedPath(text string) string {
	text = recordedDir.ReplaceAllString(text, "<agent>")
	return liveDir.ReplaceAllString(text, "<agent>")
}

func short(v any) string {
	text := fmt.Sprint(v)
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return text
}
