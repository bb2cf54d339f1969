package spec

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares text with a file, or writes the file if asked to.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", file, diff)
	}
}

// TestErrors shows what authors read when something is wrong. A first line "# params: a=b …" gives the parameters of Bind;
// "~" in them is a space.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	var got strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(filepath.Base(file), text)
		if params, ok := paramsLine(string(text)); ok && err == nil {
			_, err = s.Bind(params)
		}
		if err == nil {
			t.Errorf("%s: nothing was found to be wrong", file)
			continue
		}
		got.WriteString("--- " + filepath.Base(file) + "\n" + err.Error() + "\n")
	}
	golden(t, "testdata/errors.golden", got.String())
}

func paramsLine(text string) (map[string]string, bool) {
	first, _, _ := strings.Cut(text, "\n")
	list, found := strings.CutPrefix(first, "# params: ")
	params := map[string]string{}
	for pair := range strings.FieldsSeq(list) {
		name, value, _ := strings.Cut(pair, "=")
		params[name] = strings.ReplaceAll(value, "~", " ")
	}
	return params, found
}
