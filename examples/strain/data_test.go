package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestTheDataAreThoseThatAreDocumented(t *testing.T) {
	document, err := os.ReadFile("DATA.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := measured.ReadDir("data")
	if err != nil || len(files) != len(detectors) {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, f := range files {
		bytes, err := measured.ReadFile("data/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("| `%s` | %d | `%x` |", f.Name(), len(bytes), sha256.Sum256(bytes))
		if !strings.Contains(string(document), line) {
			t.Errorf("DATA.md does not say %s", line)
		}
	}
}
