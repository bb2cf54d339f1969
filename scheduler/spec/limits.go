package spec

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// Limits of a spec. What exceeds one is refused with a message that names the limit.
const (
	MaxBytes      = strictyaml.MaxBytes    // of the YAML text
	MaxNodes      = strictyaml.MaxNodes    // of the YAML document, after each alias is replaced by what it stands for
	MaxDepth      = strictyaml.MaxDepth    // of mappings and lists in each other
	MaxSteps      = 1_000                  // of a pipeline
	MaxTasks      = 1_000_000              // of a step
	MaxParams     = 100                    // of a pipeline
	MaxParamBytes = 4 << 10                // of a parameter's value
	MaxLabels     = 64                     // of a pipeline
	MaxEnv        = 1_000                  // environment variables of a step
	MaxMatrix     = 8                      // names in a matrix
	MaxProblems   = strictyaml.MaxProblems // that are told at once

	// MaxCommandBytes bounds a task's command line and environment together. Linux refuses to start a program with an
	// argument or variable longer than 128 KiB (MAX_ARG_STRLEN in include/uapi/linux/binfmts.h).
	MaxCommandBytes = 128<<10 - 1

	// MaxParts bounds the pieces of text and names in the templates of all steps, where those of defaults count for each
	// step that uses them.
	MaxParts = 1_000_000

	// MaxRegexps bounds the regular expressions of a pipeline together, in instructions of their compiled programs: a short
	// expression with repetitions can take megabytes.
	MaxRegexps = 100_000

	// MaxBoundBytes bounds the command lines and environments of one task of each step of a pipeline together, so that a
	// short spec with long parameters cannot fill the scheduler's memory.
	MaxBoundBytes = 16 << 20
)

// Defaults: what a step gets when neither it nor `defaults` says anything.
const (
	DefaultProject    = "default"
	DefaultPriority   = 50
	DefaultCPUs       = 1000 // thousandths
	DefaultMem        = 1024 // MiB
	DefaultDisk       = 0    // MiB: none asked for
	DefaultBackoff    = 10 * time.Second
	DefaultMaxBackoff = 5 * time.Minute // or the backoff, where that is longer
)
