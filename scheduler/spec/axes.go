package spec

import (
	"strconv"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// axes binds the array and the matrix of a step, and gives how many tasks they make.
func (b *binder) axes(s *StepSource) (axes []boundAxis, tasks int) {
	if s.array != nil {
		if axis, ok := b.array(s.array); ok {
			axes = append(axes, axis)
		}
	}
	for _, m := range s.matrix {
		if values, ok := b.axisValues(&m.values); ok {
			axes = append(axes, boundAxis{name: m.name, n: len(values), values: values})
		}
	}
	tasks = 1
	for _, a := range axes {
		// None of them has more than MaxTasks values, so this cannot overflow.
		if tasks *= a.n; tasks > MaxTasks {
			b.Add(strictyaml.Join(s.path, "matrix"), "", "the matrix times the array makes more than %d tasks", MaxTasks)
			break
		}
	}
	return axes, tasks
}

// array binds an array; ok is false if it must wait for the parameters, or if it is wrong.
func (b *binder) array(a *array) (axis boundAxis, ok bool) {
	switch {
	case a.count != nil:
		n, ok := b.int(&a.count.template)
		return boundAxis{name: indexName, n: int(n), step: 1}, ok && b.checkCount(a.path, n, a.count.origin())
	case a.numbers != nil:
		return b.numbers(a.path, a.numbers)
	}
	values, ok := b.axisValues(a.list)
	return boundAxis{name: valueName, n: len(values), values: values, numbered: true}, ok
}

// checkCount notes a number of tasks that a step cannot have.
func (b *binder) checkCount(path string, n int64, origin string) bool {
	switch {
	case n < 0:
		b.Add(path, "", "%d tasks are less than 0%s", n, origin)
	case n > MaxTasks:
		b.Add(path, "", "%d tasks are more than %d%s", n, MaxTasks, origin)
	default:
		return true
	}
	return false
}

func (b *binder) numbers(path string, x *numbers) (axis boundAxis, ok bool) {
	if x.From == nil || x.To == nil {
		return axis, false
	}
	from, fromOK := b.int(&x.From.template)
	to, toOK := b.int(&x.To.template)
	step, stepOK := int64(1), true
	if x.Step != nil {
		step, stepOK = b.int(&x.Step.template)
	}
	if !fromOK || !toOK || !stepOK {
		return axis, false
	}
	switch {
	case step < 1:
		b.Add(x.Step.path, "", "%d is less than 1%s", step, x.Step.origin())
	case to < from-1:
		b.Add(x.To.path, "", "%d is less than from, which is %d%s", to, from, x.To.origin())
	default:
		n := (to - from + step) / step
		axis = boundAxis{name: indexName, n: int(n), from: from, step: step}
		return axis, b.checkCount(path, n, x.From.origin()+x.To.origin())
	}
	return axis, false
}

// axisValues gives the texts of a list, the list's own if nothing in it depends on parameters.
func (b *binder) axisValues(a *axisValues) ([]string, bool) {
	if a.templates == nil {
		return a.texts, true
	}
	texts := make([]string, len(a.templates))
	all := true
	for i := range a.templates {
		text, ok := b.text(&a.templates[i])
		texts[i] = text
		all = all && ok
	}
	return texts, all
}

// longest is the length of the longest value.
func (a *boundAxis) longest() int {
	if a.values == nil {
		last := a.from + a.step*int64(max(a.n-1, 0))
		return max(len(strconv.FormatInt(a.from, 10)), len(strconv.FormatInt(last, 10)))
	}
	n := 0
	for _, v := range a.values {
		n = max(n, len(v))
	}
	return n
}

// command binds the command line and environment of a step, whose axes are bound.
func (b *binder) command(s *StepSource, w *work) {
	compiler := newCompiler(b, w)
	if s.command.shell != nil {
		w.shell = compiler.pattern(s.command.shell)
		if len(w.shell) == 0 && !b.open(s.command.shell) {
			b.Add(s.command.path, "", "is empty, should be text for the shell")
		}
	}
	for i := range s.command.argv {
		t := &s.command.argv[i]
		w.argv = append(w.argv, compiler.pattern(t))
		if i == 0 && len(w.argv[0]) == 0 && !b.open(t) {
			b.Add(t.path, "", "is empty, should be a program")
		}
	}
	for i := range s.env {
		e := &s.env[i]
		compiler.bytes += len(e.Name) + 1
		w.env = append(w.env, boundVar{e.Name, compiler.pattern(&e.Value)})
	}
	if compiler.bytes > MaxCommandBytes {
		b.Add(s.path, "put long data into a file", "command line and environment of a task have more than %d bytes", MaxCommandBytes)
	}
}

// compiler turns templates into patterns for one step.
type compiler struct {
	*binder
	slots   map[string]int // of names
	longest []int          // value of each slot, in bytes
	bytes   int            // of all patterns at their longest, each with the NUL that ends it
}

func newCompiler(b *binder, w *work) *compiler {
	c := &compiler{binder: b, slots: map[string]int{}}
	for i := range w.axes {
		a := &w.axes[i]
		if a.numbered {
			c.slots[indexName] = len(c.longest)
			c.longest = append(c.longest, len(strconv.Itoa(a.n)))
		}
		c.slots[a.name] = len(c.longest)
		c.longest = append(c.longest, a.longest())
	}
	return c
}

// pattern puts the values of parameters into a template, and numbers what is left open. It stops where the limits end.
func (c *compiler) pattern(t *template) pattern {
	var p pattern
	var text strings.Builder
	grows := t.usesParams()
	c.bytes++
	for _, x := range t.parts {
		slot, isSlot := c.slots[x.name]
		switch {
		case isSlot:
			p = p.add(text.String())
			text.Reset()
			c.bytes += c.longest[slot]
			p = append(p, piece{slot: slot})
		case !grows:
			c.bytes += len(x.text)
			p = p.add(x.text)
		default:
			s := x.text
			if x.name != "" {
				s = c.param(x.name)
			}
			c.bytes += len(s)
			if c.bytes > MaxCommandBytes || c.full(len(s)) {
				return p
			}
			text.WriteString(s)
		}
	}
	return p.add(text.String())
}

func (p pattern) add(text string) pattern {
	if text == "" {
		return p
	}
	return append(p, piece{text: text})
}
