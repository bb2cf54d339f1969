// Command spillway is the scheduler and its authors' client.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/access"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// version is set when a release is built.
var version = "unversioned"

// exitError ends the command with a status and without a message: the command has said it all.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := execute(ctx, newRoot())
	stop()
	os.Exit(status)
}

// execute runs the command and returns its exit status.
func execute(ctx context.Context, root *cobra.Command) int {
	strictHelp(root)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case ctx.Err() != nil && errors.Is(err, context.Canceled): // whoever interrupted it knows
		return exitInterrupted
	}
	printError(root.ErrOrStderr(), err)
	return exitUsage
}

// printError says what went wrong. What is wrong with a spec stands alone on its lines, so that editors find the places.
func printError(w io.Writer, err error) {
	var problems spec.Problems
	var answer *httpapi.Problem
	if errors.As(err, &problems) || errors.As(err, &answer) && answer.Status == http.StatusUnprocessableEntity {
		fmt.Fprintln(w, err)
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(w, "spillway: %s\n", access.Redact(line))
	}
}
