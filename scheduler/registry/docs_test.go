package registry

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestFaultsAreDocumented looks for every kind of fault in the page on images.
func TestFaultsAreDocumented(t *testing.T) {
	source, err := os.ReadFile("fault.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/images.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`Kind = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) < 10 {
		t.Fatalf("only the kinds %v were found", kinds)
	}
	for _, kind := range kinds {
		if !strings.Contains(string(page), "`"+kind[1]+"`") {
			t.Errorf("docs/images.md does not explain the fault %s", kind[1])
		}
	}
}
