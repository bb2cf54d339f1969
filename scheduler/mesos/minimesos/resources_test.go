package minimesos

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseResources(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"cpus:4;mem:8192", "cpus(allocated: r):4; mem(allocated: r):8192"},
		{" cpus : 0.1 ; ; ports:[31000-31009, 31010-31019]", "ports(allocated: r):[31000-31019]; cpus(allocated: r):0.1"},
		{"ports:[5-6,1-2]", "ports(allocated: r):[1-2, 5-6]"},
		{"gpus:1;cpus:0.0004", "gpus(allocated: r):1"}, // Mesos keeps three digits
		{"", ""},
	} {
		list, err := ParseResources(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		amount, err := bagOf(list)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		if got := amount.allocatedString("r"); got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
	}
	for _, bad := range []string{"cpus", "cpus:x", "cpus:-1", "cpus:NaN", "cpus:Inf", "ports:[1]", "ports:[2-1]", "ports:[a-b]", "cpus(dpc):2", ":1"} {
		if _, err := ParseResources(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// anyBag draws an amount of two scalars and one kind of ports.
func anyBag(r *rapid.T) bag {
	var out bag
	for _, name := range []string{"cpus", "mem"} {
		out.addScalar(scalar{name, rapid.Int64Range(0, 5000).Draw(r, name)})
	}
	var spans []span
	for range rapid.IntRange(0, 4).Draw(r, "spans") {
		begin := rapid.Uint64Range(0, 40).Draw(r, "begin")
		spans = append(spans, span{begin, begin + rapid.Uint64Range(0, 5).Draw(r, "length")})
	}
	out.addRanges(portRanges{"ports", coalesce(spans)})
	return out
}

func numbers(spans []span) (out []uint64) {
	for _, s := range spans {
		for n := s.begin; n <= s.end; n++ {
			out = append(out, n)
		}
	}
	return out
}

// What is added can be taken away again, and nothing else changes.
func TestBagArithmetic(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		all := anyBag(r)
		part := anyBag(r)
		before := all.clone()
		// Ports can be in one place only.
		for i := range part.ranges {
			part.ranges[i].spans = without(part.ranges[i].spans, all.spans("ports"))
		}
		part.ranges = slices.DeleteFunc(part.ranges, func(p portRanges) bool { return len(p.spans) == 0 })
		all.add(&part)
		if !all.contains(&part) || !all.contains(&before) {
			r.Fatalf("%v does not contain what it was made of", all)
		}
		all.subtract(&part)
		if !all.contains(&before) || !before.contains(&all) {
			r.Fatalf("%v is not %v again", all, before)
		}
	})
}

func TestSpansAreSets(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x, y := anyBag(r), anyBag(r)
		a, b := x.spans("ports"), y.spans("ports")
		var want []uint64
		for _, n := range numbers(a) {
			if !slices.Contains(numbers(b), n) {
				want = append(want, n)
			}
		}
		if diff := cmp.Diff(want, numbers(without(a, b))); diff != "" {
			r.Fatalf("%v without %v: %s", a, b, diff)
		}
	})
}
