package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

func newToken() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke the tokens that may ask a scheduler",
		Long: "Make, list and revoke the tokens that may ask a scheduler, in the file that it was given by --tokens.\n\n" +
			"A token has a role and projects. A viewer reads; an author also submits, cancels and retries runs and keeps pipelines;\n" +
			"an operator also deletes what is old. The scheduler reads the file again when it changes, so what is done here counts at once.",
	}
	cmd.PersistentFlags().StringVar(&file, "tokens", "", "the file; `new` makes it if it is not there")
	cmd.MarkPersistentFlagRequired("tokens")
	cmd.AddCommand(newTokenNew(&file), newTokenList(&file), newTokenRevoke(&file))
	return cmd
}

func newTokenNew(file *string) *cobra.Command {
	var name, role string
	var projects []string
	cmd := &cobra.Command{
		Use:   "new --tokens FILE --name NAME --role ROLE --project PROJECT",
		Short: "Make a token and print it, this once",
		Long: "Make a token and print it, this once: the file keeps only its hash.\n\n" +
			"Who is given the token puts it into SPILLWAY_TOKEN, or into a file that --token-file names.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parsed, err := access.ParseRole(role)
			if err != nil {
				return fmt.Errorf("--role: %w", err)
			}
			text := access.NewText()
			token := access.Token{
				Name: name, Role: parsed, Projects: projects, SHA256: access.HashOf(text), Created: time.Now().UTC().Truncate(time.Second),
			}
			if err := access.AddToken(*file, token); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "what the token is called in the file and in the audit log: a person, or a program")
	f.StringVar(&role, "role", "", "viewer, author or operator")
	f.StringArrayVar(&projects, "project", nil, "project that the role is for, may be repeated; * for all")
	for _, flag := range []string{"name", "role", "project"} {
		cmd.MarkFlagRequired(flag)
	}
	return cmd
}

func newTokenList(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "list --tokens FILE",
		Short: "List the tokens, without their texts, which nobody keeps",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tokens, err := access.ReadTokens(*file)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tROLE\tPROJECTS\tCREATED")
			for _, t := range tokens {
				created := ""
				if !t.Created.IsZero() {
					created = t.Created.UTC().Format(time.RFC3339)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Name, t.Role, strings.Join(t.Projects, ","), created)
			}
			return w.Flush()
		},
	}
}

func newTokenRevoke(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke --tokens FILE NAME",
		Short: "Take a token out of the file: from then on it is refused",
		Args:  takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := access.RevokeToken(*file, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "token %s is revoked\n", args[0])
			return err
		},
	}
}
