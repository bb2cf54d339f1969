package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/finding.txt")

// pipeline runs the tasks of a step, two at a time as agents would.
type pipeline struct {
	*testing.T
	data string
}

func (p pipeline) step(tasks ...string) {
	p.Helper()
	queue := make(chan string, len(tasks))
	for _, task := range tasks {
		queue <- task
	}
	close(queue)
	var agents sync.WaitGroup
	for range 2 {
		agents.Go(func() {
			for task := range queue {
				args := strings.Fields(task)
				if err := run(append([]string{args[0], "-data", p.data}, args[1:]...), io.Discard); err != nil {
					p.Errorf("%s: %v", task, err)
				}
			}
		})
	}
	agents.Wait()
	if p.Failed() {
		p.FailNow()
	}
}

// each makes a task's words for 0 to n-1.
func each(n int, format string) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}

// The pipeline of strain.yaml on the measured data, with fewer slides.
func TestTheSearchFindsTheWave(t *testing.T) {
	p := pipeline{t, t.TempDir()}
	for _, d := range detectors {
		p.step(each(segments, "spectrum -detector "+d+" -segment %d")...)
	}
	p.step("whiten -detector H1", "whiten -detector L1")
	for _, d := range detectors {
		p.step(each(40, "search -detector "+d+" -template %d")...)
	}
	p.step("coincide")
	p.step(each(4, "slide -slides 4 -slide %d")...)
	// Whoever repeats a step gets the same, also once later steps have run.
	p.step("slide -slides 4 -slide 1", "search -detector H1 -template 20")
	p.step("plot -slides 4")

	f, err := readFinding(folder(p.data))
	if err != nil {
		t.Fatal(err)
	}
	// What was published is of another analysis, of 16 days of data and with spins: see `published`.
	near(t, "signal-to-noise ratio", f.SNR, f.Published.SNR, 0.05)
	near(t, "chirp mass", f.ChirpMass, f.Published.ChirpMass, 0.06) // the next template is 5 % heavier
	if math.Abs(f.Delay-f.Published.Delay) > 0.6 {                  // +0.5 -0.4 ms are published
		t.Errorf("delay %.2f ms, published %.1f", f.Delay, f.Published.Delay)
	}
	if second := f.UTC.Truncate(time.Second); !second.Equal(f.Published.UTC) {
		t.Errorf("at %v, published %v", f.UTC, f.Published.UTC)
	}
	if len(f.Background) != 4 || greatest(f.Background) > 8 || greatest(f.Background) < 5 {
		t.Errorf("noise reaches %v", f.Background)
	}
	p.compareWords()
	p.checkPictures()
	for _, name := range folder(p.data).names(t) {
		if strings.Contains(name, ".part-") {
			t.Errorf("half a file is left: %s", name)
		}
	}
}

func (p pipeline) compareWords() {
	p.Helper()
	got, err := os.ReadFile(filepath.Join(p.data, "finding.txt"))
	if err != nil {
		p.Fatal(err)
	}
	golden := filepath.Join("testdata", "finding.txt")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			p.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		p.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		p.Errorf("finding.txt (-update accepts it): %s", diff)
	}
}

func (p pipeline) checkPictures() {
	p.Helper()
	bits, err := os.ReadFile(filepath.Join(p.data, "finding.png"))
	if err != nil {
		p.Fatal(err)
	}
	if len(bits) > 150_000 { // the README shows one
		p.Errorf("finding.png has %d bytes", len(bits))
	}
	picture, err := png.Decode(bytes.NewReader(bits))
	if err != nil {
		p.Fatalf("finding.png: %v", err)
	}
	if size := picture.Bounds().Size(); size.X != 14*dpi || size.Y != 10*dpi {
		p.Errorf("finding.png is %v large", size)
	}
	coloured := map[string]bool{}
	for y := 0; y < 10*dpi; y += 3 {
		for x := range 14 * dpi {
			if r, g, b, _ := picture.At(x, y).RGBA(); r > 2*b && r > 2*g {
				coloured["red"] = true
			} else if b > 2*r {
				coloured["blue"] = true
			}
		}
	}
	if !coloured["red"] || !coloured["blue"] {
		p.Errorf("finding.png shows of both detectors only %v", coloured)
	}
	p.checkSVG()
}

// checkSVG reads all of the drawing, as a browser would, and looks for words of each panel.
func (p pipeline) checkSVG() {
	p.Helper()
	lines, err := os.Open(filepath.Join(p.data, "finding.svg"))
	if err != nil {
		p.Fatal(err)
	}
	defer lines.Close()
	var words strings.Builder
	var root xml.StartElement
	for decoder := xml.NewDecoder(lines); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			p.Fatalf("finding.svg: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if root.Name.Local == "" {
				root = token.Copy()
			}
		case xml.CharData:
			words.Write(token)
		}
	}
	if root.Name.Local != "svg" {
		p.Errorf("finding.svg is a %q", root.Name.Local)
	}
	for _, want := range []string{"Hanford", "Livingston", "chirp mass", "frequency (Hz)", "noise alone", "gwosc.org", "CC BY 4.0"} {
		if !strings.Contains(words.String(), want) {
			p.Errorf("finding.svg does not say %q", want)
		}
	}
}

func TestBadArgumentsAreExplained(t *testing.T) {
	for args, want := range map[string]string{
		"":                                      "which step? One of:",
		"dance":                                 "which step? One of:",
		"spectrum -segment 15":                  "spectrum: segment 15: there are 0 to 14",
		"spectrum -segment -1":                  "spectrum: segment -1: there are 0 to 14",
		"spectrum -segment one":                 `spectrum: invalid value "one" for flag -segment`,
		"spectrum -detector V1":                 `spectrum: there is no detector "V1"; there are H1 and L1`,
		"search -detector ../H1":                `search: there is no detector "../H1"`,
		"search -template 40":                   "search: template 40: there are 0 to 39",
		"search -templates 0":                   "search: 0 templates: 1 to 100 can be tried",
		"search -templates 101":                 "search: 101 templates: 1 to 100 can be tried",
		"slide -slide 5 -slides 5":              "slide: slide 5: there are 0 to 4",
		"plot -slides 0":                        "plot: 0 slides: 1 to 100 can be made",
		"plot -colour red":                      "plot: flag provided but not defined: -colour",
		"plot finding.png":                      `plot: unknown argument "finding.png"`,
		"whiten -data /nowhere":                 "open /nowhere/spectrum-H1-00.npy: no such file or directory: has the step that makes it run?",
		"slide -data /nowhere":                  "open /nowhere/finding.json: no such file or directory: has the step that makes it run?",
		"spectrum -data /nowhere -detector L1":  "/nowhere/",
		"coincide -data /nowhere -templates 10": "/nowhere/snr-H1-00.npy",
	} {
		var out bytes.Buffer
		err := run(strings.Fields(args), &out)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %q, want %q", args, fmt.Sprint(err), want)
		}
		if strings.Contains(out.String(), "arguments]") {
			t.Errorf("%q: one line was enough, said %q", args, out.String())
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, s := range steps {
		var out bytes.Buffer
		if err := run([]string{s.name, "-h"}, &out); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if !strings.HasPrefix(out.String(), "strain "+s.name) || !strings.Contains(out.String(), "folder that the steps share") {
			t.Errorf("%s: %s", s.name, out.String())
		}
	}
}

func TestAFindingThatIsCutOffIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, findingFile), []byte(`{"snr": 2`), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := readFinding(folder(dir))
	if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), findingFile) {
		t.Errorf("error %v", err)
	}
}
