package spec

import "github.com/lisa-dpc/spillway/scheduler/strictyaml"

// Problem is one thing that is wrong with a spec or with the parameters given for it.
type Problem = strictyaml.Problem

// Problems is everything that is wrong with a spec, in the order of the file. It is the error of Parse and Bind.
type Problems = strictyaml.Problems
