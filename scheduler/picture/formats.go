package picture

import (
	"fmt"
	"strings"
)

// colours of phases: fill, and line and text. They tell apart for people who see no red or no green, too.
var phaseColours = map[string]struct{ fill, line string }{
	"":          {"#eef2f7", "#33475b"},
	"waiting":   {"#f3f4f6", "#6b7280"},
	"active":    {"#dbeafe", "#1d4ed8"},
	"succeeded": {"#d9f2e3", "#11734b"},
	"failed":    {"#fde0dc", "#b3261e"},
	"skipped":   {"#ffffff", "#9ca3af"},
	"cancelled": {"#efe4f7", "#6d3a9c"},
}

// DOT gives the graph in the language of Graphviz.
func (g Graph) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n\trankdir=LR;\n", dotQuote(g.Title))
	b.WriteString("\tnode [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n")
	for i, s := range g.Steps {
		label := s.Name
		if s.Note != "" {
			label += "\n" + s.Note
		}
		c := phaseColours[s.Phase]
		fmt.Fprintf(&b, "\ts%d [label=%s, fillcolor=%q, color=%q, fontcolor=%q];\n", i, dotQuote(label), c.fill, c.line, c.line)
	}
	for i, s := range g.Steps {
		for _, n := range s.Needs {
			fmt.Fprintf(&b, "\ts%d -> s%d;\n", n, i)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// dotQuote is a quoted ID of DOT, in which a backslash means something only before a quote or in a label.
func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// Mermaid gives the graph in the language of Mermaid, which GitLab, GitHub and others draw in their pages.
func (g Graph) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	used := map[string]bool{}
	for i, s := range g.Steps {
		label := mermaidText(s.Name)
		if s.Note != "" {
			label += "<br/>" + mermaidText(s.Note)
		}
		fmt.Fprintf(&b, "    s%d[\"%s\"]", i, label)
		if s.Phase != "" {
			fmt.Fprintf(&b, ":::%s", s.Phase)
			used[s.Phase] = true
		}
		b.WriteByte('\n')
	}
	for i, s := range g.Steps {
		for _, n := range s.Needs {
			fmt.Fprintf(&b, "    s%d --> s%d\n", n, i)
		}
	}
	for _, phase := range phases {
		if c := phaseColours[phase]; used[phase] {
			fmt.Fprintf(&b, "    classDef %s fill:%s,stroke:%s,color:%s\n", phase, c.fill, c.line, c.line)
		}
	}
	return b.String()
}

// phases in the order in which legends name them.
var phases = []string{"succeeded", "active", "waiting", "failed", "skipped", "cancelled"}

// mermaidText is text for a quoted label: quotes and what begins markup become entities.
func mermaidText(s string) string {
	return strings.NewReplacer(`&`, "#amp;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "#", "#35;", "\n", " ").Replace(s)
}
