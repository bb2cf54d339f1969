package main

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The colours by which LIGO tells its detectors apart, somewhat darker.
var colours = [2]color.Color{color.RGBA{R: 0xd6, G: 0x27, B: 0x28, A: 0xff}, color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff}}

var (
	ink   = color.RGBA{R: 0x22, G: 0x22, B: 0x22, A: 0xff}
	faint = color.RGBA{R: 0xe4, G: 0xe4, B: 0xe4, A: 0xff}
	grey  = color.RGBA{R: 0x8a, G: 0x8a, B: 0x8a, A: 0xff}
)

var places = [2]string{"Hanford", "Livingston"}

// draw fills the canvas: what happened on the left, why it is believed on the right.
func (p *picture) draw(c draw.Canvas) {
	c.FillText(sans(20), vg.Point{X: 0.35 * vg.Inch, Y: height - 0.5*vg.Inch},
		fmt.Sprintf("Two black holes merged: a gravitational wave passes the Earth on %s UTC", p.UTC.Format("2 January 2006, 15:04:05.00")))
	c.FillText(sans(13), vg.Point{X: 0.35 * vg.Inch, Y: height - 0.85*vg.Inch},
		fmt.Sprintf("Signal-to-noise ratio %.1f (Hanford %.1f, Livingston %.1f), Hanford %.1f ms after Livingston, chirp mass %.1f suns.   Published of GW150914: %.0f, %.1f ms, %.1f suns.",
			p.SNR, p.By["H1"], p.By["L1"], p.Delay, p.ChirpMass, p.Published.SNR, p.Published.Delay, p.Published.ChirpMass))
	body := draw.Crop(c, 0.25*vg.Inch, -0.25*vg.Inch, 0.4*vg.Inch, -0.95*vg.Inch)
	c.FillText(sans(9.5), vg.Point{X: 0.35 * vg.Inch, Y: 0.18 * vg.Inch},
		"Data: LIGO, Gravitational Wave Open Science Center (gwosc.org), CC BY 4.0. Comparison: "+p.Published.Source+".")
	columns := [2]float64{0, 0.57}
	for column, panels := range [2][]*plot.Plot{
		{p.event(0), p.event(1), p.loudness()},
		{p.bank(), p.spectra(), p.background()},
	} {
		left, right := columns[column], []float64{columns[1], 1}[column]
		for row, panel := range panels {
			w, h := body.Max.X-body.Min.X, body.Max.Y-body.Min.Y
			const gap = 0.1 * vg.Inch
			panel.Draw(draw.Crop(body, vg.Length(left)*w+gap, vg.Length(right-1)*w-gap, vg.Length(2-row)*h/3+gap, -vg.Length(row)*h/3-gap))
		}
	}
}

// event is one detector's strain and the best template in it.
func (p *picture) event(d int) *plot.Plot {
	panel := newPanel(places[d]+": what it measured, and the wave of two such black holes", "seconds from the event at Hanford", "strain / noise")
	panel.Add(line(p.white[d], colours[d], 1.1), line(p.fit[d], ink, 1.6))
	panel.Legend.Add("measured, its noise made even", line(p.white[d], colours[d], 1.6))
	panel.Legend.Add("best template", line(p.fit[d], ink, 1.6))
	panel.X.Min, panel.X.Max = -before, after
	panel.X.Tick.Marker = ticks(-0.25, -0.2, -0.15, -0.1, -0.05, 0, 0.05)
	return panel
}

// loudness is the signal-to-noise ratio all along.
func (p *picture) loudness() *plot.Plot {
	panel := newPanel("How well that wave fits at any time", "seconds from the event at Hanford", "signal-to-noise ratio")
	for d := range places {
		panel.Add(line(p.snr[d], colours[d], 1))
		panel.Legend.Add(places[d], line(p.snr[d], colours[d], 1.6))
	}
	panel.Y.Min, panel.Y.Max = 0, p.SNR
	panel.X.Tick.Marker = ticks(-15, -10, -5, 0, 5, 10, 15)
	return panel
}

// bank is what each template found.
func (p *picture) bank() *plot.Plot {
	panel := newPanel(fmt.Sprintf("Which pair of black holes fits best, of %d", p.Templates), "chirp mass of the pair (suns)", "both detectors' SNR")
	var points trace
	for _, t := range p.Bank {
		points = append(points, plotter.XY{X: t.ChirpMass, Y: t.SNR})
	}
	panel.Add(upright(p.Published.ChirpMass, p.SNR*1.08), line(points, ink, 1), dots(points, ink, 2.2), dots(trace{{X: p.ChirpMass, Y: p.SNR}}, colours[0], 4.5))
	panel.Legend.Add("found", dots(nil, colours[0], 4.5))
	panel.Legend.Add("published", upright(0, 0))
	panel.X.Min, panel.X.Max = lightest, heaviest
	panel.X.Tick.Marker = ticks(10, 20, 30, 40, 50, 60, 70)
	panel.Y.Min, panel.Y.Max = 0, p.SNR*1.08
	return panel
}

// spectra are the noise of both detectors.
func (p *picture) spectra() *plot.Plot {
	panel := newPanel("How loud the noise is", "frequency (Hz)", "strain per √Hz")
	for d := range places {
		panel.Add(line(p.spectrum(d), colours[d], 0.9))
		panel.Legend.Add(places[d], line(p.spectrum(d), colours[d], 1.6))
	}
	panel.X.Scale, panel.Y.Scale = plot.LogScale{}, plot.LogScale{}
	panel.X.Min, panel.X.Max = lowest, highest
	panel.Y.Min, panel.Y.Max = 3e-24, 5e-19
	panel.X.Tick.Marker = ticks(20, 50, 100, 200, 500)
	panel.Y.Tick.Marker = ticks(1e-23, 1e-22, 1e-21, 1e-20, 1e-19)
	return panel
}

// background compares the event with noise.
func (p *picture) background() *plot.Plot {
	panel := newPanel(fmt.Sprintf("How loud noise alone gets, in %.0f minutes of data slid against each other", p.Minutes), "both detectors' SNR", "slides")
	counts := map[float64]int{}
	const bin = 0.25
	most := 0
	for _, snr := range p.Background {
		b := math.Floor(snr/bin) * bin
		counts[b]++
		most = max(most, counts[b])
	}
	for b, n := range counts {
		box, err := plotter.NewPolygon(trace{{X: b, Y: 0}, {X: b, Y: float64(n)}, {X: b + bin, Y: float64(n)}, {X: b + bin, Y: 0}})
		if err != nil {
			panic(err) // it has four corners
		}
		box.Color, box.LineStyle.Color = grey, color.White
		panel.Add(box)
	}
	mark := line(trace{{X: p.SNR, Y: 0}, {X: p.SNR, Y: float64(most)}}, colours[0], 2.5)
	panel.Add(mark)
	box, _ := plotter.NewPolygon(trace{{}, {}, {}})
	box.Color, box.LineStyle.Color = grey, color.White
	panel.Legend.Add("the event", mark)
	panel.Legend.Add("noise, the loudest of each slide", box)
	panel.Legend.Left, panel.Legend.XOffs = false, -0.6*vg.Inch
	panel.X.Tick.Marker = ticks(0, 5, 10, 15, 20, 25, 30)
	panel.X.Min, panel.X.Max = 0, p.SNR*1.05
	panel.Y.Min, panel.Y.Max = 0, float64(most)*1.2
	return panel
}

func newPanel(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle, p.X.Label.TextStyle, p.Y.Label.TextStyle = centred(13), centred(10.5), centred(10.5)
	p.Title.TextStyle.YAlign = text.YTop // else it is drawn above the panel, in the one before
	p.Title.Padding = vg.Points(6)
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(plain), plot.TickerFunc(plain)
	p.X.Tick.Label.Font, p.Y.Tick.Label.Font = sans(9.5).Font, sans(9.5).Font
	p.Legend.TextStyle.Font = sans(9.5).Font
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs, p.Legend.Padding = vg.Points(8), vg.Points(2)
	p.BackgroundColor = color.Transparent
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = faint, faint
	p.Add(grid)
	return p
}

func sans(size float64) text.Style {
	return text.Style{Color: ink, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}, Handler: plot.DefaultTextHandler}
}

func centred(size float64) text.Style {
	s := sans(size)
	s.XAlign = text.XCenter
	return s
}

func line(points trace, c color.Color, thick float64) *plotter.Line {
	return &plotter.Line{XYs: points, LineStyle: draw.LineStyle{Color: c, Width: vg.Points(thick)}}
}

// upright is a dashed line at x.
func upright(x, top float64) *plotter.Line {
	l := line(trace{{X: x, Y: 0}, {X: x, Y: top}}, grey, 1.5)
	l.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	return l
}

func dots(points trace, c color.Color, size float64) *plotter.Scatter {
	return &plotter.Scatter{XYs: points, GlyphStyle: draw.GlyphStyle{Color: c, Radius: vg.Points(size), Shape: draw.CircleGlyph{}}}
}

// plain are gonum's ticks with labels as short as they can be: 25, where gonum writes 25.00.
func plain(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i, t := range ticks {
		if !t.IsMinor() {
			ticks[i].Label = strconv.FormatFloat(t.Value, 'g', 4, 64)
		}
	}
	return ticks
}

func ticks(values ...float64) plot.ConstantTicks {
	var out plot.ConstantTicks
	for _, v := range values {
		out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', -1, 64)})
	}
	return out
}
