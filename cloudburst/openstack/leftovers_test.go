package openstack_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
)

// TestLeftoversOfNoMachine: what carries the cluster's tag alone is found, volumes too, and can be removed. Clusters whose names
// begin with this one's, or with which this one's begins, are not seen.
func TestLeftoversOfNoMachine(t *testing.T) {
	mini := startMini(t, ministack.Options{Seed: 6, ActionTime: time.Millisecond})
	strangers := []string{ours + "2", ours[:len(ours)-1], ours + "-" + ours}
	for _, name := range strangers {
		mini.AddBystander(name, map[string]string{"spillway_cluster": name})
	}
	mini.AddBystander("half", map[string]string{"spillway_cluster": ours})
	cloud := connect(t, miniConfig(t, mini))
	found, err := cloud.Leftovers(context.Background(), ours)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, l := range found {
		kinds[l.Kind]++
		if l.Name != "half" || l.Intent != "" || l.Cluster != ours {
			t.Errorf("found %+v", l)
		}
	}
	if d := cmp.Diff(map[string]int{"server": 1, "port": 2, "volume": 1}, kinds); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	for _, l := range found {
		stranger := l
		stranger.Cluster = strangers[0]
		if err := cloud.Remove(context.Background(), stranger); openstack.KindOf(err) != openstack.Invalid {
			t.Errorf("removing %s as another cluster's: %v", l.Kind, err)
		}
	}
	for _, kind := range []string{"server", "port", "volume"} {
		for _, l := range found {
			if l.Kind != kind {
				continue
			}
			if err := cloud.Remove(context.Background(), l); err != nil {
				t.Error(err)
			}
		}
	}
	for deadline := time.Now().Add(time.Minute); len(found) > 0 && time.Now().Before(deadline); { // Cinder takes its time
		if found, err = cloud.Leftovers(context.Background(), ours); err != nil {
			t.Fatal(err)
		}
	}
	n := len(strangers)
	if s, p, v := len(mini.Servers()), len(mini.Ports()), len(mini.Volumes()); s != n || p != 2*n || v != n {
		t.Errorf("the cloud has %d servers, %d ports and %d volumes, not those of %d other clusters", s, p, v, n)
	}
}
