package picture

import (
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// Sizes of a timeline, in pixels. Lanes become thinner the more there are, so that thousands of attempts fit.
const (
	plotWidth  = 960
	lanesFit   = 900 // height that lanes share
	thickest   = 16
	thinnest   = 2
	labelSize  = 11
	maxLabel   = 28 // characters of an agent's name
	legendRow  = 20
	minVisible = 0.8 // width of a bar of which nothing would be seen otherwise
)

// stepColours are told apart by people with any kind of colour vision (after Okabe and Ito, and Tol), the ones that
// mean success or failure elsewhere left out.
var stepColours = []string{
	"#4477aa", "#e69f00", "#44aa99", "#cc79a7", "#88ccee", "#aa9f39", "#7b61a8", "#999933",
	"#56b4e9", "#b07d4f", "#117733", "#dd99bb", "#332288", "#bbcc33", "#77aadd", "#a6761d",
}

func stepColour(i int) string {
	if i < len(stepColours) {
		return stepColours[i]
	}
	return fmt.Sprintf("hsl(%d 45%% 55%%)", i*137%360) // the golden angle keeps neighbours apart
}

// endings are the ways in which bars end that are marked, with the words of the legend.
var endings = []struct{ outcome, class, words string }{
	{"author_failed", "failed", "failed"},
	{"infra_failed", "lost", "lost to the infrastructure"},
	{"cancelled", "cancelled", "cancelled"},
}

const timelineStyle = `<style>
.starting { opacity: 0.35; }
.failed { fill: #c1121f; }
.lost { fill: #111111; }
.cancelled { fill: #9aa3ad; }
</style>
`

// timelineDrawing is a timeline that is being drawn.
type timelineDrawing struct {
	*svg
	*Timeline
	agents    []agentLanes
	thickness float64 // of a lane
	gap       float64 // between agents
	left, top float64 // of the plot
	height    float64 // of the plot
	colour    map[string]string
}

// SVG draws the timeline as a document of its own: a row for each thing that an agent did at a time, bars coloured by
// step, paler until the task runs, and with a mark at the end of attempts that did not succeed.
func (t *Timeline) SVG() string {
	d := &timelineDrawing{Timeline: t, agents: t.agents(), colour: map[string]string{}}
	for i, s := range t.Steps {
		d.colour[s] = stepColour(i)
	}
	d.measure()
	legend := d.legendRows()
	d.svg = newSVG(d.left+plotWidth+margin, d.top+d.height+40+float64(len(legend))*legendRow+margin/2)
	d.printf("%s", timelineStyle)
	d.text(margin, margin+8, 16, "#1f2933", "start", "bold", t.Title)
	d.text(margin, margin+28, labelSize+1, "#52606d", "start", "normal", d.subtitle())
	d.drawLanes()
	d.drawAxis()
	d.drawBars()
	d.drawLegend(legend)
	return d.end()
}

func (d *timelineDrawing) measure() {
	lanes, longest := 0, 5
	for _, a := range d.agents {
		lanes += len(a.lanes)
		longest = max(longest, min(maxLabel, utf8.RuneCountInString(a.name)))
	}
	d.thickness = math.Min(thickest, math.Max(thinnest, math.Floor(lanesFit/float64(max(lanes, 1)))))
	d.gap = math.Min(8, d.thickness/2)
	d.left = margin + float64(longest)*labelSize*0.62 + 8
	d.top = margin + 62
	d.height = math.Max(float64(lanes)*d.thickness+float64(len(d.agents))*d.gap, thickest)
}

func (d *timelineDrawing) subtitle() string {
	return fmt.Sprintf("%s from %s on: %s on %s", FormatDuration(rounded(d.To.Sub(d.From))), d.From.UTC().Format(time.RFC3339),
		counted(len(d.Bars), "attempt"), counted(len(d.agents), "agent"))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// rounded leaves the digits out that nobody reads.
func rounded(d time.Duration) time.Duration {
	switch {
	case d > time.Hour:
		return d.Round(time.Minute)
	case d > time.Minute:
		return d.Round(time.Second)
	case d > time.Second:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// x is where a time stands.
func (d *timelineDrawing) x(t time.Time) float64 {
	span := max(d.To.Sub(d.From), time.Millisecond)
	return d.left + plotWidth*math.Min(1, math.Max(0, float64(t.Sub(d.From))/float64(span)))
}

// eachAgent calls f with the top of each agent's lanes.
func (d *timelineDrawing) eachAgent(f func(a agentLanes, top float64)) {
	y := d.top
	for _, a := range d.agents {
		f(a, y)
		y += float64(len(a.lanes))*d.thickness + d.gap
	}
}

// drawLanes draws the agents' backgrounds, and as many of their names as there is room for.
func (d *timelineDrawing) drawLanes() {
	lastLabel := math.Inf(-1)
	d.eachAgent(func(a agentLanes, top float64) {
		h := float64(len(a.lanes)) * d.thickness
		d.printf(`<rect class="lane" x="%s" y="%s" width="%d" height="%s"/>`+"\n", f1(d.left), f1(top), plotWidth, f1(h))
		if y := top + h/2 + labelSize*0.35; y-lastLabel >= labelSize {
			d.text(d.left-8, y, labelSize, "#33475b", "end", "normal", shortened(a.name))
			lastLabel = y
		}
	})
	if len(d.agents) == 0 {
		d.text(d.left+plotWidth/2, d.top+12, 13, "#52606d", "middle", "normal", "nothing has been launched")
	}
}

// shortened keeps the end of a long name: the beginnings are what names share.
func shortened(name string) string {
	if r := []rune(name); len(r) > maxLabel {
		return "…" + string(r[len(r)-maxLabel+1:])
	}
	return name
}

// drawAxis draws the ticks, with labels above and, where the plot is high, below too.
func (d *timelineDrawing) drawAxis() {
	span := d.To.Sub(d.From)
	for at := time.Duration(0); at <= span; at += tickStep(span) {
		x := d.x(d.From.Add(at))
		d.printf(`<path class="axis" d="M%s %sV%s"/>`+"\n", f1(x), f1(d.top-4), f1(d.top+d.height+4))
		d.text(x, d.top-9, labelSize, "#52606d", "middle", "normal", FormatDuration(at))
		if d.height > 300 {
			d.text(x, d.top+d.height+16, labelSize, "#52606d", "middle", "normal", FormatDuration(at))
		}
	}
}

func (d *timelineDrawing) drawBars() {
	d.eachAgent(func(a agentLanes, top float64) {
		for i, l := range a.lanes {
			for _, b := range l.bars {
				d.drawBar(b, top+float64(i)*d.thickness)
			}
		}
	})
}

func (d *timelineDrawing) drawBar(b *Bar, y float64) {
	from, to := d.x(b.Launched), d.x(d.endOf(b))
	to = math.Max(to, from+minVisible)
	started := to // it never ran
	if !b.Started.IsZero() {
		started = math.Min(math.Max(d.x(b.Started), from), to)
	}
	inset := math.Min(1, d.thickness/8)
	y, h := y+inset, d.thickness-2*inset
	d.printf(`<g fill="%s"><title>%s</title>`, d.colourOf(b.Step), escape(d.tip(b)))
	if started-from >= 0.3 {
		d.rect("starting", from, y, started-from, h)
	}
	if to-started >= 0.1 {
		d.rect("", started, y, to-started, h)
	}
	for _, e := range endings {
		if b.Outcome == e.outcome {
			w := math.Min(4, math.Max(1.5, (to-from)/2))
			d.rect(e.class, to-w, y, w, h)
		}
	}
	d.printf("</g>\n")
}

func (d *timelineDrawing) colourOf(step string) string {
	if c, known := d.colour[step]; known {
		return c
	}
	return "#7f8c99"
}

func (d *timelineDrawing) rect(class string, x, y, w, h float64) {
	if class != "" {
		class = fmt.Sprintf(` class="%s"`, class)
	}
	d.printf(`<rect%s x="%s" y="%s" width="%s" height="%s"/>`, class, f1(x), f1(y), f1(w), f1(h))
}

// tip is what is shown of an attempt when the pointer is on it.
func (d *timelineDrawing) tip(b *Bar) string {
	text := b.Label + " on " + b.Agent + ": "
	switch {
	case b.Started.IsZero():
		text += "never ran"
	default:
		text += FormatDuration(rounded(d.endOf(b).Sub(b.Started))) + " from " + FormatDuration(rounded(b.Started.Sub(d.From))) + " on"
	}
	if b.Ended.IsZero() {
		text += ", not ended"
	}
	if b.Failure != "" {
		text += "; " + b.Failure
	}
	return text
}

// legendItem is a colour or a mark with its meaning.
type legendItem struct {
	fill, class, words string
	x                  float64
}

// legendRows names the steps that have bars, and the marks that are used.
func (d *timelineDrawing) legendRows() [][]legendItem {
	used := map[string]bool{}
	starting := false
	for i := range d.Bars {
		used["step "+d.Bars[i].Step], used[d.Bars[i].Outcome] = true, true
		starting = starting || d.Bars[i].Started.Sub(d.Bars[i].Launched) > d.To.Sub(d.From)/500
	}
	var items []legendItem
	for _, s := range d.Steps {
		if used["step "+s] {
			items = append(items, legendItem{fill: d.colour[s], words: s})
		}
	}
	if starting {
		items = append(items, legendItem{fill: "#4a5560", class: "starting", words: "starting"})
	}
	for _, e := range endings {
		if used[e.outcome] {
			items = append(items, legendItem{class: e.class, words: e.words})
		}
	}
	var rows [][]legendItem
	x := math.Inf(1)
	for _, item := range items {
		width := textWidth(item.words, 12) + 36
		if x+width > d.left+plotWidth {
			rows, x = append(rows, nil), margin
		}
		item.x = x
		last := len(rows) - 1
		rows[last], x = append(rows[last], item), x+width
	}
	return slices.Clip(rows)
}

func (d *timelineDrawing) drawLegend(rows [][]legendItem) {
	for i, row := range rows {
		y := d.top + d.height + 34 + float64(i)*legendRow
		for _, item := range row {
			if item.fill != "" {
				d.printf(`<g fill="%s">`, item.fill)
			} else {
				d.printf("<g>")
			}
			w := 14.0
			if item.fill == "" {
				w = 4
			}
			d.rect(item.class, item.x, y, w, 12)
			d.printf("</g>\n")
			d.text(item.x+20, y+10, 12, "#1f2933", "start", "normal", item.words)
		}
	}
}
