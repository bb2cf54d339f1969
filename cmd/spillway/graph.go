package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/picture"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

func newGraph() *cobra.Command {
	var a asking
	var params []string
	cmd := &cobra.Command{
		Use:   "graph FILE|RUN",
		Short: "Draw the graph of steps of a spec or of a run",
		Long: "Draw the graph of steps of a spec, for which no scheduler is needed, or of a run, by whose phases the steps are coloured: " +
			"as text, DOT (for Graphviz), SVG or Mermaid.\n\n" +
			"In text a step stands below all that it needs, and a line goes down from it to the last step that needs it; " +
			"├ ┼ ┤ ┴ └ ┘ tell where a step takes its lines from, and a line that is only passed stays │.\n\n" +
			"What is the name of a file is taken as one; - is standard input. " + runHelp,
		Args: takes(1, 1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			ids, _ := runIDs(1)(cmd, args, begun)
			return ids, cobra.ShellCompDirectiveDefault // files too
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := a.graph(cmd, args[0], params)
			if err != nil {
				return err
			}
			return draw(cmd.OutOrStdout(), g, a.format)
		},
	}
	a.connection.flags(cmd.Flags())
	formatFlag(cmd, &a.format, "text", "dot", "svg", "mermaid")
	cmd.Flags().StringArrayVarP(&params, "param", "p", nil, "a parameter's value, name=value, where a spec is drawn; may be repeated")
	return cmd
}

// graph reads a spec or asks for a run.
func (a *asking) graph(cmd *cobra.Command, name string, params []string) (picture.Graph, error) {
	info, err := os.Stat(name)
	isFile := err == nil && !info.IsDir()
	if name == "-" || isFile || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return specGraph(name, cmd.InOrStdin(), params)
	}
	if len(params) > 0 {
		return picture.Graph{}, fmt.Errorf("-p is for a spec, and %s is no file; a run has the parameters that it was submitted with", name)
	}
	if err := a.connect(); err != nil {
		return picture.Graph{}, err
	}
	path, err := a.client.runPath(cmd.Context(), name)
	if err != nil {
		return picture.Graph{}, fmt.Errorf("%s is no file, nor a run: %w", name, err)
	}
	var run httpapi.Run
	err = a.client.do(cmd.Context(), "GET", path, nil, &run)
	return runGraph(run), err
}

func specGraph(file string, stdin io.Reader, params []string) (picture.Graph, error) {
	given, err := parseParams(params)
	if err != nil {
		return picture.Graph{}, err
	}
	name, text, err := readSpec(file, stdin)
	if err != nil {
		return picture.Graph{}, err
	}
	parsed, err := spec.Parse(name, text)
	if err != nil {
		return picture.Graph{}, err
	}
	pipeline, err := parsed.Bind(given)
	if err != nil {
		return picture.Graph{}, err
	}
	g := picture.Graph{Title: pipeline.Project + "/" + pipeline.Name}
	for _, s := range pipeline.Steps {
		note := counted(s.Tasks, "task")
		if s.When != spec.OnSuccess {
			note += ", when: " + string(s.When)
		}
		g.Steps = append(g.Steps, picture.Step{Name: s.Name, Note: note, Needs: s.Needs})
	}
	return g, nil
}

func runGraph(run httpapi.Run) picture.Graph {
	g := picture.Graph{Title: run.Project + "/" + run.Name + " " + run.ID}
	for _, st := range run.Steps {
		s := picture.Step{Name: st.Name, Phase: st.Phase, Note: counted(st.Tasks, "task")}
		if st.Phase == "active" || st.Phase == "failed" {
			s.Note = fmt.Sprintf("%d of %s", st.Succeeded, counted(st.Tasks, "task"))
		}
		for _, need := range st.Needs {
			if i := slices.IndexFunc(run.Steps, func(o httpapi.Step) bool { return o.Name == need }); i >= 0 {
				s.Needs = append(s.Needs, i)
			}
		}
		g.Steps = append(g.Steps, s)
	}
	return g
}

func draw(w io.Writer, g picture.Graph, format string) error {
	text := ""
	switch format {
	case "dot":
		text = g.DOT()
	case "svg":
		text = g.SVG()
	case "mermaid":
		text = g.Mermaid()
	default:
		text = graphText(g, screenOf(w))
	}
	_, err := io.WriteString(w, text)
	return err
}

// graphText writes the names beside the drawing, in the colours of their phases.
func graphText(g picture.Graph, s screen) string {
	rows := g.Text()
	art, names, phases := 0, 0, 0
	for _, r := range rows {
		art = max(art, runewidth.StringWidth(r.Art))
	}
	for _, st := range g.Steps {
		names, phases = max(names, len(st.Name)), max(phases, len(st.Phase))
	}
	var b strings.Builder
	fmt.Fprintln(&b, s.paint(bold, g.Title))
	for _, r := range rows {
		if r.Step < 0 {
			fmt.Fprintln(&b, s.paint(faint, r.Art))
			continue
		}
		st := g.Steps[r.Step]
		label := pad(st.Name, names)
		if st.Phase != "" {
			label += "  " + pad(st.Phase, phases)
		}
		label += "  " + st.Note
		before, after, _ := strings.Cut(pad(r.Art, art), "●")
		fmt.Fprintf(&b, "%s%s%s  %s\n", s.paint(faint, before), s.paint(phaseStyles[st.Phase], "●"), s.paint(faint, after), s.paint(phaseStyles[st.Phase], label))
	}
	return b.String()
}
