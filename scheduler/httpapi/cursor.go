package httpapi

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// The lists that have cursors; a cursor of one is none of another.
const (
	runList      = "r"
	taskList     = "t"
	attemptList  = "a"
	pipelineList = "p"
	versionList  = "v"
)

// cursor names a place in a list. Clients see no more of it than a word.
func cursor(list string, parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + "\x00" + strings.Join(parts, "\x00")))
}

// cursorParts reads the cursor of a request; nil if it has none.
func cursorParts(q query, list string, n int) ([]string, error) {
	given := q.text("cursor")
	if given == "" {
		return nil, nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(given)
	parts := strings.Split(string(plain), "\x00")
	if err != nil || parts[0] != list || len(parts) != n+1 {
		return nil, badCursor()
	}
	return parts[1:], nil
}

func badCursor() error {
	return badRequest("the cursor is not one of this list",
		SpecProblem{Field: "cursor", Message: "is not one of this list", Hint: "take the last page's next as it is, or leave it out"})
}

// count reads a number from 0 on, as itoa writes it.
func count(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || strconv.Itoa(n) != text {
		return 0, badCursor()
	}
	return n, nil
}

// Limits of a page.
const (
	pageLength = 50
	longest    = 1000
)

// pageParams are the parameters of all lists.
var pageParams = []param{
	{name: "limit", kind: number, least: 1, most: longest, summary: "How many at most; 50 unless given."},
	{name: "cursor", kind: text, summary: "The last page's next."},
}
