// Package strictyaml reads YAML into structs as strictly as can be: what is not known is refused, and everything that is
// wrong is told at once, each with its place in the file and, where there is one, the name that was probably meant.
//
// It is pure: it reads no file.
package strictyaml
