package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

func newRun() *cobra.Command {
	var a asking
	var s submitting
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Submit a spec, follow its run, and end as it ends; - is standard input",
		Long: "Submit a spec, follow its run, and end as it ends; - is standard input.\n\n" +
			"A terminal shows a bar for each step, anything else gets a line for each change. With -o json or yaml nothing is printed but the run, once it has ended.\n\n" +
			"The exit status is 0 if the run succeeded, 1 if it failed, 3 if it was cancelled, 2 if it could not be submitted or followed, " +
			"and 130 if the command was interrupted, which ends the following, not the run.",
		Args:              takes(1, 1),
		ValidArgsFunction: specFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			sub, err := s.submission(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			f := newFollower(cmd, &a)
			return f.submit(cmd.Context(), "/v1/runs", sub, sub.Key)
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	s.flags(cmd)
	return cmd
}

// submitting is what the verbs that submit a spec have in common.
type submitting struct {
	params []string
	key    string
}

func (s *submitting) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&s.params, "param", "p", nil, "a parameter's value, name=value; may be repeated")
	cmd.Flags().StringVar(&s.key, "key", "", "idempotency key: the same key twice is the same run")
}

// submission reads a spec. It always gets a key, which makes it safe to send it again when an answer is lost.
func (s *submitting) submission(file string, stdin io.Reader) (httpapi.Submission, error) {
	given, err := parseParams(s.params)
	if err != nil {
		return httpapi.Submission{}, err
	}
	name, text, err := readSpec(file, stdin)
	if err != nil {
		return httpapi.Submission{}, err
	}
	if s.key == "" {
		s.key = ulid.Make().String()
	}
	return httpapi.Submission{Spec: string(text), File: name, Params: given, Key: s.key}, nil
}

func parseParams(params []string) (map[string]string, error) {
	given := map[string]string{}
	for _, p := range params {
		name, value, found := strings.Cut(p, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("parameter %q: write it as name=value", p)
		}
		if _, twice := given[name]; twice {
			return nil, fmt.Errorf("parameter %q is given twice", name)
		}
		given[name] = value
	}
	return given, nil
}
