package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

func newValidate() *cobra.Command {
	var params []string
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check specs, without any server; - is standard input",
		Long: "Check specs, without any server; - is standard input.\n\n" +
			"A spec whose parameters all have defaults is checked with these, and with --param with the values that are given: " +
			"some mistakes, such as those of an array whose size is a parameter, show only then.\n\n" +
			"Each problem is printed with file, line and column. The exit status is 1 if there is any, and 2 if a file cannot be read.",
		Args:              takes(1, -1),
		ValidArgsFunction: specFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			given, err := parseParams(params)
			if err != nil {
				return err
			}
			bad := false
			var unread []error
			for _, file := range files {
				name, text, err := readSpec(file, cmd.InOrStdin())
				if err != nil {
					unread = append(unread, err)
					continue
				}
				if err := check(name, text, given); err != nil {
					bad = true
					fmt.Fprintln(cmd.ErrOrStderr(), err)
				}
			}
			if len(unread) > 0 {
				return errors.Join(unread...)
			}
			if bad {
				return exitError(exitFailed)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVarP(&params, "param", "p", nil, "a parameter's value, name=value; may be repeated")
	return cmd
}

// check parses a spec and, if parameters are given or all have defaults, binds it too: some mistakes show only then.
func check(name string, text []byte, given map[string]string) error {
	parsed, err := spec.Parse(name, text)
	if err != nil {
		return err
	}
	for _, p := range parsed.Params {
		if p.Required && len(given) == 0 {
			return nil
		}
	}
	_, err = parsed.Bind(given)
	return err
}

// readSpec reads a spec's text; "-" is standard input. It reads no more than one byte over what a spec may have.
func readSpec(file string, stdin io.Reader) (name string, text []byte, err error) {
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(stdin, spec.MaxBytes+1))
		return "standard input", text, err
	}
	f, err := os.Open(file)
	if err != nil {
		return file, nil, fmt.Errorf("reading the spec: %w", err)
	}
	text, err = io.ReadAll(io.LimitReader(f, spec.MaxBytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return file, nil, fmt.Errorf("reading the spec: %w", err)
	}
	return file, text, nil
}
