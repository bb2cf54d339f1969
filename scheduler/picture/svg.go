package picture

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// svg is a drawing that is being written.
type svg struct{ b strings.Builder }

// style is what both kinds of drawing share. Drawings say their own background, so that they can be read on dark pages.
const style = `<style>
text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.edge { fill: none; stroke: #8796a5; stroke-width: 1.4; }
.axis { stroke: #d5dbe1; stroke-width: 1; }
.lane { fill: #f6f8fa; }
</style>
<defs>
<marker id="head" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#8796a5"/></marker>
</defs>
`

func newSVG(width, height float64) *svg {
	s := &svg{}
	w, h := f1(math.Ceil(width)), f1(math.Ceil(height))
	s.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s">`+"\n", w, h, w, h)
	s.b.WriteString(style)
	s.printf(`<rect width="%s" height="%s" fill="#ffffff"/>`+"\n", w, h)
	return s
}

func (s *svg) printf(format string, args ...any) { fmt.Fprintf(&s.b, format, args...) }

func (s *svg) end() string {
	s.b.WriteString("</svg>\n")
	return s.b.String()
}

func (s *svg) text(x, y, size float64, colour, anchor, weight, text string) {
	s.printf(`<text x="%s" y="%s" font-size="%s" fill="%s"`, f1(x), f1(y), f1(size), colour)
	if anchor != "start" {
		s.printf(` text-anchor="%s"`, anchor)
	}
	if weight != "normal" {
		s.printf(` font-weight="%s"`, weight)
	}
	s.printf(`>%s</text>`+"\n", escape(text))
}

// f1 writes a length to the tenth of a pixel.
func f1(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

// escape makes foreign text fit to stand in XML: what XML cannot hold at all becomes a replacement character.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0xfffe || r == 0xffff || r >= 0x7f && r <= 0x9f {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
