package minimesos

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// A recording is what a real Mesos was sent and answered, line by line; its
// format is described in shared/mesos/README.md.

type stepKind int

const (
	commentStep stepKind = iota // # …
	requestStep                 // >>> [conn], a whole request
	statusStep                  // <<< [conn] HTTP/1.1 …
	headerStep                  // <<< [conn] Name: value
	bodyStep                    // <<< [conn] a whole body
	recordStep                  // <<< [conn] LENGTH\nJSON, or LENGTH\n hex …
	closedStep                  // <<< [conn] (stream closed …)
)

type step struct {
	kind    stepKind
	line    int // in the file, from 1
	conn    string
	text    string // without the line's prefix
	request *recordedRequest
}

type recordedRequest struct {
	method, path string
	headers      [][2]string
	body         string
}

var (
	sentLine     = regexp.MustCompile(`^>>> \[([^\]]+)\] (.*)$`)
	answeredLine = regexp.MustCompile(`^<<< \[([^\]]+)\] \+[0-9.]+s (.*)$`)
	requestLine  = regexp.MustCompile(`^(GET|POST|PUT|DELETE) (/\S*)$`)
	headerLine   = regexp.MustCompile(`^([A-Z][A-Za-z-]*): (.*)$`)
	recordLine   = regexp.MustCompile(`^([0-9]+)\\n(.*)$`)
)

// readRecording reads a file, with some of its text replaced first.
func readRecording(path string, rewrites []string) ([]step, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := strings.NewReplacer(rewrites...).Replace(string(data))
	return parseRecording(text)
}

func parseRecording(text string) ([]step, error) {
	var steps []step
	var open *recordedRequest // the request whose lines are being read
	bodies := map[string]bool{}
	scanner := bufio.NewScanner(strings.NewReader(text))
	scanner.Buffer(nil, 16<<20)
	for number := 1; scanner.Scan(); number++ {
		line := scanner.Text()
		if m := sentLine.FindStringSubmatch(line); m != nil {
			if r := requestLine.FindStringSubmatch(m[2]); r != nil {
				open = &recordedRequest{method: r[1], path: r[2]}
				steps = append(steps, step{kind: requestStep, line: number, conn: m[1], request: open})
				continue
			}
			if open == nil {
				return nil, fmt.Errorf("line %d belongs to no request", number)
			}
			if h := headerLine.FindStringSubmatch(m[2]); h != nil && open.body == "" {
				open.headers = append(open.headers, [2]string{h[1], h[2]})
				continue
			}
			open.body = m[2]
			continue
		}
		open = nil
		if m := answeredLine.FindStringSubmatch(line); m != nil {
			steps = append(steps, answerStep(number, m[1], m[2], bodies))
			continue
		}
		if strings.HasPrefix(line, "#") {
			steps = append(steps, step{kind: commentStep, line: number, text: line})
			continue
		}
		return nil, fmt.Errorf("line %d is none of a recording: %.80s", number, line)
	}
	return steps, scanner.Err()
}

// answerStep sorts an answered line. inHeaders knows which connections are
// still in the headers of a response.
func answerStep(number int, conn, text string, inHeaders map[string]bool) step {
	s := step{line: number, conn: conn, text: text, kind: bodyStep}
	switch {
	case strings.HasPrefix(text, "HTTP/1.1 "):
		s.kind = statusStep
		inHeaders[conn] = true
	case strings.HasPrefix(text, "(stream closed"):
		s.kind = closedStep
	case recordLine.MatchString(text):
		s.kind = recordStep
		inHeaders[conn] = false
	case inHeaders[conn] && headerLine.MatchString(text):
		s.kind = headerStep
	default:
		inHeaders[conn] = false
	}
	return s
}
