package spec

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

var syntaxError = regexp.MustCompile(`(?s)^yaml: (?:line (\d{1,9}): )?(.*)$`)

// addSyntax notes that the file is not YAML.
func (d *decoder) addSyntax(text []byte, err error) {
	message := syntaxError.FindStringSubmatch(err.Error())
	line := 1
	if message[1] != "" {
		line = int(atoi(message[1]))
	}
	if len(text) <= maxSearched {
		line = d.syntaxLine(text, err)
	}
	source := ""
	if line <= len(d.lines) {
		source = d.lines[line-1]
	}
	indent := len(source) - len(strings.TrimLeft(source, " \t"))
	if tab := strings.IndexByte(source[:indent], '\t'); tab >= 0 {
		d.addAt(place{line, tab + 1}, "", "use spaces", "YAML does not allow tabs to indent")
		return
	}
	d.addAt(place{line, indent + 1}, "", "", "not valid YAML: %s", quotable(message[2]))
}

// maxSearched bounds the files in which syntaxLine looks for the line: it parses the file about fifteen times.
const maxSearched = 128 << 10

// syntaxLine finds the line that yaml.v3 stumbled over. Its messages name the line where the mapping or list around it
// began, or none; but it reads from the front, so the shortest beginning of the file that gives the same message ends
// with that line.
func (d *decoder) syntaxLine(text []byte, err error) int {
	ends := lineEnds(text)
	i := sort.Search(len(ends)-1, func(i int) bool {
		docs := yaml.NewDecoder(bytes.NewReader(text[:ends[i]]))
		var n yaml.Node
		first := decodeNext(docs, &n)
		if first == nil {
			first = decodeNext(docs, &n)
		}
		return first != nil && !errors.Is(first, io.EOF) && first.Error() == err.Error()
	})
	return i + 1
}

func lineEnds(text []byte) []int {
	var ends []int
	for i, c := range text {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] < len(text) {
		ends = append(ends, len(text))
	}
	return ends
}
