package main

import (
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// measured holds the strain of both detectors; DATA.md says where it comes from.
//
//go:embed data/*.npy
var measured embed.FS

// detectors are the two of LIGO, in the order in which the pipeline counts them: Hanford and Livingston.
var detectors = []string{"H1", "L1"}

const (
	// rate is how many samples a second the strain has.
	rate = 2048
	// epoch is the GPS time of the first sample, in seconds.
	epoch = 1126259447
	// length is the number of samples: 32 s.
	length = 32 * rate
	// margin is what is left out at both ends of what was whitened or filtered, in samples: 2 s, because whitening
	// takes 2 s on either side of a sample into account.
	margin = 2 * rate
)

// strain reads what a detector measured: the relative change in length of its arms, 2048 times a second.
func strain(detector string) ([]float64, error) {
	text, err := measured.ReadFile(fmt.Sprintf("data/%c-%s_GWOSC_2KHZ_R1-%d-%d.npy", detector[0], detector, epoch, length/rate))
	if err != nil {
		return nil, err
	}
	return decode(text, length)
}

// The steps hand each other arrays of numbers in NumPy's format 1.0: a magic string, the length of a header, the header,
// the numbers (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
const magic = "\x93NUMPY\x01\x00"

var header = regexp.MustCompile(`^\{'descr': '<f([48])', 'fortran_order': False, 'shape': \((\d+),\), \} *\n$`)

var errFormat = errors.New("not a NumPy file of one dimension of floating-point numbers, format 1.0")

// decode reads an array of so many numbers, of 4 or 8 bytes each.
func decode(text []byte, count int) ([]float64, error) {
	if len(text) < len(magic)+2 || string(text[:len(magic)]) != magic {
		return nil, errFormat
	}
	begin := len(magic) + 2 + int(binary.LittleEndian.Uint16(text[len(magic):]))
	if len(text) < begin {
		return nil, errFormat
	}
	words := header.FindSubmatch(text[len(magic)+2 : begin])
	if words == nil {
		return nil, errFormat
	}
	body := text[begin:]
	size := int(words[1][0] - '0')
	if string(words[2]) != strconv.Itoa(count) {
		return nil, fmt.Errorf("an array of %s numbers where one of %d is needed", words[2], count)
	}
	if len(body) != count*size {
		return nil, fmt.Errorf("%d bytes where %d numbers of %d bytes each should follow", len(body), count, size)
	}
	values := make([]float64, count)
	for i := range values {
		if size == 4 {
			values[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:])))
		} else {
			values[i] = math.Float64frombits(binary.LittleEndian.Uint64(body[8*i:]))
		}
	}
	return values, nil
}

// encode writes an array of numbers of 8 bytes each.
func encode(values []float64) []byte {
	words := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }", len(values))
	// The format wants the numbers to begin at a multiple of 64.
	padding := 63 - (len(magic)+2+len(words))%64
	words += strings.Repeat(" ", padding) + "\n"
	text := append([]byte(magic), 0, 0)
	binary.LittleEndian.PutUint16(text[len(magic):], uint16(len(words)))
	text = append(text, words...)
	for _, v := range values {
		text = binary.LittleEndian.AppendUint64(text, math.Float64bits(v))
	}
	return text
}

// folder is where the steps find what others left, and leave what they made.
type folder string

// read reads an array of so many numbers.
func (f folder) read(name string, count int) ([]float64, error) {
	text, err := f.text(name)
	if err != nil {
		return nil, err
	}
	values, err := decode(text, count)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w; no step of this version wrote it", filepath.Join(string(f), name), err)
	}
	return values, nil
}

// text is what is in a file.
func (f folder) text(name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(string(f), name))
	if err != nil {
		return nil, fmt.Errorf("%w: has the step that makes it run?", err)
	}
	return text, nil
}

func (f folder) write(name string, values []float64) error { return f.keep(name, encode(values)) }

// keep writes a file under another name first: who finds one finds all of it, even if a task is killed or run twice.
func (f folder) keep(name string, text []byte) error {
	part, err := os.CreateTemp(string(f), name+".part-")
	if err != nil {
		return err
	}
	_, err = part.Write(text)
	// What a container writes as root is for the owner of the folder to read as well.
	err = errors.Join(err, part.Chmod(0o644), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), filepath.Join(string(f), name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}
