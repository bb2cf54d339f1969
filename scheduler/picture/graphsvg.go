package picture

import (
	"fmt"
	"unicode/utf8"
)

// Sizes of the drawing of a graph, in pixels.
const (
	boxHeight = 40
	rowHeight = 56 // from one step of a layer to the next
	layerGap  = 56 // between the boxes of two layers
	margin    = 24
	headRoom  = 34   // for the title
	boldness  = 1.15 // how much wider bold text is, at most of common fonts
)

// SVG draws the graph from left to right, as a document of its own.
func (g Graph) SVG() string {
	l := newLayout(g)
	left, width := l.columns(g)
	lowest := 0.0
	for _, n := range l.nodes {
		lowest = max(lowest, n.across)
	}
	top := float64(margin)
	if g.Title != "" {
		top += headRoom
	}
	right := margin * 2.0
	if last := len(left) - 1; last >= 0 {
		right = left[last] + width[last] + margin
	}
	s := newSVG(max(right, margin*2+textWidth(g.Title, 16*boldness)), top+lowest*rowHeight+boxHeight+margin)
	if g.Title != "" {
		s.text(margin, margin+10, 16, "#1f2933", "start", "bold", g.Title)
	}
	y := func(n *node) float64 { return top + n.across*rowHeight + boxHeight/2 }
	for i := range l.nodes {
		n := &l.nodes[i]
		if n.step < 0 { // the edge goes straight through the layer
			s.line(left[n.layer], y(n), left[n.layer]+width[n.layer], y(n))
		}
		for _, a := range n.after {
			to := &l.nodes[a]
			s.curve(left[n.layer]+width[n.layer], y(n), left[to.layer], y(to), to.step >= 0)
		}
	}
	for i := range g.Steps {
		n := &l.nodes[i]
		s.box(left[n.layer], y(n)-boxHeight/2, width[n.layer], g.Steps[i])
	}
	return s.end()
}

// columns gives where each layer begins, and how wide it is: as wide as its longest text.
func (l *layout) columns(g Graph) (left, width []float64) {
	x := float64(margin)
	for _, layer := range l.layers {
		w := 60.0
		for _, n := range layer {
			if i := l.nodes[n].step; i >= 0 {
				w = max(w, textWidth(g.Steps[i].Name, 13)+24, textWidth(g.Steps[i].Note, 11)+24)
			}
		}
		left, width = append(left, x), append(width, w)
		x += w + layerGap
	}
	return left, width
}

// textWidth estimates how wide a text is: the fonts of who looks at it are not known here.
func textWidth(text string, size float64) float64 {
	return float64(utf8.RuneCountInString(text)) * size * 0.6
}

func (s *svg) line(x1, y1, x2, y2 float64) {
	s.printf(`<path class="edge" d="M%s %sH%s"/>`+"\n", f1(x1), f1(y1), f1(x2))
}

// curve joins two layers, with an arrow's head where it ends at a step.
func (s *svg) curve(x1, y1, x2, y2 float64, arrow bool) {
	head := ""
	if arrow {
		head = ` marker-end="url(#head)"`
		x2 -= 5
	}
	middle := (x1 + x2) / 2
	s.printf(`<path class="edge"%s d="M%s %sC%s %s %s %s %s %s"/>`+"\n",
		head, f1(x1), f1(y1), f1(middle), f1(y1), f1(middle), f1(y2), f1(x2), f1(y2))
}

func (s *svg) box(x, y, w float64, step Step) {
	c := phaseColours[step.Phase]
	dash := ""
	if step.Phase == "skipped" {
		dash = ` stroke-dasharray="4 3"`
	}
	s.printf(`<g><title>%s</title><rect x="%s" y="%s" width="%s" height="%d" rx="6" fill="%s" stroke="%s"%s/>`,
		escape(tip(step)), f1(x), f1(y), f1(w), boxHeight, c.fill, c.line, dash)
	if step.Note == "" {
		s.text(x+w/2, y+boxHeight/2+5, 13, c.line, "middle", "bold", step.Name)
	} else {
		s.text(x+w/2, y+17, 13, c.line, "middle", "bold", step.Name)
		s.text(x+w/2, y+32, 11, c.line, "middle", "normal", step.Note)
	}
	s.printf("</g>\n")
}

func tip(step Step) string {
	text := step.Name
	if step.Phase != "" {
		text += ": " + step.Phase
	}
	if step.Note != "" {
		text += fmt.Sprintf(" (%s)", step.Note)
	}
	return text
}
