package mesos

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gogo/protobuf/proto"
	"github.com/google/go-cmp/cmp"
	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a golden file, or rewrites it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// recordings are the files with what a real master sent: one record of every shape in testdata, and all of them in the
// folder that SPILLWAY_MESOS_RECORDINGS names, or beside the repository.
func recordings() []string {
	dir := os.Getenv("SPILLWAY_MESOS_RECORDINGS")
	if dir == "" {
		dir = "../../../shared/mesos"
	}
	files, _ := filepath.Glob(filepath.Join(dir, "[0-9]*.txt"))
	return append(files, "testdata/records.txt")
}

var (
	// recordLine is a record of a scheduler's stream in a recording, with its length.
	recordLine = regexp.MustCompile(`^<<< \[sub[0-9]*\] \+[0-9.]+s [0-9]+\\n(?: hex ([0-9a-f]+)|(.*))$`)
	// cutData is base64 that the recorder has shortened.
	cutData = regexp.MustCompile(`"data":"[^"]*\.\.\.\([0-9]+ characters of base64, cut\)"`)
)

// wireRecord is one record of a stream as it was on the wire.
type wireRecord struct {
	media encoding.MediaType
	bytes []byte
}

// readRecords reads the scheduler's stream records of a recording.
func readRecords(t *testing.T, file string) []wireRecord {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var records []wireRecord
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		m := recordLine.FindSubmatch(lines.Bytes())
		switch {
		case m == nil:
		case m[1] != nil:
			b, err := hex.DecodeString(string(m[1]))
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, wireRecord{codecs.MediaTypeProtobuf, b})
		default:
			b := cutData.ReplaceAll(m[2], []byte(`"data":"Y3V0"`))
			records = append(records, wireRecord{codecs.MediaTypeJSON, bytes.Clone(b)})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// TestEveryRecordedRecord decodes all that a real master sent, and what it sent means the same in both encodings.
func TestEveryRecordedRecord(t *testing.T) {
	types := map[scheduler.Event_Type]int{}
	for _, file := range recordings() {
		if strings.Contains(file, "agent-side") {
			continue // the executor API's stream
		}
		for _, record := range readRecords(t, file) {
			e, names, err := decodeEvent(record.media, record.bytes)
			if err != nil {
				t.Errorf("%s: %v\n%.300s", filepath.Base(file), err, record.bytes)
				continue
			}
			types[e.Type]++
			for path := range names {
				if path != "subscribed.master_info.capabilities.type" {
					t.Errorf("%s: unknown value of %s", filepath.Base(file), path)
				}
			}
			b, err := proto.Marshal(e)
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
				continue
			}
			again, _, err := decodeEvent(codecs.MediaTypeProtobuf, b)
			if err != nil || !again.Equal(e) {
				t.Errorf("%s: decoded from protobuf again (%v):\n%v\nwant\n%v", filepath.Base(file), err, again, e)
			}
		}
	}
	for _, want := range []scheduler.Event_Type{
		scheduler.Event_SUBSCRIBED, scheduler.Event_OFFERS, scheduler.Event_INVERSE_OFFERS, scheduler.Event_RESCIND,
		scheduler.Event_UPDATE, scheduler.Event_FAILURE, scheduler.Event_ERROR, scheduler.Event_HEARTBEAT, scheduler.Event_MESSAGE,
	} {
		if types[want] == 0 {
			t.Errorf("no recorded %s", want)
		}
	}
}

// TestEvents compares what records of every kind mean to the scheduler with testdata/events.golden. The first part of
// testdata/events.txt was recorded from a real master; the rest are values that masters of later versions might send.
func TestEvents(t *testing.T) {
	input, err := os.ReadFile("testdata/events.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	book := newOfferBook(false)
	for line := range strings.Lines(string(input)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			fmt.Fprintln(&out, line)
			continue
		}
		media, record := codecs.MediaTypeJSON, []byte(line)
		if b, err := hex.DecodeString(line); err == nil {
			media, record = codecs.MediaTypeProtobuf, b
		}
		e, names, err := decodeEvent(media, record)
		if err != nil {
			t.Errorf("%v\n%s", err, line)
			continue
		}
		var event any = convert(e, names)
		if e.Offers != nil {
			event = Offers{Offers: book.add(e.Offers.Offers)}
		}
		text, err := json.MarshalIndent(event, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s: %T %s\n", e.Type, event, text)
	}
	golden(t, "events.golden", []byte(out.String()))
}
