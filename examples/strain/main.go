// Command strain searches 32 seconds of what the two detectors of LIGO measured on 14 September 2015 for a gravitational
// wave from two black holes that merge. Each step of the search is a subcommand, which a pipeline runs for many
// detectors, segments and templates at a time: strain.yaml beside it. What a step makes it leaves in a folder, where
// the next finds it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// task is one execution of a step.
type task struct {
	out       io.Writer // for what it says to people
	data      folder
	detector  string
	segment   int
	template  int
	templates int
	slide     int
	slides    int
}

// steps are the subcommands, in the order of the pipeline.
var steps = []struct {
	name  string
	about string
	run   func(task) error
}{
	{"spectrum", "the power spectrum of one segment of one detector", spectrumStep},
	{"whiten", "one detector's noise from its spectra, and its strain with all frequencies of noise equally loud", whitenStep},
	{"search", "how well one template fits one detector's data at each time", searchStep},
	{"coincide", "what is loudest in both detectors at once, over all templates", coincideStep},
	{"slide", "how loud noise gets: the same when one detector's data are moved in time", slideStep},
	{"plot", "a picture of it all", plotStep},
}

// most is how many templates and how many slides there may be: their files are numbered with two digits.
const most = 100

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "strain:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	for _, s := range steps {
		if len(args) > 0 && args[0] == s.name {
			t, err := parse(args, out)
			if errors.Is(err, flag.ErrHelp) {
				return nil // it has been given
			} else if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			return s.run(t)
		}
	}
	words := "which step? One of:"
	for _, s := range steps {
		words += fmt.Sprintf("\n  %-10s %s", s.name, s.about)
	}
	return errors.New(words + "\nwith arguments that `strain STEP -h` lists")
}

func parse(args []string, out io.Writer) (task, error) {
	t := task{out: out}
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	f.SetOutput(io.Discard) // of an error one line is enough
	f.StringVar((*string)(&t.data), "data", ".", "folder that the steps share")
	f.StringVar(&t.detector, "detector", "H1", "H1 or L1")
	f.IntVar(&t.segment, "segment", 0, fmt.Sprintf("which segment, from 0 to %d", segments-1))
	f.IntVar(&t.template, "template", 0, "which template, from 0")
	f.IntVar(&t.templates, "templates", 40, "how many templates the bank has")
	f.IntVar(&t.slide, "slide", 0, "which slide, from 0")
	f.IntVar(&t.slides, "slides", 24, "how many slides there are")
	if err := f.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(out, "strain %s [arguments]\n", args[0])
			f.SetOutput(out)
			f.PrintDefaults()
		}
		return t, err
	}
	switch {
	case f.NArg() > 0:
		return t, fmt.Errorf("unknown argument %q", f.Arg(0))
	case !slices.Contains(detectors, t.detector):
		return t, fmt.Errorf("there is no detector %q; there are %s", t.detector, strings.Join(detectors, " and "))
	case t.templates < 1 || t.templates > most:
		return t, fmt.Errorf("%d templates: 1 to %d can be tried", t.templates, most)
	case t.slides < 1 || t.slides > most:
		return t, fmt.Errorf("%d slides: 1 to %d can be made", t.slides, most)
	case t.segment < 0 || t.segment >= segments:
		return t, fmt.Errorf("segment %d: there are 0 to %d", t.segment, segments-1)
	case t.template < 0 || t.template >= t.templates:
		return t, fmt.Errorf("template %d: there are 0 to %d", t.template, t.templates-1)
	case t.slide < 0 || t.slide >= t.slides:
		return t, fmt.Errorf("slide %d: there are 0 to %d", t.slide, t.slides-1)
	}
	return t, nil
}

func spectrumName(detector string, segment int) string {
	return fmt.Sprintf("spectrum-%s-%02d.npy", detector, segment)
}
func noiseName(detector string) string  { return "noise-" + detector + ".npy" }
func whiteName(detector string) string  { return "white-" + detector + ".npy" }
func filterName(detector string) string { return "filter-" + detector + ".npy" }
func snrName(detector string, template int) string {
	return fmt.Sprintf("snr-%s-%02d.npy", detector, template)
}
func slideName(slide int) string { return fmt.Sprintf("slide-%02d.npy", slide) }

func spectrumStep(t task) error {
	samples, err := strain(t.detector)
	if err != nil {
		return err
	}
	density := periodogram(segment(samples, t.segment))
	fmt.Fprintf(t.out, "%s, segment %d of 0 to %d: noise is quietest at %.0f Hz\n", t.detector, t.segment, segments-1, quietest(density))
	return t.data.write(spectrumName(t.detector, t.segment), density)
}

func whitenStep(t task) error {
	samples, err := strain(t.detector)
	if err != nil {
		return err
	}
	spectra := make([][]float64, segments)
	for n := range spectra {
		if spectra[n], err = t.data.read(spectrumName(t.detector, n), stretch/2+1); err != nil {
			return err
		}
	}
	density := typical(spectra)
	filter := whitener(density)
	return errors.Join(t.data.write(noiseName(t.detector), density), t.data.write(filterName(t.detector), filter),
		t.data.write(whiteName(t.detector), whiten(samples, filter)))
}

func searchStep(t task) error {
	m, err := t.match(t.detector)
	if err != nil {
		return err
	}
	where, snr := loudest(m.snr, margin, length-margin)
	fmt.Fprintf(t.out, "%s, chirp mass %.1f suns: loudest at GPS %.3f with %.1f\n", t.detector, chirpMass(t.template, t.templates), gps(where), snr)
	return t.data.write(snrName(t.detector, t.template), m.snr)
}

// match searches for the task's template.
func (t task) match(detector string) (match, error) {
	white, err := t.data.read(whiteName(detector), length)
	if err != nil {
		return match{}, err
	}
	filter, err := t.data.read(filterName(detector), length/2+1)
	if err != nil {
		return match{}, err
	}
	return search(white, filter, chirpMass(t.template, t.templates)), nil
}

// loudestPairs is the loudest pair of each template.
func (t task) loudestPairs(later int, skip func(int) bool) ([]pair, error) {
	pairs := make([]pair, t.templates)
	for n := range pairs {
		var both [2][]float64
		for d, name := range detectors {
			var err error
			if both[d], err = t.data.read(snrName(name, n), length); err != nil {
				return nil, err
			}
		}
		pairs[n] = coincidence(both[0], both[1], later, skip)
		pairs[n].template = n
	}
	return pairs, nil
}

func coincideStep(t task) error {
	pairs, err := t.loudestPairs(0, nothing)
	if err != nil {
		return err
	}
	f := newFinding(pairs)
	fmt.Fprint(t.out, f.words())
	return f.write(t.data)
}

func slideStep(t task) error {
	f, err := readFinding(t.data)
	if err != nil {
		return err
	}
	later := slide(t.slide, t.slides)
	pairs, err := t.loudestPairs(later, around((f.GPS-epoch)*rate))
	if err != nil {
		return err
	}
	var top float64
	for _, p := range pairs {
		top = max(top, p.combined())
	}
	fmt.Fprintf(t.out, "Livingston's data made later by %.2f s: noise reaches %.1f\n", float64(later)/rate, top)
	return t.data.write(slideName(t.slide), []float64{top})
}
