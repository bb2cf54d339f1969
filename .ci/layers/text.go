package main

import (
	"fmt"
	"go/ast"
	"slices"
)

// documented wants a comment at every exported function, method, type, constant and variable that other packages see.
func documented(s *source, report reporter) {
	if s.isTest() || s.ast.Name.Name == "main" || ast.IsGenerated(s.ast) {
		return
	}
	for _, decl := range s.ast.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && seenOutside(d) {
				reportUndocumented(d.Name, report)
			}
		case *ast.GenDecl:
			undocumentedSpecs(d, report)
		}
	}
}

// seenOutside tells whether a function is a package's own or a method of an exported type, and not one of the methods
// that mean the same everywhere.
func seenOutside(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	if slices.Contains(fixedMeaning, d.Name.Name) {
		return false
	}
	receiver := d.Recv.List[0].Type
	for {
		switch t := receiver.(type) {
		case *ast.StarExpr:
			receiver = t.X
		case *ast.IndexExpr:
			receiver = t.X
		case *ast.IndexListExpr:
			receiver = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}

// undocumentedSpecs accepts one comment above a group of constants or variables, or one at each of them.
func undocumentedSpecs(d *ast.GenDecl, report reporter) {
	for _, spec := range d.Specs {
		switch sp := spec.(type) {
		case *ast.TypeSpec:
			if d.Doc == nil && sp.Doc == nil && sp.Name.IsExported() {
				reportUndocumented(sp.Name, report)
			}
		case *ast.ValueSpec:
			if d.Doc != nil || sp.Doc != nil || sp.Comment != nil {
				continue
			}
			for _, name := range sp.Names {
				if name.IsExported() {
					reportUndocumented(name, report)
				}
			}
		}
	}
}

func reportUndocumented(name *ast.Ident, report reporter) {
	report(name.Pos(), "undocumented", fmt.Sprintf(
		"%s is exported and has no comment: say what it means, its units and its errors", name.Name))
}

// small keeps files and functions, those of tests aside, at a length that a reader can hold in mind.
func small(s *source, report reporter) {
	if s.isTest() || ast.IsGenerated(s.ast) {
		return
	}
	if n := s.fset.File(s.ast.FileStart).LineCount(); n > maxFileLines {
		report(s.ast.Package, "long-file", fmt.Sprintf("%d lines, more than %d: it holds more than one idea; split it", n, maxFileLines))
	}
	for _, decl := range s.ast.Decls {
		d, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := s.lines(d); n > maxFunctionLines {
			report(d.Name.Pos(), "long-function", fmt.Sprintf(
				"%s has %d lines, more than %d: name its parts", d.Name.Name, n, maxFunctionLines))
		}
	}
}
