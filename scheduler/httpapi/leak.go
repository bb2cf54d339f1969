package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

// refuseTokens refuses a spec, parameters or an idempotency key with a scheduler's token in it: all that is submitted is
// kept, and shown to everybody who may look at the project.
func refuseTokens(file, text string, params map[string]string, key string) error {
	var found []SpecProblem
	line := 0
	for content := range strings.Lines(text) {
		if line++; access.Holds(content) {
			found = append(found, SpecProblem{File: file, Line: line, Message: "this line holds a token"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if access.Holds(name) || access.Holds(params[name]) {
			found = append(found, SpecProblem{Field: "params." + access.Redact(name), Message: "its value is a token"})
		}
	}
	if access.Holds(key) {
		found = append(found, SpecProblem{Field: "key", Message: "it is a token"})
	}
	if found == nil {
		return nil
	}
	p := newProblem(http.StatusUnprocessableEntity, fmt.Sprintf("there is a token (%s…) in what was submitted, which all who may look at the project would see", access.Prefix))
	for i := range found {
		found[i].Hint = "have it revoked, and give it to tasks by a file on the agents, as a volume"
	}
	p.Errors = found
	return p
}
