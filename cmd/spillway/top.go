package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// redrawEvery is how often top looks.
const redrawEvery = time.Second

func newTop() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch the queue, the runs and the agents",
		Long: "Watch the queue, the runs and the agents, anew each second. q or Ctrl-C ends it.\n\n" +
			"Where the output is no terminal, it is written once.",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := &watcher{client: a.client}
			out, isFile := cmd.OutOrStdout().(*os.File)
			in, hasKeys := cmd.InOrStdin().(*os.File)
			if isFile && hasKeys && screenOf(out).terminal && term.IsTerminal(int(in.Fd())) {
				return w.watch(cmd.Context(), in, out)
			}
			if err := w.look(cmd.Context()); err != nil {
				return err
			}
			for _, line := range w.lines(screenOf(cmd.OutOrStdout()), time.Now()) {
				fmt.Fprintln(cmd.OutOrStdout(), line)
			}
			return nil
		},
	}
	a.flags(cmd)
	return cmd
}

// watcher is what top knows.
type watcher struct {
	client *client
	queue  httpapi.Queue
	agents []httpapi.Agent
	runs   []httpapi.Run
	seen   time.Time // when that was so
	err    error     // why nothing newer is known
}

// What a terminal does when it gets these: the second screen keeps what is on the first.
const (
	secondScreen = "\x1b[?1049h\x1b[?25l"
	firstScreen  = "\x1b[?25h\x1b[?1049l"
)

// watch draws until a key or an interrupt ends it, and leaves the terminal as it was.
func (w *watcher) watch(ctx context.Context, in, out *os.File) error {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("preparing the terminal: %w", err)
	}
	defer func() {
		io.WriteString(out, firstScreen)
		_ = term.Restore(int(in.Fd()), before) // there is nobody to tell
	}()
	io.WriteString(out, secondScreen)
	keys := make(chan struct{})
	go func() {
		defer close(keys)
		for key := make([]byte, 1); ; {
			if n, err := in.Read(key); err != nil || n > 0 && strings.ContainsRune("qQ\x03\x04", rune(key[0])) {
				return
			}
		}
	}()
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		w.err = w.look(ctx)
		s := screenOf(out)
		lines := w.lines(s, time.Now())
		if s.height > 0 && len(lines) > s.height {
			lines = lines[:s.height]
		}
		// The terminal is raw: each line goes back to the first column by itself.
		io.WriteString(out, "\x1b[H"+strings.Join(lines, "\x1b[K\r\n")+"\x1b[K\x1b[J")
		select {
		case <-keys:
			return nil
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// runsWithSteps is of how many runs the tasks are counted: each is a request of its own.
const runsWithSteps = 8

// look asks for all that is shown.
func (w *watcher) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var queue httpapi.Queue
	var agents httpapi.Agents
	var runs httpapi.Runs
	for path, answer := range map[string]any{
		"/v1/queue": &queue, "/v1/agents": &agents, "/v1/runs?phase=active&phase=cancelling&limit=50": &runs,
	} {
		if err := w.client.do(ctx, "GET", path, nil, answer); err != nil {
			return err
		}
	}
	for i := range runs.Runs[:min(len(runs.Runs), runsWithSteps)] {
		var steps httpapi.Steps
		if err := w.client.do(ctx, "GET", "/v1/runs/"+runs.Runs[i].ID+"/steps", nil, &steps); err != nil {
			continue // it may have been deleted since
		}
		runs.Runs[i].Steps = steps.Steps
	}
	w.queue, w.agents, w.runs, w.seen = queue, agents.Agents, runs.Runs, time.Now()
	return nil
}

// lines draws what is known. Each part gets a third of the screen, and what the parts before it left.
func (w *watcher) lines(s screen, now time.Time) []string {
	lines := []string{s.paint(bold, cut(w.title(now), s.textWidth()))}
	if w.err != nil {
		lines = append(lines, s.paint(red, cut(harmless(w.err.Error()), s.textWidth())))
	}
	parts := []struct {
		table *table
		none  string
	}{
		{projectsTable(w.queue, now), "nothing waits or runs"},
		{runningTable(w.runs, now), "no runs in progress"},
		{agentsTable(w.agents, now), "no agents"},
	}
	for i, part := range parts {
		lines = append(lines, "")
		if len(part.table.rows) == 0 {
			lines = append(lines, s.paint(faint, part.none))
			continue
		}
		if s.height > 0 {
			room := max((s.height-len(lines))/(len(parts)-i)-3, 1)
			lines = append(lines, part.table.lines(s, room)...)
			continue
		}
		lines = append(lines, part.table.lines(s, len(part.table.rows))...)
	}
	return lines
}

// textWidth is how long a line may be.
func (s screen) textWidth() int {
	if s.width == 0 {
		return 1000
	}
	return s.width
}

func (w *watcher) title(now time.Time) string {
	waiting, running := 0, 0
	for _, p := range w.queue.Projects {
		waiting, running = waiting+p.Waiting, running+p.Running
	}
	at := now
	if w.err != nil && !w.seen.IsZero() {
		at = w.seen
	}
	return fmt.Sprintf("%s  %s running, %d waiting, %s, %s  %s", w.client.url, counted(running, "task"), waiting,
		counted(len(w.runs), "run"), counted(len(w.agents), "agent"), at.UTC().Format("15:04:05Z"))
}

func runningTable(runs []httpapi.Run, now time.Time) *table {
	t := newTable("RUN", "PIPELINE", "PHASE", ">AGE", ">TASKS", "STEPS")
	for _, r := range runs {
		done, all := 0, 0
		var active []string
		for _, st := range r.Steps {
			done, all = done+st.Succeeded+st.Failed+st.Cancelled, all+st.Tasks
			if st.Phase == "active" {
				active = append(active, st.Name)
			}
		}
		tasks := ""
		if all > 0 {
			tasks = fmt.Sprintf("%d/%d", done, all)
		}
		t.row(r.ID, r.Project+"/"+r.Name, phase(r.Phase), since(now, r.Submitted), tasks, join(active))
	}
	return t
}
