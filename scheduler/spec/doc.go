// Package spec is the pipeline language: the YAML that authors write, checked strictly and with the place of every
// problem, and what it comes to.
//
//	YAML ──Parse──► Spec ──Bind(parameters)──► Pipeline ──Step.Task(i)──► Command
//
// Parse refuses whatever it does not know, and tells everything that is wrong at once. Bind gives the parameters their
// values. A step of a million tasks stays one Step: Task works out what one of them runs.
//
// document.go holds the fields of the language and what they mean, limits.go its limits and defaults.
//
// # Rules that no single field tells
//
// A step gets from `defaults` what it does not say itself: resources and retries field by field, env variable by
// variable, anything else (volumes and where too) as a whole.
//
// Templates stand in run, env, image, array, matrix and volumes. In run and env they may name parameters and what numbers
// the task; in the others, which all tasks of a step share, parameters only. {{ index }} is the number of the task in the
// step's array: 0 to n-1 for a count or a list, the numbers themselves for {from, to, step}. It needs an array; a
// matrix alone gives no index.
//
// The tasks of array × matrix are numbered as nested loops would do it, the array outermost, the last name of the matrix
// innermost: with array: 2 and matrix: {channel: [x, y]}, tasks 0 to 3 are 0x, 0y, 1x, 1y.
//
// Sizes have a unit; GiB, Gi are powers of 1024, GB, G powers of 1000; they are rounded up to whole MiB. Durations are
// those of Go or of ISO 8601, a day having 24 hours.
//
// The package is pure: it reads no file and no clock.
package spec
