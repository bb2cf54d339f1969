package openstack_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
)

func TestImages(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	mini := startMini(t, ministack.Options{
		Images: []ministack.Image{
			{Name: "debian-12-20260101", Created: day(1), Tags: []string{"agents"}},
			{Name: "debian-12-20260103", Created: day(3)},
			{Name: "debian-12-20260104", Created: day(4), Status: "queued"},
			{Name: "debian-13-20260105", Created: day(5)},
			{Name: "agent", Created: day(1), Tags: []string{"agents"}, MinDisk: 2, MinRAM: 256},
			{Name: "agent", Created: day(2), Tags: []string{"agents"}, MinDisk: 2, MinRAM: 256},
			{Name: "half", Created: day(1), Status: "saving"},
		},
		Flavors: []ministack.Flavor{
			{Name: "small", VCPUs: 1, RAM: 192, Disk: 1}, {Name: "fit", VCPUs: 1, RAM: 256, Disk: 2}, {Name: "diskless", VCPUs: 1, RAM: 1024},
		},
		MaxLimit: 2,
	})
	cloud := connect(t, miniConfig(t, mini))
	for _, each := range []struct {
		name     string
		wish     openstack.ImageWish
		flavor   string
		volume   int
		image    string
		created  time.Time
		problems []string
	}{
		{"name", openstack.ImageWish{Name: "debian-12-20260101"}, "small", 0, "debian-12-20260101", day(1), nil},
		{"newest of a name", openstack.ImageWish{Name: "agent"}, "fit", 0, "agent", day(2), nil},
		{"newest of a tag", openstack.ImageWish{Tag: "agents"}, "fit", 0, "agent", day(2), nil},
		{"newest active of a family", openstack.ImageWish{Family: "debian-12-"}, "small", 0, "debian-12-20260103", day(3), nil},
		{"newest of a larger family", openstack.ImageWish{Family: "debian-"}, "small", 0, "debian-13-20260105", day(5), nil},
		{"not active", openstack.ImageWish{Name: "half"}, "fit", 0, "", time.Time{}, []string{"image half: it is in status saving"}},
		{"none", openstack.ImageWish{Family: "plan9-"}, "fit", 0, "", time.Time{}, []string{"image plan9-: there is no such image"}},
		{"not said", openstack.ImageWish{}, "fit", 0, "", time.Time{}, []string{"image: none is given"}},
		{"too large", openstack.ImageWish{Name: "agent"}, "small", 0, "agent", day(2), []string{
			"flavor small: image agent needs 256 MiB of memory, it has 192", "flavor small: image agent needs 2 GiB of disk, it has 1"}},
		{"no disk", openstack.ImageWish{Name: "agent"}, "diskless", 0, "agent", day(2), []string{"flavor diskless: it has no disk"}},
		{"volume instead", openstack.ImageWish{Name: "agent"}, "diskless", 2, "agent", day(2), nil},
		{"volume too small", openstack.ImageWish{Name: "agent"}, "diskless", 1, "agent", day(2), []string{"volume: image agent needs 2 GiB, it has 1"}},
	} {
		wanted := openstack.Wanted{Flavors: []openstack.FlavorWish{{Name: each.flavor}}, Image: each.wish}
		if each.volume > 0 {
			wanted.Volume = &openstack.Volume{SizeGiB: each.volume}
		}
		found, err := cloud.Resolve(context.Background(), wanted)
		if err != nil || found.Image.Name != each.image || !found.Image.Created.Equal(each.created) || len(found.Machine.Networks) != 1 {
			t.Errorf("%s: %+v, %v", each.name, found, err)
		}
		if !slices.EqualFunc(found.Problems, each.problems, func(p openstack.Problem, want string) bool { return strings.HasPrefix(p.String(), want) }) {
			t.Errorf("%s: problems are %v, want %v", each.name, found.Problems, each.problems)
		}
	}
}

// behind puts a proxy before an embedded cloud, through which all calls go: it forbids some, and leaves Cinder out of the
// catalog.
func behind(t *testing.T, mini *ministack.Cloud, forbidden ...string) openstack.Config {
	t.Helper()
	cloud, err := url.Parse(mini.AuthURL())
	if err != nil {
		t.Fatal(err)
	}
	origin := cloud.Scheme + "://" + cloud.Host
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = cloud.Scheme, cloud.Host
		r.Out.Header.Del("Accept-Encoding")
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.ContainsFunc(forbidden, func(path string) bool { return strings.Contains(r.URL.Path, path) }) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"forbidden": {"code": 403, "message": "Policy doesn't allow this to be performed."}}`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	proxy.ModifyResponse = func(answer *http.Response) error {
		body, err := io.ReadAll(answer.Body)
		body = bytes.ReplaceAll(bytes.ReplaceAll(body, []byte(origin), []byte(server.URL)), []byte(`"volumev3"`), []byte(`"dns"`))
		answer.Body = io.NopCloser(bytes.NewReader(body))
		answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return err
	}
	config := miniConfig(t, mini)
	text, err := os.ReadFile(config.File)
	if err != nil {
		t.Fatal(err)
	}
	config.File = filepath.Join(t.TempDir(), "clouds.yaml")
	if err := os.WriteFile(config.File, bytes.ReplaceAll(text, []byte(origin), []byte(server.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

// TestLessThanAll has a cloud that has no Cinder and keeps from its users what others show: it works, and says so.
func TestLessThanAll(t *testing.T) {
	mini := startMini(t, ministack.Options{})
	cloud := connect(t, behind(t, mini, "/os-simple-tenant-usage", "/os-server-groups", "/details.json", "/os-extra_specs"))
	machine := machineOn(t, cloud)
	server, err := cloud.Boot(context.Background(), openstack.Boot{Cluster: ours, Intent: "a-0000000001", Machine: machine})
	if err != nil {
		t.Fatal(err)
	}
	limits, err := cloud.Limits(context.Background())
	if err != nil || limits.Instances != 10 || limits.Ports != -1 || limits.Volumes != -1 || len(limits.Members) != 0 || len(limits.Unknown) != 3 {
		t.Errorf("%+v, %v", limits, err)
	}
	told := []string{}
	for _, sentence := range limits.Unknown {
		told = append(told, strings.Join(strings.Fields(sentence)[:3], " "))
	}
	if diff := cmp.Diff([]string{"listing server groups:", "reading Neutron's quota:", "the cloud has"}, told); diff != "" {
		t.Error(diff)
	}
	if _, err := cloud.Usage(context.Background(), ours, time.Now().Add(-time.Hour), time.Now()); openstack.KindOf(err) != openstack.Denied {
		t.Errorf("usage: %v", err)
	}
	if err := cloud.Delete(context.Background(), ours, "a-0000000001", server.ID); err != nil {
		t.Error(err)
	}
	if left, err := cloud.Leftovers(context.Background(), ours); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
	found, err := cloud.Resolve(context.Background(), openstack.Wanted{
		Flavors: []openstack.FlavorWish{{Name: "m1.nano"}}, Image: openstack.ImageWish{Name: "tiny"}, Volume: &openstack.Volume{SizeGiB: 1},
		ServerGroup: "apart",
	})
	if openstack.KindOf(err) != openstack.Denied || len(found.Problems) != 2 {
		t.Errorf("%+v, %v", found.Problems, err)
	}
}
