// Command layers checks what the compiler does not: which room may import which, that the pure rooms stay pure, that
// tests wait for conditions, that exported names are documented, and that files and functions stay small.
//
// Usage: go run ./.ci/layers [folder]
//
// It reads the source alone, no types, so it also works on a tree that does not compile. Every finding is printed as
// "file:line:column: rule: reason"; the exit status is 1 if there is any.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	findings, err := checkTree(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "layers:", err)
		os.Exit(2)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
}

// A finding is one place that breaks a rule.
type finding struct {
	pos    token.Position
	rule   string
	reason string
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.pos.Filename, f.pos.Line, f.pos.Column, f.rule, f.reason)
}

// A source is one parsed Go file.
type source struct {
	name string // path below the root, with slashes
	dir  string // folder below the root: "scheduler/state"
	fset *token.FileSet
	ast  *ast.File
}

func (s *source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

// lines counts the lines that a node covers.
func (s *source) lines(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// A check looks at one file and reports what breaks its rule.
type check func(s *source, report func(at token.Pos, rule, reason string))

var checks = []check{pureImports, pureNames, directions, sleeplessTests, documented, small}

// checkTree applies every check to every Go file below root, in the order of their names.
func checkTree(root string) ([]finding, error) {
	var findings []finding
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != root && skipped(entry.Name()) {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		s, err := parse(root, name)
		if err != nil {
			return err
		}
		for _, c := range checks {
			c(s, func(at token.Pos, rule, reason string) {
				findings = append(findings, finding{s.fset.Position(at), rule, reason})
			})
		}
		return nil
	})
	slices.SortStableFunc(findings, func(a, b finding) int {
		if c := strings.Compare(a.pos.Filename, b.pos.Filename); c != 0 {
			return c
		}
		return a.pos.Offset - b.pos.Offset
	})
	return findings, err
}

// skipped tells the folders that hold no code of ours: binaries, test data and what starts with a dot, but for .ci.
func skipped(folder string) bool {
	return folder == "testdata" || folder == "bin" || strings.HasPrefix(folder, ".") && folder != ".ci"
}

// parse reads one file; the positions in it carry the path below root.
func parse(root, name string) (*source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	below, err := filepath.Rel(root, name)
	if err != nil {
		return nil, err
	}
	below = filepath.ToSlash(below)
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, below, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &source{name: below, dir: path.Dir(below), fset: fset, ast: tree}, nil
}
