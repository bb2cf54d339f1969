// Package picture draws runs: the graph of their steps as text, DOT, Mermaid and SVG, and who ran where when as a
// timeline in SVG. A drawing is a value: the same steps and attempts give the same text, byte for byte.
//
// The package is pure: it reads no clock and writes nowhere.
package picture
