package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Names in templates that number a task.
const (
	indexName = "index"
	valueName = "value"
)

// Command is what one task runs.
type Command struct {
	Shell  string   // text for /bin/sh -c, if Argv is nil
	Argv   []string // the program and its arguments, never empty; nil: Shell
	Env    []Var    // those of the defaults, then those of the step, each once
	Values []Var    // what tells the task from the others of its step: index, value, names of the matrix
}

// Var is a name with its value.
type Var struct{ Name, Value string }

// work is what the tasks of a step run, as far as it is the same for all of them.
type work struct {
	axes  []boundAxis // the first is slowest
	shell pattern
	argv  []pattern // nil: shell
	env   []boundVar
}

type boundVar struct {
	name  string
	value pattern
}

// boundAxis is a name of the matrix, or the array, with its values. A list in an array gives a task two values: its number
// and the value.
type boundAxis struct {
	name       string
	n          int      // how many values; at least 1 except in a step without tasks
	values     []string // nil: the numbers from, from+step …
	from, step int64
	numbered   bool // it is a list in an array
}

// pattern is a template whose parameters have their values: texts, and slots for the values of the task.
type pattern []piece

// piece is a text, or the slot of a value if there is no text.
type piece struct {
	text string
	slot int
}

// slots names the values of a task in the order of taskValues.
func (w *work) slots() []string {
	var names []string
	for _, a := range w.axes {
		if a.numbered {
			names = append(names, indexName)
		}
		names = append(names, a.name)
	}
	return names
}

// taskValues gives the values of task i, in the order of slots.
func (w *work) taskValues(i int) []string {
	values := make([]string, 0, len(w.axes)+1)
	rest := i
	for k := len(w.axes) - 1; k >= 0; k-- {
		a := &w.axes[k]
		at := rest % a.n
		rest /= a.n
		if a.values == nil {
			values = append(values, strconv.FormatInt(a.from+int64(at)*a.step, 10))
			continue
		}
		values = append(values, a.values[at])
		if a.numbered {
			values = append(values, strconv.Itoa(at))
		}
	}
	slices.Reverse(values)
	return values
}

func (p pattern) render(values []string) string {
	if len(p) == 1 && p[0].text != "" {
		return p[0].text
	}
	var b strings.Builder
	for _, x := range p {
		if x.text != "" {
			b.WriteString(x.text)
		} else {
			b.WriteString(values[x.slot])
		}
	}
	return b.String()
}

// Values gives what tells task i from the others of its step, 0 ≤ i < Tasks: index, value, names of the matrix.
func (s *Step) Values(i int) []Var {
	if i < 0 || i >= s.Tasks {
		panic(fmt.Sprintf("spec: step %s has no task %d, only %d", s.Name, i, s.Tasks))
	}
	return s.work.vars(s.work.taskValues(i))
}

// vars names the values of a task.
func (w *work) vars(values []string) []Var {
	var vars []Var
	for k, name := range w.slots() {
		vars = append(vars, Var{name, values[k]})
	}
	return vars
}

// Task gives what task i runs, 0 ≤ i < Tasks. Tasks are numbered as nested loops would do it: over the array outside, then
// over the names of the matrix in their order, the last of which changes fastest.
func (s *Step) Task(i int) Command {
	if i < 0 || i >= s.Tasks {
		panic(fmt.Sprintf("spec: step %s has no task %d, only %d", s.Name, i, s.Tasks))
	}
	w := &s.work
	values := w.taskValues(i)
	var c Command
	if w.argv == nil {
		c.Shell = w.shell.render(values)
	} else {
		c.Argv = make([]string, len(w.argv))
		for k, p := range w.argv {
			c.Argv[k] = p.render(values)
		}
	}
	for _, e := range w.env {
		c.Env = append(c.Env, Var{e.name, e.value.render(values)})
	}
	c.Values = w.vars(values)
	return c
}
