package mesos

import (
	"math"
	"slices"

	mesosgo "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// piece is one resource of an offer, and how much of it has not been given to a task yet. Amounts are in thousandths,
// as in Mesos itself (src/common/values.cpp rounds every scalar to three decimals).
type piece struct {
	resource mesosgo.Resource
	left     int64
	ports    []mesosgo.Value_Range // of the resource "ports" instead of left
}

// pool is what is left of the offers of one agent for one role. Reserved pieces come first: what was reserved for us
// nobody else can use.
type pool []piece

// newPool takes over what of an offer a task can use.
func newPool(resources []mesosgo.Resource, revocable bool) pool {
	var p pool
	for _, r := range resources {
		if !usable(&r, revocable) {
			continue
		}
		next := piece{resource: r, left: thousandths(r.Scalar.GetValue())}
		if r.Name == "ports" {
			next.ports = slices.Clone(r.Ranges.GetRange())
		}
		p = append(p, next)
	}
	p.sort()
	return p
}

func (p pool) sort() {
	slices.SortStableFunc(p, func(a, b piece) int {
		switch ra, rb := isReserved(&a.resource), isReserved(&b.resource); {
		case ra == rb:
			return 0
		case ra:
			return -1
		default:
			return 1
		}
	})
}

// usable leaves out what a task's sandbox and processes cannot simply be put on: volumes that hold somebody's data,
// disks that are given out whole (disk.source), what is shared, and what may be taken away at any time.
func usable(r *mesosgo.Resource, revocable bool) bool {
	if r.Shared != nil || r.Revocable != nil && !revocable {
		return false
	}
	if r.Disk != nil && (r.Disk.Persistence != nil || r.Disk.Source != nil || r.Disk.Volume != nil) {
		return false
	}
	if r.Name == "ports" {
		return r.GetType() == mesosgo.RANGES
	}
	return r.GetType() == mesosgo.SCALAR
}

func isReserved(r *mesosgo.Resource) bool {
	return len(r.Reservations) > 0 || r.Role != nil && *r.Role != "*"
}

// thousandths converts a scalar, which is a decimal number of at most three places in a double.
func thousandths(v float64) int64 {
	if !(v > 0) { // nor a number, if the agent's configuration is strange
		return 0
	}
	return int64(math.Round(min(v, 1e12) * 1000))
}

// amount is how much of a resource the pieces of one class hold: thousandths, or a number of ports. A task cannot mix
// revocable and other resources of one name.
func (p pool) amount(name string, revocable bool) int64 {
	var sum int64
	for i := range p {
		if p[i].is(name, revocable) {
			sum += p[i].amount()
		}
	}
	return sum
}

func (p *piece) is(name string, revocable bool) bool {
	return p.resource.Name == name && (p.resource.Revocable != nil) == revocable
}

func (p *piece) amount() int64 {
	if p.resource.Name != "ports" {
		return p.left
	}
	var n int64
	for _, r := range p.ports {
		n += int64(r.End-r.Begin) + 1
	}
	return n
}

// resources says what placement may count on: of each resource, of the larger class.
func (p pool) resources() spec.Resources {
	most := func(name string) int64 { return max(p.amount(name, false), p.amount(name, true)) }
	return spec.Resources{
		CPUs:  most("cpus"),
		Mem:   most("mem") / 1000,
		Disk:  most("disk") / 1000,
		GPUs:  most("gpus") / 1000,
		Ports: most("ports"),
	}
}

// want is what a task needs of one resource, in the unit of amount.
type want struct {
	name   string
	amount int64
}

func wants(r spec.Resources) []want {
	return []want{
		{"cpus", r.CPUs}, {"mem", r.Mem * 1000}, {"disk", r.Disk * 1000}, {"gpus", r.GPUs * 1000}, {"ports", r.Ports},
	}
}

// carve takes what a task needs out of the pool, as resources that the offers really hold: with their reservations,
// allocation and providers. If something is not there, carve takes nothing and names it.
func (p pool) carve(r spec.Resources) (carved []mesosgo.Resource, ports []uint64, missing string) {
	for _, w := range wants(r) {
		if p.amount(w.name, false) < w.amount && p.amount(w.name, true) < w.amount {
			return nil, nil, w.name
		}
	}
	for _, w := range wants(r) {
		revocable := p.amount(w.name, false) < w.amount
		for i := range p {
			if w.amount == 0 {
				break
			}
			if !p[i].is(w.name, revocable) || p[i].amount() == 0 {
				continue
			}
			part, taken, numbers := p[i].take(w.amount)
			carved, ports = append(carved, part), append(ports, numbers...)
			w.amount -= taken
		}
	}
	return carved, ports, ""
}

// take takes at most n of the piece.
func (p *piece) take(n int64) (part mesosgo.Resource, taken int64, ports []uint64) {
	part = p.resource
	if part.Name == "ports" {
		part.Ranges, ports = p.takePorts(n)
		return part, int64(len(ports)), ports
	}
	taken = min(n, p.left)
	p.left -= taken
	part.Scalar = &mesosgo.Value_Scalar{Value: float64(taken) / 1000}
	return part, taken, nil
}

// takePorts takes at most n ports, the lowest first.
func (p *piece) takePorts(n int64) (taken *mesosgo.Value_Ranges, ports []uint64) {
	taken = &mesosgo.Value_Ranges{}
	for n > 0 && len(p.ports) > 0 {
		r := &p.ports[0]
		end := min(r.End, r.Begin+uint64(n)-1)
		taken.Range = append(taken.Range, mesosgo.Value_Range{Begin: r.Begin, End: end})
		for port := r.Begin; port <= end; port++ {
			ports = append(ports, port)
			n--
		}
		if end == r.End {
			p.ports = p.ports[1:]
		} else {
			r.Begin = end + 1
		}
	}
	return taken, ports
}
