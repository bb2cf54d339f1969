package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

type reporter = func(at token.Pos, rule, reason string)

// matches tells whether a package path is meant by a pattern: itself, or, with "/...", a package and all below it.
func matches(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	tree, below := strings.CutSuffix(pattern, "/...")
	return pkg == tree || below && strings.HasPrefix(pkg, tree+"/")
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// pureRoom names the pure room that a folder belongs to, "" if to none.
func pureRoom(dir string) string {
	for _, room := range pureRooms {
		if matches(room+"/...", dir) {
			return room
		}
	}
	return ""
}

// An imported package and the name by which its file knows it.
type imported struct {
	spec *ast.ImportSpec
	path string
	name string
}

func (s *source) imports() []imported {
	var all []imported
	for _, spec := range s.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused such a file already
		}
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		all = append(all, imported{spec, p, name})
	}
	return all
}

// pureImports lets a pure room import harmless packages of the standard library, a short list of libraries, and
// other pure rooms.
func pureImports(s *source, report reporter) {
	room := pureRoom(s.dir)
	if room == "" || s.isTest() {
		return
	}
	for _, imp := range s.imports() {
		if imp.name == "." {
			report(imp.spec.Pos(), "pure-import", fmt.Sprintf(
				"imports %q into its own names: this hides from readers and from this check what is called", imp.path))
		}
		if reason := impure(imp.path); reason != "" {
			report(imp.spec.Pos(), "pure-import", fmt.Sprintf("imports %q: %s is a pure room: %s", imp.path, room, reason))
		}
	}
}

// impure says why a pure room may not import a package, "" if it may.
func impure(pkg string) string {
	if ours, ok := strings.CutPrefix(pkg, module+"/"); ok {
		if pureRoom(ours) == "" {
			return "of our own packages it may import other pure rooms only"
		}
		return ""
	}
	if first, _, _ := strings.Cut(pkg, "/"); strings.Contains(first, ".") {
		if !slices.ContainsFunc(pureLibraries, func(lib string) bool { return matches(lib+"/...", pkg) }) {
			return "of other libraries it may import only those that .ci/layers lists as doing no I/O"
		}
		return ""
	}
	for _, b := range pureBans {
		if matchesAny(b.packages, pkg) {
			return b.reason
		}
	}
	return ""
}

// pureNames keeps the clock, output and goroutines out of the pure rooms.
func pureNames(s *source, report reporter) {
	room := pureRoom(s.dir)
	if room == "" || s.isTest() {
		return
	}
	bans := map[string]nameBan{} // by the name that the package has in this file
	for _, imp := range s.imports() {
		for _, b := range pureNameBans {
			if b.pkg == imp.path {
				bans[imp.name] = b
			}
		}
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n.Pos(), "pure-go", fmt.Sprintf("starts a goroutine: %s is a pure room: one loop calls it, nothing runs beside it", room))
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			if b, ok := bans[pkg.Name]; ok && slices.Contains(b.names, n.Sel.Name) {
				report(n.Pos(), "pure-name", fmt.Sprintf("uses %s.%s: %s is a pure room: %s", b.pkg, n.Sel.Name, room, b.reason))
			}
		}
		return true
	})
}

// directions keeps imports between our own packages one-way.
func directions(s *source, report reporter) {
	for _, imp := range s.imports() {
		to, ours := strings.CutPrefix(imp.path, module+"/")
		if !ours {
			continue
		}
		for _, d := range oneWay {
			allowed := matchesAny(d.except, s.dir) || d.tests && s.isTest() || sameCommand(s.dir, to)
			if matches(d.from, s.dir) && matches(d.to, to) && !allowed {
				report(imp.spec.Pos(), "direction", fmt.Sprintf("%s imports %q: %s", s.dir, imp.path, d.reason))
			}
		}
	}
}

// sameCommand tells whether both folders belong to one command.
func sameCommand(a, b string) bool {
	command := func(dir string) string {
		name, _, _ := strings.Cut(strings.TrimPrefix(dir, "cmd/"), "/")
		return name
	}
	return strings.HasPrefix(a, "cmd/") && strings.HasPrefix(b, "cmd/") && command(a) == command(b)
}

// sleeplessTests keeps tests from waiting for time to pass. Within synctest.Test the clock is the test's own, and
// sleeping is how it is moved.
func sleeplessTests(s *source, report reporter) {
	if !s.isTest() {
		return
	}
	names := map[string]string{} // a package's path by its name in this file
	for _, imp := range s.imports() {
		names[imp.name] = imp.path
	}
	is := func(e ast.Expr, pkg, name string) bool {
		sel, ok := e.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != name {
			return false
		}
		id, ok := sel.X.(*ast.Ident)
		return ok && names[id.Name] == pkg
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if is(call.Fun, "testing/synctest", "Test") {
			return false
		}
		if is(call.Fun, "time", "Sleep") {
			report(call.Pos(), "test-sleep", "tests wait for conditions, not for time: use a channel, testing/synctest, or a deadline with a ticker at a process's edge")
		}
		return true
	})
}
