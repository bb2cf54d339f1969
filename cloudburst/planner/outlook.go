package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/placement"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// unfit says why no machine is made for a demand, whatever there is; "" if one may be. It notes the options that fit.
func (p *planning) unfit(i int) string {
	d := &p.s.Demand[i]
	s := d.Shape
	switch {
	case d.Tasks == 0:
		return "nothing of it waits"
	case !d.Room:
		return "it waits for what no machine would change: " + d.Why
	case !s.Burst.Allow:
		return "its pipeline allows no cloud machines"
	case s.Waited < s.Burst.After:
		return fmt.Sprintf("it may have cloud machines once it has waited %s, in %s", span(s.Burst.After), span(s.Burst.After-s.Waited))
	case len(p.catalog.options) == 0:
		return "no pool has a flavor on a cloud"
	}
	if p.holding[i] == nil {
		p.holding[i] = p.catalog.holding(s)
	}
	if len(p.holding[i]) == 0 {
		return p.noFlavor(s)
	}
	return ""
}

// noFlavor says why no option can hold a task: which resource none has enough of, or which constraint none satisfies.
func (p *planning) noFlavor(s *placement.Shape) string {
	var options []int
	for i, o := range p.catalog.options {
		if allows(s, o) {
			options = append(options, i)
		}
	}
	if len(options) == 0 {
		return "none of the clouds that its pipeline allows is configured: " + strings.Join(s.Burst.Clouds, ", ")
	}
	for _, k := range kinds {
		need, largest := k.of(s.Need), p.catalog.options[options[0]]
		for _, i := range options {
			if o := p.catalog.options[i]; k.of(o.flavor.Resources) > k.of(largest.flavor.Resources) {
				largest = o
			}
		}
		if has := k.of(largest.flavor.Resources); has < need {
			return fmt.Sprintf("no flavor holds %s: the largest, %s, has %s", k.amount(need), largest, k.amount(has))
		}
	}
	for _, w := range s.Where {
		bare := p.catalog.where([]spec.Constraint{w})
		if !slices.ContainsFunc(options, func(i int) bool { return p.catalog.round.CouldHold(i, bare) }) {
			return "no pool has machines with " + w.String()
		}
	}
	return "no flavor has all that it needs together"
}

// kinds are the resources.
var kinds = []struct {
	of     func(spec.Resources) int64
	amount func(int64) string
}{
	{func(r spec.Resources) int64 { return r.CPUs }, cpus},
	{func(r spec.Resources) int64 { return r.Mem }, func(n int64) string { return size(n) + " mem" }},
	{func(r spec.Resources) int64 { return r.Disk }, func(n int64) string { return size(n) + " disk" }},
	{func(r spec.Resources) int64 { return r.GPUs }, func(n int64) string { return count(int(n), "gpu") }},
	{func(r spec.Resources) int64 { return r.Ports }, func(n int64) string { return count(int(n), "port") }},
}

// blocked notes why a demand gets no machine that it should have. The first reason is the one of the best option.
func (p *planning) blocked(d int, why string) {
	if p.why[d] == "" {
		p.why[d] = why
	}
}

// because says for what a machine is made.
func (p *planning) because(demand []int, after time.Duration) string {
	d := &p.s.Demand[demand[0]]
	text := fmt.Sprintf("%s of %s", count(d.Tasks, "task"), d.name())
	if more := len(demand) - 1; more > 0 {
		text += " and of " + count(more, "other step")
	}
	if after <= 0 {
		return text + " would wait otherwise"
	}
	return fmt.Sprintf("%s would wait longer than the %s that it takes to arrive", text, span(after))
}

// name is how people know the demand.
func (d *Demand) name() string { return d.Run + "/" + d.Step }

// explain says of each demand what bursting does about it.
func (p *planning) explain() {
	for i := range p.s.Demand {
		o := &p.plan.Outlook[i]
		if p.outlook != nil {
			o.VMs, o.Expected = p.coming(i)
		}
		switch {
		case o.VMs > 0:
			o.Why = p.kindsComing(i)
			if slices.Contains(p.bursting, i) && p.why[i] != "" && p.outlook.waiting[p.outlook.at(p.first)][i] > 0 {
				o.Why += ", and no more: " + p.why[i]
			}
		case p.why[i] != "":
			o.Why = p.why[i]
		default:
			o.Why = p.needless(i)
		}
	}
}

// coming counts the machines on their way that take tasks of a demand, and says when the first is expected.
func (p *planning) coming(d int) (n int, first time.Time) {
	for _, h := range p.outlook.on[d] {
		n++
		at := p.hosts[h].expected
		if at.Before(p.s.Now) {
			at = p.s.Now
		}
		if n == 1 || at.Before(first) {
			first = at
		}
	}
	return n, first
}

// kindsComing is the sentence of machines on their way.
func (p *planning) kindsComing(d int) string {
	o := &p.plan.Outlook[d]
	counts := map[string]int{}
	var names []string
	for _, h := range p.outlook.on[d] {
		name := p.hosts[h].kind()
		if counts[name]++; counts[name] == 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		if len(names) > 1 {
			names[i] = fmt.Sprintf("%d %s", counts[name], name)
		}
	}
	are := "are"
	if o.VMs == 1 {
		are = "is"
	}
	when := "any moment"
	if left := o.Expected.Sub(p.s.Now); left > 0 {
		when = "in " + span(left)
	}
	return fmt.Sprintf("%s (%s) %s expected %s", count(o.VMs, "VM"), strings.Join(names, ", "), are, when)
}

func (h *host) kind() string {
	if h.option != nil {
		return h.option.String()
	}
	return h.vm.Flavor + " on " + h.vm.Cloud
}

// needless says why a demand that could have machines needs none.
func (p *planning) needless(d int) string {
	last, ends := p.outlook.starts(d)
	switch {
	case ends && last == 0:
		return "there is room for it, which has only to be offered"
	case ends && last <= p.first:
		return fmt.Sprintf("room for it is expected in %s, before a machine could arrive", span(last))
	case ends:
		return fmt.Sprintf("room for it is expected in %s, and a machine would cost more than that wait is worth", span(last))
	}
	return "a machine would cost more than its wait is worth"
}
