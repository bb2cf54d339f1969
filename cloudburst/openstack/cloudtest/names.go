package cloudtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

func testLogin(t *testing.T, b *bench) {
	for _, entry := range b.target.Others {
		config := b.target.Config
		config.Entry = entry
		if _, err := connect(t, config).Limits(b.context()); err != nil {
			t.Errorf("entry %s: %v", entry, err)
		}
	}
	config := b.target.Config
	config.Entry = "nobody"
	_, err := openstack.Connect(b.context(), config)
	b.wantKind(err, openstack.Invalid, "nobody")
	config = b.target.Config
	config.Region = "Atlantis"
	_, err = openstack.Connect(b.context(), config)
	b.wantKind(err, openstack.NotFound, "Atlantis")
}

// everything is a wish that holds in every target.
func everything() openstack.Wanted {
	return openstack.Wanted{
		Flavors: []openstack.FlavorWish{{Name: "m1.nano"}}, Image: openstack.ImageWish{Name: "tiny"}, Networks: []string{"burst-net"},
		SecurityGroups: []string{"burst-sg"}, KeyPair: "burst-key", Zones: []string{"nova"}, ConfigDrive: true,
	}
}

func testResolve(t *testing.T, b *bench) {
	found := b.resolve(everything())
	if f := found.Flavors[0]; f.Name != "m1.nano" || f.VCPUs != 1 || f.MemMiB != 192 || f.DiskGiB != 1 || f.ID == "" {
		t.Errorf("flavor is %+v", f)
	}
	m := found.Machine
	if found.Image.Name != "tiny" || m.Image != found.Image.ID || len(m.Networks) != 1 || len(m.SecurityGroups) != 1 || m.KeyPair != "burst-key" || !m.ConfigDrive {
		t.Errorf("machine is %+v, image %+v", m, found.Image)
	}
	if diff := cmp.Diff([]string{"nova"}, found.Zones); diff != "" {
		t.Error(diff)
	}
	byID := openstack.Wanted{
		Flavors: []openstack.FlavorWish{{Name: m.Flavor}}, Image: openstack.ImageWish{Name: m.Image}, Networks: m.Networks,
		SecurityGroups: m.SecurityGroups, KeyPair: "burst-key", ConfigDrive: true,
	}
	if diff := cmp.Diff(m, b.resolve(byID).Machine); diff != "" {
		t.Errorf("by ids it is another (-names +ids):\n%s", diff)
	}
}

func testResolveBySize(t *testing.T, b *bench) {
	found := b.resolve(openstack.Wanted{
		Flavors:  []openstack.FlavorWish{{VCPUs: 1, MemMiB: 100}, {VCPUs: 2}, {MemMiB: 3000}},
		Image:    openstack.ImageWish{Family: "tin"},
		Networks: []string{"burst-net"},
	})
	var names []string
	for _, f := range found.Flavors {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"m1.nano", "m1.medium", "m1.medium"}, names); diff != "" {
		t.Error(diff)
	}
	if found.Image.Name != "tiny" {
		t.Errorf("image is %+v", found.Image)
	}
}

func testProblems(t *testing.T, b *bench) {
	wanted := everything()
	wanted.Flavors = []openstack.FlavorWish{{Name: "m1.nano"}, {Name: "m9.giant"}, {VCPUs: 5000}}
	wanted.Image = openstack.ImageWish{Family: "plan9-"}
	wanted.Networks = []string{"burst-net", "net-x"}
	wanted.SecurityGroups = []string{"sg-x"}
	wanted.KeyPair, wanted.ServerGroup = "key-x", "group-x"
	wanted.Zones = []string{"nova", "mars"}
	found, err := b.cloud.Resolve(b.context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, p := range found.Problems {
		if p.Kind != openstack.NotFound || p.Message == "" {
			t.Errorf("%+v", p)
		}
		told = append(told, p.What)
	}
	slices.Sort(told)
	want := []string{
		"availability zone mars", "flavor m9.giant", "flavor with at least 5000 vCPUs, 0 MiB of memory and 0 GiB of disk", "image plan9-",
		"key pair key-x", "network net-x", "security group sg-x", "server group group-x",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	if f := found.Flavors; f[0].ID == "" || f[1].ID != "" || f[2].ID != "" {
		t.Errorf("flavors are %+v", f)
	}
	if at := slices.IndexFunc(found.Problems, func(p openstack.Problem) bool { return strings.Contains(p.Message, "m1.nano") }); at < 0 {
		t.Error("nothing says which flavors there are")
	}
}
