package mesos

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

func reserved(r mesosgo.Resource) mesosgo.Resource {
	r.Reservations = []mesosgo.Resource_ReservationInfo{{Type: mesosgo.Resource_ReservationInfo_STATIC.Enum(), Role: ptr("dpc")}}
	return r
}

// roleReserved is reserved in the form that masters before 1.4 use.
func roleReserved(r mesosgo.Resource) mesosgo.Resource {
	r.Role = ptr("dpc")
	return r
}

func revocable(r mesosgo.Resource) mesosgo.Resource {
	r.Revocable = &mesosgo.Resource_RevocableInfo{}
	return r
}

func provided(r mesosgo.Resource) mesosgo.Resource {
	r.ProviderID = &mesosgo.ResourceProviderID{Value: "p"}
	return r
}

func TestCarve(t *testing.T) {
	cases := []struct {
		name      string
		offered   []mesosgo.Resource
		revocable bool
		want      spec.Resources
		carved    []mesosgo.Resource
		ports     []uint64
		missing   string
	}{
		{
			name:    "reserved resources go first, with their reservations",
			offered: []mesosgo.Resource{scalar("cpus", 2), reserved(scalar("cpus", 0.5)), scalar("mem", 10), roleReserved(scalar("mem", 4))},
			want:    spec.Resources{CPUs: 700, Mem: 4},
			carved:  []mesosgo.Resource{reserved(scalar("cpus", 0.5)), scalar("cpus", 0.2), roleReserved(scalar("mem", 4))},
		},
		{
			name:    "the provider stays",
			offered: []mesosgo.Resource{provided(scalar("gpus", 2))},
			want:    spec.Resources{GPUs: 1},
			carved:  []mesosgo.Resource{provided(scalar("gpus", 1))},
		},
		{
			name:    "ports of several ranges",
			offered: []mesosgo.Resource{ranges("ports", 31000, 31001, 31005, 31010), reserved(ranges("ports", 80, 80))},
			want:    spec.Resources{Ports: 4},
			carved:  []mesosgo.Resource{reserved(ranges("ports", 80, 80)), ranges("ports", 31000, 31001, 31005, 31005)},
			ports:   []uint64{80, 31000, 31001, 31005},
		},
		{
			name:    "too little",
			offered: []mesosgo.Resource{scalar("cpus", 1), scalar("mem", 10)},
			want:    spec.Resources{CPUs: 1000, Mem: 11},
			missing: "mem",
		},
		{
			name:    "revocable resources only if wanted",
			offered: []mesosgo.Resource{revocable(scalar("cpus", 4)), scalar("cpus", 1)},
			want:    spec.Resources{CPUs: 2000},
			missing: "cpus",
		},
		{
			name:      "never revocable and other resources of a name together",
			offered:   []mesosgo.Resource{scalar("cpus", 1), revocable(scalar("cpus", 4)), scalar("mem", 9)},
			revocable: true,
			want:      spec.Resources{CPUs: 2000, Mem: 9},
			carved:    []mesosgo.Resource{revocable(scalar("cpus", 2)), scalar("mem", 9)},
		},
		{
			name:      "their sum does not count",
			offered:   []mesosgo.Resource{scalar("cpus", 3), revocable(scalar("cpus", 4))},
			revocable: true,
			want:      spec.Resources{CPUs: 5000},
			missing:   "cpus",
		},
		{
			name:    "a double that is not quite a decimal number",
			offered: []mesosgo.Resource{scalar("cpus", 0.1+0.2), scalar("mem", 1.9999999999)},
			want:    spec.Resources{CPUs: 300, Mem: 2},
			carved:  []mesosgo.Resource{scalar("cpus", 0.3), scalar("mem", 2)},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := newPool(c.offered, c.revocable)
			carved, ports, missing := p.carve(c.want)
			if diff := cmp.Diff(c.carved, carved); diff != "" {
				t.Errorf("carved (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.ports, ports); diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
			if missing != c.missing {
				t.Errorf("missing %q, want %q", missing, c.missing)
			}
		})
	}
}

// TestCarveProperties: tasks never get more than was offered, nothing twice, exactly what they asked for, and whatever
// the pool says that it holds can be had.
func TestCarveProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, 5000)
		var offered []mesosgo.Resource
		for _, name := range []string{"cpus", "mem", "disk", "gpus", "cpus", "mem"} {
			r := scalar(name, float64(amount.Draw(t, name))/1000)
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 1:
				r = reserved(r)
			case 2:
				r = revocable(r)
			}
			offered = append(offered, r)
		}
		offered = append(offered, ranges("ports", 31000, 31000+rapid.Uint64Range(0, 9).Draw(t, "ports"), 32000, 32003))
		p := newPool(offered, true)
		limit := newPool(offered, true).resources()
		given := pool{}
		used := map[uint64]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "tasks") {
			have := p.resources()
			want := spec.Resources{
				CPUs:  rapid.Int64Range(0, have.CPUs).Draw(t, "cpus"),
				Mem:   rapid.Int64Range(0, have.Mem+1).Draw(t, "mem"),
				Ports: rapid.Int64Range(0, have.Ports).Draw(t, "ports"),
			}
			carved, ports, missing := p.carve(want)
			if fits := want.Mem <= have.Mem; fits != (missing == "") {
				t.Fatalf("%+v of %+v: missing %q", want, have, missing)
			}
			if missing != "" {
				if p.resources() != have {
					t.Fatal("a failed carve took something")
				}
				continue
			}
			got := newPool(carved, true)
			for _, w := range wants(want) {
				plain, other := got.amount(w.name, false), got.amount(w.name, true)
				if plain+other != w.amount || plain > 0 && other > 0 {
					t.Fatalf("%s: %d and %d revocable, want %d", w.name, plain, other, w.amount)
				}
			}
			for _, port := range ports {
				if used[port] {
					t.Fatalf("port %d twice", port)
				}
				used[port] = true
			}
			given = append(given, got...)
		}
		for _, name := range []string{"cpus", "mem", "disk", "gpus", "ports"} {
			for _, class := range []bool{false, true} {
				if all := newPool(offered, true).amount(name, class); given.amount(name, class)+p.amount(name, class) != all {
					t.Fatalf("%s: %d given, %d left of %d", name, given.amount(name, class), p.amount(name, class), all)
				}
			}
		}
		if given.resources().Ports > limit.Ports {
			t.Fatal("more ports than there are")
		}
	})
}

func TestUnusable(t *testing.T) {
	persistent, mount, shared, text := scalar("disk", 1), scalar("disk", 2), scalar("disk", 4), scalar("mem", 8)
	persistent.Disk = &mesosgo.Resource_DiskInfo{Persistence: &mesosgo.Resource_DiskInfo_Persistence{ID: "v"}}
	mount.Disk = &mesosgo.Resource_DiskInfo{Source: &mesosgo.Resource_DiskInfo_Source{Type: mesosgo.Resource_DiskInfo_Source_MOUNT}}
	shared.Shared = &mesosgo.Resource_SharedInfo{}
	text.Type = mesosgo.TEXT.Enum()
	offered := []mesosgo.Resource{persistent, mount, shared, text, revocable(scalar("cpus", 1))}
	if got := newPool(offered, false).resources(); got != (spec.Resources{}) {
		t.Errorf("usable: %+v", got)
	}
}
