package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/cloudburst/config"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// schemas are the JSON Schemas of what people write.
var schemas = map[string]func() []byte{"spec": spec.Schema, "burst": config.Schema}

func newSchema() *cobra.Command {
	names := []string{"spec", "burst"}
	return &cobra.Command{
		Use:       "schema [spec|burst]",
		Short:     "Print the JSON Schema of specs, or of burst.yaml, for editors",
		Args:      takes(0, 1),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := names[0]
			if len(args) > 0 {
				name = args[0]
			}
			schema, found := schemas[name]
			if !found {
				return fmt.Errorf("there is no schema %q; there are %s", name, strings.Join(names, " and "))
			}
			_, err := cmd.OutOrStdout().Write(schema())
			return err
		},
	}
}
