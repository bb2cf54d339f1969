package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDetectorsMeasuredSamplesAtTheDocumentedRate(t *testing.T) {
	for _, d := range detectors {
		samples, err := strain(d)
		if err != nil {
			t.Fatal(err)
		}
		if len(samples) != 32*2048 {
			t.Errorf("%s: %d samples", d, len(samples))
		}
		// The ground moves the mirrors by a relative 1e-19 to 2e-18 of the length of the arms.
		if r := rms(samples); r < 5e-20 || r > 2e-18 {
			t.Errorf("%s: root mean square %g", d, r)
		}
	}
}

func TestArraysAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Float64()).Draw(t, "values")
		text := encode(values)
		if (len(text)-8*len(values))%64 != 0 {
			t.Errorf("the numbers begin at byte %d, not at a multiple of 64", len(text)-8*len(values))
		}
		got, err := decode(text, len(values))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if math.Float64bits(v) != math.Float64bits(got[i]) {
				t.Errorf("number %d is %v, was %v", i, got[i], v)
			}
		}
	})
}

// npy is what NumPy 2.4.6 saves as an array of the numbers 1 and -2.5, of 4 bytes each.
const npy = "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }" +
	"                                                            \n\x00\x00\x80?\x00\x00 \xc0"

func TestDecodeReadsWhatNumPySaves(t *testing.T) {
	got, err := decode([]byte(npy), 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{1, -2.5}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":        {"", "not a NumPy file"},
		"another format": {"RIFF....WAVEfmt ", "not a NumPy file"},
		"half a header":  {npy[:40], "not a NumPy file"},
		"integers":       {strings.Replace(npy, "<f4", "<i4", 1), "not a NumPy file of one dimension of floating-point numbers"},
		"two dimensions": {strings.Replace(npy, "(2,), }  ", "(2, 1), }", 1), "not a NumPy file of one dimension"},
		"fewer numbers":  {strings.Replace(npy, "(2,)", "(1,)", 1), "an array of 1 numbers where one of 2 is needed"},
		"half a number":  {npy[:len(npy)-2], "6 bytes where 2 numbers of 4 bytes each should follow"},
		"more bytes":     {npy + "....", "12 bytes where 2 numbers of 4 bytes each should follow"},
	} {
		if _, err := decode([]byte(c.text), 2); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %q, want %q", name, fmt.Sprint(err), c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(npy), 2)
	f.Add(encode([]float64{1, math.NaN(), math.Inf(-1)}), 3)
	f.Add(encode(nil), 0)
	f.Add([]byte(magic+"\xff\xff{"), 1)
	f.Add([]byte(strings.Replace(npy, "(2,)", "(02,)", 1)), -1)
	f.Fuzz(func(t *testing.T, text []byte, count int) {
		values, err := decode(text, count)
		if err != nil {
			return
		}
		if len(values) != count {
			t.Errorf("%d numbers, not %d", len(values), count)
		}
		// What is an array of 4-byte numbers is exact in 8 bytes, and NaN stays one.
		again, err := decode(encode(values), count)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encode(values), encode(again)) {
			t.Errorf("%v became %v", values, again)
		}
	})
}

func TestAFileThatIsMissingOrForeignIsNamed(t *testing.T) {
	f := folder(t.TempDir())
	_, err := f.read("white-H1.npy", 3)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "has the step that makes it run?") {
		t.Errorf("missing: %v", err)
	}
	if err := f.write("white-H1.npy", []float64{1, 2}); err != nil {
		t.Fatal(err)
	}
	_, err = f.read("white-H1.npy", 3)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(string(f), "white-H1.npy")+": an array of 2 numbers where one of 3 is needed") {
		t.Errorf("foreign: %v", err)
	}
}

// A task that is retried, or that a cut-off agent still runs elsewhere, writes what another writes at the same time.
func TestReadersNeverSeeHalfAFile(t *testing.T) {
	f := folder(t.TempDir())
	const size, times = 20_000, 40
	constant := func(v float64) []float64 {
		values := make([]float64, size)
		for i := range values {
			values[i] = v
		}
		return values
	}
	if err := f.write("x", constant(0)); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for n := range times {
				if err := f.write("x", constant(float64(2*n+w))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { writers.Wait(); close(written) }()
	for done := false; !done; {
		select {
		case <-written:
			done = true // and look once more
		default:
		}
		values, err := f.read("x", size)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(constant(values[0]), values); diff != "" {
			t.Fatalf("parts of two files: %s", diff)
		}
	}
	if names := f.names(t); !cmp.Equal(names, []string{"x"}) {
		t.Errorf("left behind: %v", names)
	}
}

func TestAWriteThatFailsLeavesNothing(t *testing.T) {
	f := folder(t.TempDir())
	if err := os.Mkdir(filepath.Join(string(f), "x"), 0o755); err != nil { // a file cannot take a folder's place
		t.Fatal(err)
	}
	if err := f.write("x", []float64{1}); err == nil {
		t.Error("no error")
	}
	if names := f.names(t); !cmp.Equal(names, []string{"x"}) {
		t.Errorf("left behind: %v", names)
	}
	if err := (f + "/nowhere").write("x", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the folder: %v", err)
	}
}

func (f folder) names(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(string(f))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
