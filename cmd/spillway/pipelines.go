package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

func newPipelines() *cobra.Command {
	cmd := newListPipelines("pipelines")
	cmd.Short = "List the pipelines that the scheduler keeps, and keep, show, run or delete them"
	cmd.AddCommand(newListPipelines("list"), newPutPipeline(), newShowPipeline(), newPipelineHistory(), newRunPipeline(), newDeletePipeline())
	return cmd
}

// pipelineHelp says how pipelines are named.
const pipelineHelp = "A pipeline is named PROJECT/NAME, or NAME if its project is default."

func newListPipelines(use string) *cobra.Command {
	var a asking
	var project string
	cmd := &cobra.Command{
		Use:               use,
		Short:             "List the pipelines that the scheduler keeps",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if project != "" {
				query.Set("project", project)
			}
			raw, err := a.client.pages(cmd.Context(), "/v1/pipelines", "pipelines", query, 0)
			if err != nil {
				return err
			}
			return render(cmd, a.format, raw, func(s *sheet, list httpapi.Pipelines) {
				if len(list.Pipelines) == 0 {
					fmt.Fprintln(s, "no pipelines; `spillway pipelines put FILE` keeps one")
					return
				}
				pipelinesTable(list.Pipelines, s.now).print(s, s.screen)
			})
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	cmd.Flags().StringVar(&project, "project", "", "only pipelines of this project")
	return cmd
}

func pipelinesTable(pipelines []httpapi.Pipeline, now time.Time) *table {
	t := newTable("PIPELINE", ">VERSION", "PUT", ">AGE", "BY", "")
	for _, p := range pipelines {
		deleted := ""
		if p.Deleted {
			deleted = "deleted"
		}
		t.row(p.Project+"/"+p.Name, p.Version, p.Put.UTC().Format(time.RFC3339), since(now, p.Put), p.By, cell{deleted, faint})
	}
	return t
}

func newPutPipeline() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:               "put FILE",
		Short:             "Keep a spec as the newest version of its pipeline; - is standard input",
		Long:              "Keep a spec as the newest version of the pipeline of its name and project; - is standard input. A spec that is kept already makes no new version.",
		Args:              takes(1, 1),
		ValidArgsFunction: specFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, text, err := readSpec(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			parsed, err := spec.Parse(name, text)
			if err != nil {
				return err
			}
			path := "/v1/pipelines/" + url.PathEscape(parsed.Project) + "/" + url.PathEscape(parsed.Name)
			var before httpapi.Pipeline // that there is none, or that it may not be seen, leaves version 0
			if err := a.client.do(cmd.Context(), "GET", path, nil, &before); errors.Is(err, errUnavailable) {
				return err
			}
			return present(cmd, &a, "PUT", path, httpapi.PipelineSpec{Spec: string(text), File: name}, func(s *sheet, p httpapi.Pipeline) {
				if p.Version == before.Version {
					fmt.Fprintf(s, "%s/%s is unchanged: version %d\n", p.Project, p.Name, p.Version)
					return
				}
				fmt.Fprintf(s, "%s/%s is kept as version %d\n", p.Project, p.Name, p.Version)
			})
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

// pipelinePath is where a pipeline is found.
func pipelinePath(name string, more ...string) (string, error) {
	project, short, found := strings.Cut(name, "/")
	if !found {
		project, short = spec.DefaultProject, name
	}
	if project == "" || short == "" || strings.Contains(short, "/") {
		return "", fmt.Errorf("pipeline %q: write it as PROJECT/NAME", name)
	}
	path := "/v1/pipelines/" + url.PathEscape(project) + "/" + url.PathEscape(short)
	for _, m := range more {
		path += "/" + url.PathEscape(m)
	}
	return path, nil
}

func newShowPipeline() *cobra.Command {
	var a asking
	var version int
	cmd := &cobra.Command{
		Use:               "show PIPELINE",
		Short:             "Print the spec of a pipeline",
		Long:              "Print the spec of a pipeline, as it was written, or of one of its versions. " + pipelineHelp,
		Args:              takes(1, 1),
		ValidArgsFunction: pipelineNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := pipelinePath(args[0])
			if cmd.Flags().Changed("version") {
				path, err = pipelinePath(args[0], "history", strconv.Itoa(version))
			}
			if err != nil {
				return err
			}
			return present(cmd, &a, "GET", path, nil, func(s *sheet, p httpapi.Pipeline) {
				fmt.Fprint(s, p.Spec)
				if !strings.HasSuffix(p.Spec, "\n") {
					fmt.Fprintln(s)
				}
			})
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	cmd.Flags().IntVar(&version, "version", 0, "this version (default: the newest)")
	return cmd
}

func newPipelineHistory() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:               "history PIPELINE",
		Short:             "List the versions of a pipeline, newest first",
		Long:              "List the versions of a pipeline, newest first. " + pipelineHelp,
		Args:              takes(1, 1),
		ValidArgsFunction: pipelineNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := pipelinePath(args[0], "history")
			if err != nil {
				return err
			}
			raw, err := a.client.pages(cmd.Context(), path, "versions", url.Values{}, 0)
			if err != nil {
				return err
			}
			return render(cmd, a.format, raw, func(s *sheet, list httpapi.Versions) {
				pipelinesTable(list.Versions, s.now).print(s, s.screen)
			})
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}

func newRunPipeline() *cobra.Command {
	var a asking
	var s submitting
	var dryRun, follow bool
	cmd := &cobra.Command{
		Use:   "run PIPELINE",
		Short: "Run the newest version of a pipeline now, and print its run's id",
		Long: "Run the newest version of a pipeline now, and print its run's id. " + pipelineHelp + "\n\n" +
			"With --follow the run is followed until it ends, as by `spillway run` and with the same exit status.",
		Args:              takes(1, 1),
		ValidArgsFunction: pipelineNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := pipelinePath(args[0], "runs")
			if err != nil {
				return err
			}
			given, err := parseParams(s.params)
			if err != nil {
				return err
			}
			if s.key == "" {
				s.key = ulid.Make().String()
			}
			body := httpapi.PipelineRun{Params: given, Key: s.key, DryRun: dryRun}
			switch {
			case follow && dryRun:
				return errors.New("--dry-run makes no run that --follow could follow")
			case follow:
				return newFollower(cmd, &a).submit(cmd.Context(), path, body, s.key)
			}
			return submit(cmd, &a, path, body, s.key)
		},
	}
	a.flags(cmd, asTable, asJSON, asYAML)
	s.flags(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check the parameters and show what would run")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "follow the run until it ends")
	return cmd
}

func newDeletePipeline() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:               "delete PIPELINE...",
		Short:             "Delete pipelines; their runs and their history stay",
		Long:              "Delete pipelines; their runs and their history stay. " + pipelineHelp,
		Args:              takes(1, -1),
		ValidArgsFunction: pipelineNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return eachRun(args, func(name string) error {
				path, err := pipelinePath(name)
				if err != nil {
					return err
				}
				if err := a.client.do(cmd.Context(), "DELETE", path, nil, nil); err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "pipeline %s is deleted\n", name)
				return err
			})
		},
	}
	a.flags(cmd)
	return cmd
}

// pipelineNames completes the names of pipelines.
func pipelineNames(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	c, ctx, cancel := completer(cmd)
	defer cancel()
	var list httpapi.Pipelines
	if err := c.do(ctx, "GET", "/v1/pipelines?limit="+strconv.Itoa(pageSize), nil, &list); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, p := range list.Pipelines {
		names = append(names, p.Project+"/"+p.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
