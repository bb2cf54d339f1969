package strictyaml

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

var syntaxError = regexp.MustCompile(`(?s)^yaml: (?:line (\d{1,9}): )?(.*)$`)

// addSyntax notes that the file is not YAML.
func (d *Decoder) addSyntax(text []byte, err error) {
	said := syntaxError.FindStringSubmatch(err.Error())
	line := 1
	if said[1] != "" {
		line = int(atoi(said[1]))
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
		d.AddAt(Place{line, tab + 1}, "", "use spaces", "YAML does not allow tabs to indent")
		return
	}
	column := indent + 1
	if len(text) <= maxSearched && line <= len(d.lines) {
		column = syntaxColumn(text, line, column, err)
	}
	d.AddAt(Place{line, column}, "", colonHint(source, column, said[2]), "not valid YAML: %s", Quotable(said[2]))
}

// colonHint says what to do about a colon where YAML wants none: it is in text that has no quotes, or the line, whose
// first colon it is, is taken for more of the text above.
func colonHint(source string, column int, said string) string {
	before := source[:byteOf(source, column)]
	if !strings.HasPrefix(said, "mapping values are not allowed") || !strings.HasPrefix(source[len(before):], ":") {
		return "" // in a file where nobody has looked for the column
	}
	if strings.Contains(before, ": ") {
		return "text with a colon and a space in it: put it in quotes, or in lines below after |"
	}
	return "indent the line as those beside it"
}

// maxSearched bounds the files in which syntaxLine looks for the line: it parses the file about fifteen times.
const maxSearched = 128 << 10

// syntaxLine finds the line that yaml.v3 stumbled over. Its messages name the line where the mapping or list around it
// began, or none; but it reads from the front, so the shortest beginning of the file that gives the same message ends
// with that line.
func (d *Decoder) syntaxLine(text []byte, err error) int {
	ends := lineEnds(text)
	i := sort.Search(len(ends)-1, func(i int) bool { return failsAlike(text[:ends[i]], err) })
	return i + 1
}

// failsAlike tells whether yaml.v3 refuses a text with the same message.
func failsAlike(text []byte, err error) bool {
	docs := yaml.NewDecoder(bytes.NewReader(text))
	var n yaml.Node
	first := decodeNext(docs, &n)
	if first == nil {
		first = decodeNext(docs, &n)
	}
	return first != nil && !errors.Is(first, io.EOF) && message(first) == message(err)
}

// message is what yaml.v3 says without the line, which may be the one where the text ends.
func message(err error) string { return syntaxError.FindStringSubmatch(err.Error())[2] }

// endings are ways to go on in a line, one of which mends a beginning that is only incomplete.
var endings = []string{"", "x", "]", "}", "\"", "'", ": x"}

// Bounds of syntaxColumn, which parses the file up to the line about fifty times.
const (
	longestLine   = 500
	longestBefore = 32 << 10 // bytes
)

// syntaxColumn finds the column in the line: it is where the shortest beginning of the line ends that fails however it goes
// on. Where there is none, as with a quote that is never closed, it is where the beginnings start to fail by themselves.
func syntaxColumn(text []byte, line, otherwise int, err error) int {
	ends := lineEnds(text)
	from := 0
	if line > 1 {
		from = ends[line-2]
	}
	source := bytes.TrimRight(text[from:ends[line-1]], "\r\n")
	if len(source) > longestLine || from > longestBefore {
		return otherwise
	}
	for _, ways := range [][]string{endings, {""}} {
		k := sort.Search(len(source)+1, func(k int) bool {
			for _, way := range ways {
				if !failsAlike(append(bytes.Clone(text[:from+k]), way...), err) {
					return false
				}
			}
			return true
		})
		if k > 0 && k <= len(source) {
			return utf8.RuneCount(bytes.TrimRight(source[:k], " \t"))
		}
	}
	return otherwise
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
