package main

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// picture is all that the figure shows.
type picture struct {
	finding
	noise [2][]float64 // by detector: its noise's power spectrum
	white [2]trace     // by detector: whitened strain around the event
	fit   [2]trace     // by detector: the best template there
	snr   [2]trace     // by detector: the best template's signal-to-noise ratio, all along
}

// trace is a curve over time.
type trace = plotter.XYs

const (
	// before and after the event, in seconds, are shown closely.
	before, after = 0.25, 0.09
	// low and high bound the frequencies of the whitened strain that are shown, in Hz: those in which the event is seen.
	low, high = 35, 350
)

func plotStep(t task) error {
	f, err := readFinding(t.data)
	if err != nil {
		return err
	}
	f.Background = nil
	for n := range t.slides {
		top, err := t.data.read(slideName(n), 1)
		if err != nil {
			return err
		}
		f.Background = append(f.Background, top...)
	}
	f.Minutes = float64(t.slides) * (length - 2*margin) / rate / 60
	p := picture{finding: f}
	for d, name := range detectors {
		if err := p.look(t, d, name); err != nil {
			return err
		}
	}
	img, svg := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi)), vgsvg.New(width, height)
	p.draw(draw.New(img))
	p.draw(draw.New(svg))
	var bits, lines bytes.Buffer
	compact := png.Encoder{CompressionLevel: png.BestCompression}
	err = compact.Encode(&bits, reduced(img.Image()))
	if _, svgErr := svg.WriteTo(&lines); err != nil || svgErr != nil {
		return errors.Join(err, svgErr)
	}
	return errors.Join(f.write(t.data), t.data.keep("finding.png", bits.Bytes()), t.data.keep("finding.svg", lines.Bytes()))
}

// reduced is a picture in as few colours as are drawn, with blends into white for smooth edges: a third of the bytes.
func reduced(img image.Image) *image.Paletted {
	const blends = 16
	palette := color.Palette{color.White}
	for _, c := range []color.Color{color.Black, ink, grey, faint, colours[0], colours[1]} {
		r, g, b, _ := c.RGBA()
		blend := func(v uint32, n int) uint8 { return uint8((int(v>>8)*n + 255*(blends-n)) / blends) }
		for n := 1; n <= blends; n++ {
			palette = append(palette, color.RGBA{R: blend(r, n), G: blend(g, n), B: blend(b, n), A: 255})
		}
	}
	out := image.NewPaletted(img.Bounds(), palette)
	nearest := map[color.Color]uint8{} // as looking through the palette for every dot takes long
	for y := out.Rect.Min.Y; y < out.Rect.Max.Y; y++ {
		for x := out.Rect.Min.X; x < out.Rect.Max.X; x++ {
			c := img.At(x, y)
			index, ok := nearest[c]
			if !ok {
				index = uint8(palette.Index(c))
				nearest[c] = index
			}
			out.SetColorIndex(x, y, index)
		}
	}
	return out
}

// look computes what is shown of one detector.
func (p *picture) look(t task, d int, name string) error {
	var err error
	if p.noise[d], err = t.data.read(noiseName(name), stretch/2+1); err != nil {
		return err
	}
	t.template = p.Template
	m, err := t.match(name)
	if err != nil {
		return err
	}
	white, err := t.data.read(whiteName(name), length)
	if err != nil {
		return err
	}
	event := (p.GPS - epoch) * rate // at Hanford
	when := event
	if name == "L1" {
		when -= p.Delay * 1e-3 * rate
	}
	fft := fourier.NewFFT(length)
	p.white[d] = closely(filtered(fft.Coefficients(nil, white)), event)
	p.fit[d] = closely(filtered(m.fitted(when)), event)
	p.snr[d] = coarsely(m.snr, event)
	return nil
}

// filtered is the signal of a spectrum, in the frequencies that are shown.
func filtered(spectrum []complex128) []float64 {
	band(spectrum, low, high)
	samples := fourier.NewFFT(length).Sequence(nil, spectrum)
	for i := range samples {
		samples[i] /= length
	}
	return samples
}

// closely is what is around the event, in seconds from it.
func closely(samples []float64, event float64) trace {
	var out trace
	for i := int(event - before*rate); i <= int(event+after*rate); i++ {
		out = append(out, plotter.XY{X: (float64(i) - event) / rate, Y: samples[i]})
	}
	return out
}

// coarsely is all of the values, the greatest of every 32, in seconds from the event.
func coarsely(values []float64, event float64) trace {
	const many = 32
	var out trace
	for i := margin; i < length-margin; i += many {
		top := strongest(values, i, i+many)
		out = append(out, plotter.XY{X: (float64(top) - event) / rate, Y: values[top]})
	}
	return out
}

// spectrum is the noise's amplitude by frequency, over the frequencies that are looked at.
func (p *picture) spectrum(d int) trace {
	var out trace
	for k, density := range p.noise[d] {
		if f := float64(k) * rate / stretch; f >= lowest && f <= highest {
			out = append(out, plotter.XY{X: f, Y: math.Sqrt(density)})
		}
	}
	return out
}

const (
	width  = 14 * vg.Inch
	height = 10 * vg.Inch
	dpi    = 110
)
