package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// maxLogs is how many tasks' logs are printed at a time.
const maxLogs = 100

// logReader prints what tasks have written: their stdout to stdout, and their stderr to stderr.
type logReader struct {
	client  *client
	out     io.Writer // of the tasks' stdout
	errs    io.Writer // of their stderr
	says    io.Writer // of messages
	streams []string
	tail    int // lines; negative: all
	attempt int // negative: the newest one
}

func newLogs() *cobra.Command {
	var a asking
	var r logReader
	var follow, stdout, stderr bool
	cmd := &cobra.Command{
		Use:   "logs RUN [STEP[/INDEX]]",
		Short: "Print what tasks have written to stdout and stderr",
		Long: "Print what tasks have written, their stdout to stdout and their stderr to stderr, byte for byte.\n\n" +
			runHelp + " INDEX is the number of a task in its step. Of each task its newest attempt is meant, unless --attempt names another.\n\n" +
			"Of a very long log (4 MiB of each stream, unless the scheduler's --log-cap says otherwise) the beginning and the end are kept once its task has ended; " +
			"what is missing between is told on stderr at its place, and in a file there is nothing to see of it.\n\n" +
			"With -f what is written later is printed as well, until the task has ended: a task that waits is waited for, and if another attempt of it is " +
			"made, that one is followed too. Of several tasks whole lines are printed, each with its task before it. What is not there, and why, is said on stderr.",
		Args: takes(1, 2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return stepNames(cmd, args[0]), cobra.ShellCompDirectiveNoFileComp
			}
			return runIDs(1)(cmd, args, begun)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r.client, r.out, r.errs = a.client, &sharedWriter{out: cmd.OutOrStdout()}, &sharedWriter{out: cmd.ErrOrStderr()}
			r.says = r.errs
			if r.streams = []string{"stdout", "stderr"}; stdout != stderr {
				r.streams = map[bool][]string{true: {"stdout"}, false: {"stderr"}}[stdout]
			}
			for _, name := range []string{"tail", "attempt"} {
				if n, _ := cmd.Flags().GetInt(name); n < 0 && cmd.Flags().Changed(name) {
					return fmt.Errorf("--%s %d: give a number from 0 on", name, n)
				}
			}
			tasks, err := r.tasks(cmd.Context(), args)
			if err != nil {
				return err
			}
			if follow {
				return r.follow(cmd.Context(), tasks)
			}
			return r.print(cmd.Context(), tasks)
		},
	}
	a.flags(cmd)
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on with what is written later, until the task has ended")
	f.IntVar(&r.tail, "tail", -1, "only so many lines from the end of each log (default: all)")
	f.IntVar(&r.attempt, "attempt", -1, "the number of the attempt, from 0 (default: the newest)")
	f.BoolVar(&stdout, "stdout", false, "only stdout")
	f.BoolVar(&stderr, "stderr", false, "only stderr")
	return cmd
}

// sharedWriter is written to by several logs, and messages, at the same time.
type sharedWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *sharedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}

// taskRef is a task of a run.
type taskRef struct {
	run, step string
	index     int
}

func (t taskRef) String() string { return fmt.Sprintf("%s/%d", t.step, t.index) }

func (t taskRef) path(more ...string) string {
	return "/v1/runs/" + url.PathEscape(t.run) + "/steps/" + url.PathEscape(t.step) + "/tasks/" + strconv.Itoa(t.index) + strings.Join(more, "")
}

// tasks finds the tasks that are meant.
func (r *logReader) tasks(ctx context.Context, args []string) ([]taskRef, error) {
	run, err := r.client.runID(ctx, args[0])
	if err != nil {
		return nil, err
	}
	var step string
	if len(args) == 2 {
		var index int
		if step, index, err = taskName(args[1]); err != nil {
			return nil, err
		}
		if strings.Contains(args[1], "/") {
			return []taskRef{{run, step, index}}, nil
		}
	}
	var view httpapi.Run
	if err := r.client.do(ctx, "GET", "/v1/runs/"+url.PathEscape(run), nil, &view); err != nil {
		return nil, err
	}
	var tasks []taskRef
	for _, s := range view.Steps {
		if step != "" && s.Name != step {
			continue
		}
		if len(tasks)+s.Tasks > maxLogs {
			return nil, fmt.Errorf("run %s has more than %d tasks to print: name one as STEP/INDEX, such as %s/0", run, maxLogs, s.Name)
		}
		for i := range s.Tasks {
			tasks = append(tasks, taskRef{run, s.Name, i})
		}
	}
	if len(tasks) == 0 {
		return nil, fmt.Errorf("run %s has no step %q", run, step)
	}
	return tasks, nil
}

// print prints the logs of tasks as they are now, one after the other. That of a task that was not attempted, or is
// missing, is told of, once if it is so of both streams; it is an error if there is nothing else.
func (r *logReader) print(ctx context.Context, tasks []taskRef) error {
	printed := false
	for _, t := range tasks {
		said := ""
		for _, stream := range r.streams {
			p := logPrint{reader: r, task: t, stream: stream, attempt: r.attempt}
			if len(tasks) > 1 {
				p.title = fmt.Sprintf("==> %s %s <==\n", t, stream)
			}
			err := p.once(ctx, r.query())
			if p.open && len(tasks) > 1 {
				io.WriteString(p.out(), "\n") // the next title has a line of its own
			}
			var problem *httpapi.Problem
			switch {
			case errors.As(err, &problem) && problem.Status == http.StatusNotFound:
				if problem.Detail != said {
					said = problem.Detail
					fmt.Fprintf(r.says, "spillway: %s\n", harmless(said))
				}
			case err != nil:
				return err
			default:
				printed = true
			}
		}
	}
	if !printed {
		return exitError(exitUsage)
	}
	return nil
}

func (r *logReader) query() url.Values {
	q := url.Values{}
	if r.tail >= 0 {
		q.Set("tail", strconv.Itoa(r.tail))
	}
	return q
}

// logPrint is a stream of an attempt that is being printed.
type logPrint struct {
	reader  *logReader
	task    taskRef
	stream  string
	attempt int    // negative: the newest one
	title   string // printed before the first byte
	next    int64  // offset of what comes next, for who asks again
	begun   bool
	open    bool // what was printed last did not end its line
}

func (p *logPrint) out() io.Writer {
	if p.stream == "stderr" {
		return p.reader.errs
	}
	return p.reader.out
}

// errBrokenOff: the answer ended before the log did.
var errBrokenOff = fmt.Errorf("%w: it broke off in the middle", errUnavailable)

// once asks for the log and prints it.
func (p *logPrint) once(ctx context.Context, query url.Values) error {
	if p.attempt >= 0 {
		query.Set("attempt", strconv.Itoa(p.attempt))
	}
	patient := *p.reader.client
	patient.http.Timeout = 0 // a log takes as long as it takes
	resp, err := patient.send(ctx, "GET", p.task.path("/logs/", p.stream, "?", query.Encode()), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	p.next, _ = strconv.ParseInt(resp.Header.Get(httpapi.LogStart), 10, 64)
	p.begun = true
	if err := p.copy(ctx, resp); err != nil {
		return err
	}
	switch end := resp.Trailer.Get(httpapi.LogEnd); end {
	case httpapi.LogComplete:
		return nil
	case "":
		return errBrokenOff
	default:
		fmt.Fprintf(p.reader.says, "spillway: %s of %s ends here: %s\n", p.stream, p.task, harmless(end))
		return nil
	}
}

// copy prints an answer, and says at its place what is missing in the middle.
func (p *logPrint) copy(ctx context.Context, resp *http.Response) error {
	var from, to int64
	cut, _ := fmt.Sscanf(resp.Header.Get(httpapi.LogCut), "%d-%d", &from, &to)
	if cut == 2 {
		if err := p.write(ctx, io.LimitReader(resp.Body, from-p.next)); err != nil {
			return err
		}
		if p.next == from {
			fmt.Fprintf(p.reader.says, "\nspillway: here %s were not kept of %s of %s\n", size(to-from), p.stream, p.task)
			p.next = to
		}
	}
	return p.write(ctx, resp.Body)
}

func (p *logPrint) write(ctx context.Context, body io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := io.WriteString(p.out(), p.title); err != nil {
				return fmt.Errorf("printing the log: %w", err)
			}
			p.title = ""
			if _, err := p.out().Write(buffer[:n]); err != nil {
				return fmt.Errorf("printing the log: %w", err)
			}
			p.next += int64(n)
			p.open = buffer[n-1] != '\n'
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return errBrokenOff
		}
	}
}
