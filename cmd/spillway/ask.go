package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// asking is what the verbs that ask a scheduler have in common.
type asking struct {
	connection
	client *client // made when the command runs
	format string
}

// flags adds what says where to ask, and how to print the answer if it can be printed in several forms.
func (a *asking) flags(cmd *cobra.Command, forms ...string) {
	a.connection.flags(cmd.Flags())
	if len(forms) > 0 {
		formatFlag(cmd, &a.format, forms...)
	}
	firstly(cmd, func() error {
		a.warnings = cmd.ErrOrStderr()
		return a.connect()
	})
}

func (a *asking) connect() (err error) {
	a.client, err = a.newClient()
	return err
}

// firstly does something before a command runs, before what was to be done first until now.
func firstly(cmd *cobra.Command, do func() error) {
	then := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if err := do(); err != nil {
			return err
		}
		if then != nil {
			return then(cmd, args)
		}
		return nil
	}
}

// sheet is where an answer is printed for people.
type sheet struct {
	io.Writer
	screen screen
	now    time.Time
}

// fields prints names and values below each other, without those that have none.
func (s *sheet) fields(pairs ...string) {
	t := newTable("", "")
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			t.row(cell{pairs[i], bold}, pairs[i+1])
		}
	}
	widths := []int{0, 0}
	for _, r := range t.rows {
		widths[0] = max(widths[0], len(r[0].text))
		widths[1] = max(widths[1], len(r[1].text))
	}
	for _, r := range t.rows {
		fmt.Fprintln(s, t.line(r, widths, screen{colour: s.screen.colour}))
	}
}

// present asks, and prints the answer: as it is, or as print does it for people.
func present[T any](cmd *cobra.Command, a *asking, method, path string, body any, print func(*sheet, T)) error {
	raw, err := a.client.ask(cmd.Context(), method, path, body)
	if err != nil {
		return err
	}
	return render(cmd, a.format, raw, print)
}

// render prints an answer.
func render[T any](cmd *cobra.Command, format string, raw []byte, print func(*sheet, T)) error {
	if format != asTable {
		return printData(cmd.OutOrStdout(), format, raw)
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	print(&sheet{Writer: cmd.OutOrStdout(), screen: screenOf(cmd.OutOrStdout()), now: time.Now()}, v)
	return nil
}

// pages asks for one page of a list after the other and returns them as one, with its items under name. With a limit it
// stops there, and the cursor of what follows is kept.
func (c *client) pages(ctx context.Context, path, name string, query url.Values, limit int) ([]byte, error) {
	items := []json.RawMessage{}
	query.Del("cursor")
	for {
		page := map[string]json.RawMessage{}
		query.Set("limit", strconv.Itoa(pageSize))
		if limit > 0 {
			query.Set("limit", strconv.Itoa(min(pageSize, limit-len(items))))
		}
		if err := c.do(ctx, "GET", path+"?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		var more []json.RawMessage
		if err := json.Unmarshal(page[name], &more); err != nil {
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		items = append(items, more...)
		next, isThere := page["next"]
		if !isThere || limit > 0 && len(items) >= limit {
			answer := map[string]any{name: items}
			if isThere {
				answer["next"] = next
			}
			return json.Marshal(answer)
		}
		var cursor string
		if err := json.Unmarshal(next, &cursor); err != nil {
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		query.Set("cursor", cursor)
	}
}

// pageSize is how much is asked for at a time: as much as the API gives.
const pageSize = 1000

// runPath is where a run is found, once what names it is known to be one: an id, its last letters, or @last.
func (c *client) runPath(ctx context.Context, name string, more ...string) (string, error) {
	id, err := c.runID(ctx, name)
	if err != nil {
		return "", err
	}
	path := "/v1/runs/" + url.PathEscape(id)
	for _, m := range more {
		path += "/" + url.PathEscape(m)
	}
	return path, nil
}

const (
	lastRun   = "@last" // names the run that was submitted last
	idLength  = 26      // of a ULID
	fewestEnd = 4       // letters by whose end a run can be named
)

// runID tells which run is meant. Ids that were made in one hour begin alike, so it is their ends that tell them apart;
// an end is looked for among the newest runs.
func (c *client) runID(ctx context.Context, name string) (string, error) {
	switch {
	case len(name) >= idLength:
		return name, nil
	case strings.HasPrefix(name, "@") && name != lastRun:
		return "", fmt.Errorf("run %s: of the names that begin with @ there is only %s", name, lastRun)
	case len(name) < fewestEnd:
		return "", fmt.Errorf("run %q: give its id, at least the last %d letters of it, or %s", name, fewestEnd, lastRun)
	}
	limit := pageSize
	if name == lastRun {
		limit = 1
	}
	var list httpapi.Runs
	if err := c.do(ctx, "GET", "/v1/runs?limit="+strconv.Itoa(limit), nil, &list); err != nil {
		return "", err
	}
	found := ""
	for _, run := range list.Runs {
		if name != lastRun && !strings.HasSuffix(run.ID, strings.ToLower(name)) {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("run %s: %s and %s end so; give more of the id", name, found, run.ID)
		}
		found = run.ID
	}
	switch {
	case len(list.Runs) == 0:
		return "", fmt.Errorf("run %s: there is no run yet", name)
	case found == "":
		return "", fmt.Errorf("run %s: none of the newest %s has an id that ends so", name, counted(len(list.Runs), "run"))
	}
	return found, nil
}
