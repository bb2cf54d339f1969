package picture

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Chart is quantities over time, in panels below each other that share the time.
type Chart struct {
	Title, Subtitle string
	From, To        time.Time
	Panels          []Panel
}

// Panel is quantities that are drawn in one place, each on top of those before it.
type Panel struct {
	Label  string
	Series []Series
}

// Series is a quantity that keeps each value until the next point.
type Series struct {
	Name   string
	Points []Point // by time
}

// Point is a value from a moment on.
type Point struct {
	At    time.Time
	Value float64
}

// Sizes of a chart, in pixels.
const (
	panelHeight = 150
	panelGap    = 46
	valueWidth  = 52 // of the numbers left of a panel
)

// at is the value at a moment; 0 before the first point.
func (s *Series) at(t time.Time) float64 {
	i, _ := slices.BinarySearchFunc(s.Points, t, func(p Point, t time.Time) int {
		if p.At.After(t) {
			return 1
		}
		return -1
	})
	if i == 0 {
		return 0
	}
	return s.Points[i-1].Value
}

// moments are the times at which the panel changes between from and to, these included, in order and each once.
func (p *Panel) moments(from, to time.Time) []time.Time {
	all := []time.Time{from, to}
	for _, s := range p.Series {
		for _, point := range s.Points {
			if point.At.After(from) && point.At.Before(to) {
				all = append(all, point.At)
			}
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// highest is the most that the series come to together.
func (p *Panel) highest(moments []time.Time) (most float64) {
	for _, t := range moments {
		sum := 0.0
		for i := range p.Series {
			sum += p.Series[i].at(t)
		}
		most = math.Max(most, sum)
	}
	return most
}

// SVG draws the chart as a document of its own. Values are not negative.
func (c *Chart) SVG() string {
	left, top := float64(margin+valueWidth), float64(margin+62)
	s := newSVG(left+plotWidth+margin, top+float64(len(c.Panels))*(panelHeight+panelGap)+margin/2)
	s.text(margin, margin+8, 16, "#1f2933", "start", "bold", c.Title)
	s.text(margin, margin+28, labelSize+1, "#52606d", "start", "normal", c.Subtitle)
	span := max(c.To.Sub(c.From), time.Millisecond)
	x := func(t time.Time) float64 { return left + plotWidth*float64(t.Sub(c.From))/float64(span) }
	colour := 0
	for i := range c.Panels {
		c.drawPanel(s, &c.Panels[i], x, top, colour)
		colour += len(c.Panels[i].Series)
		top += panelHeight + panelGap
	}
	return s.end()
}

func (c *Chart) drawPanel(s *svg, p *Panel, x func(time.Time) float64, top float64, colour int) {
	moments := p.moments(c.From, c.To)
	most := niceCeiling(p.highest(moments))
	y := func(value float64) float64 { return top + panelHeight*(1-value/most) }
	left, right, bottom := x(c.From), x(c.To), top+panelHeight
	s.printf(`<rect class="lane" x="%s" y="%s" width="%d" height="%d"/>`+"\n", f1(left), f1(top), plotWidth, panelHeight)
	for _, part := range []float64{0, 0.5, 1} {
		s.printf(`<path class="axis" d="M%s %sH%s"/>`+"\n", f1(left), f1(y(most*part)), f1(right))
		s.text(left-8, y(most*part)+4, labelSize, "#52606d", "end", "normal", strconv.FormatFloat(most*part, 'f', -1, 64))
	}
	below := make([]float64, len(moments))
	for i := range p.Series {
		s.printf(`<path fill="%s" fill-opacity="0.85" d="%s"/>`+"\n", stepColour(colour+i), area(&p.Series[i], moments, below, x, y))
	}
	for at := time.Duration(0); at <= c.To.Sub(c.From); at += tickStep(c.To.Sub(c.From)) {
		tick := x(c.From.Add(at))
		s.printf(`<path class="axis" d="M%s %sV%s"/>`+"\n", f1(tick), f1(bottom), f1(bottom+4))
		s.text(tick, bottom+16, labelSize, "#52606d", "middle", "normal", FormatDuration(at))
	}
	s.text(left, top-8, labelSize+1, "#1f2933", "start", "bold", p.Label)
	at := left + textWidth(p.Label, labelSize+1) + 28
	for i, series := range p.Series {
		s.printf(`<rect fill="%s" x="%s" y="%s" width="14" height="10"/>`+"\n", stepColour(colour+i), f1(at), f1(top-17))
		s.text(at+20, top-8, labelSize+1, "#1f2933", "start", "normal", series.Name)
		at += textWidth(series.Name, labelSize+1) + 44
	}
}

// area is the outline of a series on top of those below it, which it is added to.
func area(series *Series, moments []time.Time, below []float64, x func(time.Time) float64, y func(float64) float64) string {
	path, back := "", ""
	for i, t := range moments {
		value := below[i] + series.at(t)
		if i == 0 {
			path = fmt.Sprintf("M%s %s", f1(x(t)), f1(y(value)))
			back = fmt.Sprintf("V%sZ", f1(y(below[i])))
		} else {
			path += fmt.Sprintf("H%sV%s", f1(x(t)), f1(y(value)))
			back = fmt.Sprintf("V%sH%s", f1(y(below[i-1])), f1(x(moments[i-1]))) + back
		}
	}
	last := len(moments) - 1
	path += fmt.Sprintf("V%s", f1(y(below[last]))) + back
	for i, t := range moments {
		below[i] += series.at(t)
	}
	return path
}

// niceCeiling is the next number above that is easy to read and to halve.
func niceCeiling(value float64) float64 {
	if value <= 2 {
		return 2
	}
	unit := math.Pow(10, math.Floor(math.Log10(value)))
	for _, n := range []float64{1, 2, 4, 6, 8, 10} {
		if value <= n*unit {
			return n * unit
		}
	}
	return value
}
