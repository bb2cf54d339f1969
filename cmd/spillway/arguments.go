package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// takes lets a verb have so many arguments, and says otherwise how it is written; most -1: any number.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		verb := strings.TrimSuffix(cmd.CommandPath(), cmd.Name()) + cmd.Use
		given := "an argument is missing"
		if len(args) > least {
			given = fmt.Sprintf("there are %s", counted(len(args), "argument"))
		}
		return fmt.Errorf("%s: write it as `%s`", given, verb)
	}
}

// kinds says of the values of flags, by pflag's names of their types, what they should be.
var kinds = map[string]string{
	"int": "a whole number", "int64": "a whole number", "uint": "a whole number from 0 on", "uint64": "a whole number from 0 on",
	"float64": "a number", "bool": "true or false", "duration": "a time such as 30s, 5m or 2h",
}

// flagError says what is wrong with a flag in words of a user, where Go's library has its own.
func flagError(_ *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		if kind, known := kinds[bad.GetFlag().Value.Type()]; known {
			return fmt.Errorf("--%s %s: should be %s", bad.GetFlag().Name, bad.GetValue(), kind)
		}
	}
	return err
}

// groupOnly makes a command that has verbs but does nothing itself refuse what is none of them; alone it shows its help.
func groupOnly(cmd *cobra.Command) {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// strictHelp refuses verbs that are not there, of which cobra's own commands make a remark and status 0.
// It is called when it is known where the root writes to: the completion scripts go there.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			groupOnly(cmd)
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if found, rest, err := root.Find(args); err != nil || found == nil || len(rest) > 0 {
					return fmt.Errorf("there is no verb %q; `spillway help` lists them", strings.Join(args, " "))
				}
				return nil
			}
		}
	}
}
