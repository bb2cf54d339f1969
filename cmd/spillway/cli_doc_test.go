package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite the golden files and docs/cli.md")

// golden compares a text with a file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

const docHead = `# The command line

<!-- The verbs below are written from their help: go test ./cmd/spillway -run CommandLineDoc -update -->

## Where the scheduler is

Verbs that ask a scheduler ask the one that ` + "`--url`" + ` names, else ` + "`SPILLWAY_URL`" + `, else ` + "`" + defaultURL + "`" + `. Who asks is said by the token
in ` + "`SPILLWAY_TOKEN`" + ` or ` + "`--token-file`" + `, and the authorities of its certificate are in ` + "`SPILLWAY_CA`" + ` or ` + "`--ca-file`" + `.

## Where the clouds are

` + "`" + `spillway cloudburst` + "`" + ` and the verbs below ` + "`" + `spillway cloud` + "`" + ` read [burst.yaml](burst.md), which ` + "`" + `--config` + "`" + ` names, else ` + "`" + `SPILLWAY_BURST` + "`" + `, else it is in the
working folder. It says where the scheduler, the Mesos master and the clouds are, and who asks.

## What is printed

Tables are for people: their columns may change, and a terminal gets its last column cut to its width. ` + "`-o json`" + ` and ` + "`-o yaml`" + ` print what
the [API](rest.md) answers, with the same names; several pages are put together as one. Colours appear on terminals only, and nowhere if ` + "`NO_COLOR`" + ` is
set. Errors, warnings and remarks go to standard error.

A run is named by its id, by the last letters of it (at least four; ids that were made in the same hour begin alike), or as ` + "`@last`" + `, the run that was
submitted last.

## Exit status

| status | meaning |
| --- | --- |
| 0 | it is done; of a run that is followed: it succeeded |
| 1 | a run that is followed has failed; a spec that is validated has problems; something that a verb about clouds has asked did not answer, or ` + "`" + `cloud check` + "`" + ` found something wrong |
| 2 | bad input; or the scheduler refused it, does not answer, or does not know what is asked for |
| 3 | a run that is followed was cancelled |
| 130 | the command was interrupted; a run that is followed goes on |

## Completion

` + "`spillway completion bash|zsh|fish|powershell`" + ` prints a script that completes verbs, flags, runs, steps and pipelines; for bash:
` + "`source <(spillway completion bash)`" + `.
`

// TestCommandLineDoc holds docs/cli.md to the help of the verbs.
func TestCommandLineDoc(t *testing.T) {
	var b strings.Builder
	b.WriteString(docHead)
	describeVerbs(&b, newRoot())
	golden(t, filepath.Join("..", "..", "docs", "cli.md"), b.String())
}

func describeVerbs(b *strings.Builder, c *cobra.Command) {
	for _, verb := range c.Commands() {
		if verb.Name() == "help" || verb.Name() == "completion" {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s\n\n```\n%s\n```\n", verb.CommandPath(), paragraph(verb), verb.UseLine())
		if verb.Example != "" {
			fmt.Fprintf(b, "\n```\n%s\n```\n", verb.Example)
		}
		if usages := flagsOf(verb).FlagUsages(); usages != "" {
			fmt.Fprintf(b, "\n```\n%s```\n", usages)
		}
		if verb.Name() == "scheduler" || verb.Name() == "dev" {
			fmt.Fprintf(b, "\nThe scheduler's own flags are in [operations.md](operations.md) and in `spillway %s --help`.\n", verb.Name())
		}
		describeVerbs(b, verb)
	}
}

// flagsOf gives the flags of a verb, without those of a scheduler: they have a page of their own.
func flagsOf(verb *cobra.Command) *pflag.FlagSet {
	flags := pflag.NewFlagSet(verb.Name(), pflag.ContinueOnError)
	var schedulers *pflag.FlagSet
	if verb.Name() == "scheduler" || verb.Name() == "dev" {
		schedulers = newScheduler().Flags()
	}
	verb.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if schedulers == nil || schedulers.Lookup(f.Name) == nil {
			flags.AddFlag(f)
		}
	})
	return flags
}

func paragraph(verb *cobra.Command) string {
	if verb.Long != "" {
		return verb.Long
	}
	return verb.Short + "."
}

// TestVerbsAreDocumented: every verb and flag says what it does, and every verb completes sensibly.
func TestVerbsAreDocumented(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, verb := range c.Commands() {
			if verb.Short == "" {
				t.Errorf("%s has no help", verb.CommandPath())
			}
			walk(verb)
		}
	}
	walk(newRoot())
}
