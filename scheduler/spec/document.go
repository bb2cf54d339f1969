package spec

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// The types of this file are the pipeline language: each field of a spec once, under its name (tag yaml), with its
// bounds (tag jsonschema) and, for texts and the keys of mappings, the form they must have (tags form and keys, see
// forms). The comments are what authors read in their editor and in the reference. The strict decoder, the JSON Schema
// and the hints of error messages all come from here. A field of type NotYet is part of the language, but what it asks
// for is not built yet: it is refused as such, and is not in the schema.

// A pipeline: steps of containers, and what they need of each other.
type document struct {
	// Name of the pipeline, unique within its project.
	Name string `yaml:"name" form:"name" jsonschema:"required"`
	// Project whose share of the cluster pays for the pipeline. Default: default.
	Project *string `yaml:"project" form:"name"`
	// Who answers for the pipeline: a person or a group, such as a mail address.
	Owner string `yaml:"owner" jsonschema:"maxLength=254"`
	// What the pipeline is for, in words.
	Description prose `yaml:"description" jsonschema:"maxLength=10000"`
	// Names and values by which pipelines are found again.
	Labels strictyaml.Entries[strictyaml.Plain] `yaml:"labels" keys:"label"`
	// Priority among the pipelines of the project, 0 to 100; higher goes first. Default: 50.
	Priority *int64 `yaml:"priority" jsonschema:"minimum=0,maximum=100"`

	Schedule strictyaml.NotYet `yaml:"schedule" jsonschema:"-"`
	Cron     strictyaml.NotYet `yaml:"cron" jsonschema:"-"`
	Timezone strictyaml.NotYet `yaml:"timezone" jsonschema:"-"`
	Epsilon  strictyaml.NotYet `yaml:"epsilon" jsonschema:"-"`
	Overlap  strictyaml.NotYet `yaml:"overlap" jsonschema:"-"`
	After    strictyaml.NotYet `yaml:"after" jsonschema:"-"`
	OnImage  strictyaml.NotYet `yaml:"on_image" jsonschema:"-"`

	// What may be given at submission: a name, its type and, where it may be left out, its default. Templates use it as
	// {{ params.NAME }}.
	Params strictyaml.Entries[param] `yaml:"params" keys:"variable"`

	// Whether, when and where the tasks may run on machines of clouds, beside those of the local cluster.
	Burst burst `yaml:"burst"`
	// When the run is wanted to have ended, counted from its submission, such as 6h or PT6H. It is a wish: nothing is
	// killed for it, but it is a reason to bring machines of clouds.
	Deadline *time.Duration `yaml:"deadline"`

	Notify strictyaml.NotYet `yaml:"notify" jsonschema:"-"`

	// What all steps share unless they say otherwise. The fields of resources and retries, and the variables of env,
	// are taken over one by one; anything else that a step gives replaces what is given here.
	Defaults shared `yaml:"defaults"`
	// The steps, each under its name.
	Steps strictyaml.Entries[step] `yaml:"steps" keys:"name" jsonschema:"required"`
}

// A parameter of the pipeline.
type param struct {
	// Type of its values: int, float, string or bool.
	Type string `yaml:"type" jsonschema:"required,enum=int,enum=float,enum=string,enum=bool"`
	// Value when none is given. Without a default, one must be given.
	Default *strictyaml.Plain `yaml:"default"`
	// Least value, of an int or float.
	Min *strictyaml.Plain `yaml:"min"`
	// Greatest value, of an int or float.
	Max *strictyaml.Plain `yaml:"max"`
}

// Whether, when and where tasks may leave the local cluster. They go to machines of clouds only when no machine of the
// local cluster has room.
type burst struct {
	// Whether they may leave it at all. Default: true.
	Allow *bool `yaml:"allow"`
	// How long a task must have been waiting, since its step could start. Default: 0s.
	After *time.Duration `yaml:"after"`
	// The only clouds to which they may go, by the names that operators gave them. Without it they may go to any.
	Clouds []string `yaml:"clouds" form:"cloud"`
}

// What steps can say of themselves and `defaults` of all steps.
type shared struct {
	// What to run: text is given to /bin/sh -c; a list is a program and its arguments, without a shell. The values of
	// templates go into it as they are: in text it is up to you to quote them.
	Run *command `yaml:"run"`
	// Docker image, with a tag or a digest; without either, its tag is latest. Templates in it may use parameters.
	Image *template `yaml:"image"`
	// Pull the image before each task, even if the agent has it. Default: false.
	ForcePull *bool `yaml:"force_pull"`
	// What each task of the step needs.
	Resources resources `yaml:"resources"`
	// At most so many tasks of the step at a time; 0 means no limit. Default: 0.
	MaxParallel *int64 `yaml:"max_parallel" jsonschema:"minimum=0,maximum=1000000"`
	// Whether, when and how often a task that failed is run again. What is lost to the infrastructure is run again anyway.
	Retries retries `yaml:"retries"`
	// How long an attempt of a task may run, such as 90s, 1h30m or PT30M; 0s means no limit. Default: 0s.
	Timeout *time.Duration `yaml:"timeout"`
	// Environment variables. Templates in the values may use parameters and what numbers the task.
	Env strictyaml.Entries[template] `yaml:"env" keys:"env"`
	// Directories or files of the agent that the container sees.
	Volumes []volume `yaml:"volumes"`
	// Network of the container: that of the agent (host), Docker's bridge, or none. Default: host.
	Network *string `yaml:"network" jsonschema:"enum=host,enum=bridge,enum=none"`
	// What must hold of the attributes of the agent, all of it.
	Where []constraint `yaml:"where"`
	// Agent attribute: the tasks of the step go to agents with as many different values of it as can be.
	Spread *string `yaml:"spread" form:"attribute"`
	// Whether tasks of the step may be killed, and run again later, for the sake of others. Default: false.
	Preemptible *bool `yaml:"preemptible"`

	Secrets strictyaml.NotYet `yaml:"secrets" jsonschema:"-"`
	Chunk   strictyaml.NotYet `yaml:"chunk" jsonschema:"-"`
	Outputs strictyaml.NotYet `yaml:"outputs" jsonschema:"-"`
	Inputs  strictyaml.NotYet `yaml:"inputs" jsonschema:"-"`
}

// A step: one task, or as many alike as array and matrix say.
type step struct {
	shared
	// Steps that must have ended before this one starts.
	Needs []string `yaml:"needs"`
	// Run if all needed steps succeeded (success), if one of them did not (failure), or in both cases (always).
	// Default: success.
	When *string `yaml:"when" jsonschema:"enum=success,enum=failure,enum=always"`
	// Many tasks instead of one: how many (tasks 0 to n-1; 0 is allowed), the numbers {from, to, step}, or a list of
	// values. Templates use the number of a task as {{ index }} and its value in a list, whose numbers count from 0, as
	// {{ value }}.
	Array *array `yaml:"array"`
	// Names, each with its values: the step has a task for every combination of them, times the array. Templates use them
	// as {{ NAME }}. The tasks are numbered as nested loops would do it: the array outermost, then the names in their
	// order, so that the last of them changes fastest.
	Matrix strictyaml.Entries[axisValues] `yaml:"matrix" keys:"variable"`
}

// What a task needs.
type resources struct {
	// Cpus, to the thousandth. Default: 1.
	CPUs *strictyaml.CPUs `yaml:"cpus" jsonschema:"exclusiveMinimum=0"`
	// Memory, such as 512MiB or 4GiB, in whole MiB (rounded up). Default: 1GiB.
	Mem *strictyaml.Size `yaml:"mem"`
	// Disk space for the container and its sandbox, such as 10GiB, in whole MiB (rounded up). Default: 0MiB.
	Disk *strictyaml.Size `yaml:"disk"`
	// Graphics processors. Default: 0.
	GPUs *int64 `yaml:"gpus" jsonschema:"minimum=0,maximum=1024"`
	// How many ports of the agent. Default: 0.
	Ports *int64 `yaml:"ports" jsonschema:"minimum=0,maximum=1000"`
}

// What happens after a task failed by itself.
type retries struct {
	// How often it is run again. Default: 0.
	Limit *int64 `yaml:"limit" jsonschema:"minimum=0,maximum=100"`
	// Wait before the first retry, which doubles with each further one. Default: 10s.
	Backoff *time.Duration `yaml:"backoff"`
	// Longest wait. Default: 5m, or the backoff if that is longer.
	MaxBackoff *time.Duration `yaml:"max_backoff"`
	// Only these exit codes are worth another try. Default: all are.
	ExitCodes []int64 `yaml:"exit_codes" jsonschema:"minimum=1,maximum=255"`
}

// A directory or file of the agent that the container sees.
type volume struct {
	// Absolute path on the agent. Templates in it may use parameters.
	Host *template `yaml:"host" jsonschema:"required"`
	// Absolute path in the container. Templates in it may use parameters.
	At *template `yaml:"at" jsonschema:"required"`
	// Whether the container may only read it (ro) or write to it too (rw). Default: ro.
	Mode string `yaml:"mode" jsonschema:"enum=ro,enum=rw"`
}

// A condition on one attribute of the agent. Exactly one of equals, matches and not_matches is given. An agent without the
// attribute fulfils only not_matches.
type constraint struct {
	// Name of the attribute, or hostname.
	Attribute string `yaml:"attribute" form:"attribute" jsonschema:"required"`
	// The value must be this one.
	Equals *string `yaml:"equals" jsonschema:"maxLength=1000"`
	// The whole value must match this regular expression (RE2).
	Matches *string `yaml:"matches" jsonschema:"maxLength=1000"`
	// The whole value must not match this regular expression (RE2).
	NotMatches *string `yaml:"not_matches" jsonschema:"maxLength=1000"`
}

// Numbers from, from+step, from+2×step … up to and including to. If to is from-1, there are none.
type numbers struct {
	// First number.
	From *number `yaml:"from" jsonschema:"required"`
	// No number is above this one.
	To *number `yaml:"to" jsonschema:"required"`
	// Distance from one number to the next, at least 1. Default: 1.
	Step *number `yaml:"step"`
}
