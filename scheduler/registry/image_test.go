package registry

import (
	"strings"
	"testing"

	"github.com/distribution/reference"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParse(t *testing.T) {
	for written, want := range map[string]struct{ registry, asked, pinned string }{
		"busybox":                               {hub, "library/busybox:latest", "busybox@"},
		"busybox:1.36":                          {hub, "library/busybox:1.36", "busybox@"},
		"docker.io/library/busybox:1":           {hub, "library/busybox:1", "busybox@"},
		"lpf/tools:2":                           {hub, "lpf/tools:2", "lpf/tools@"},
		"busybox@" + digest:                     {hub, "library/busybox@" + digest, "busybox@"},
		"busybox:1@" + digest:                   {hub, "library/busybox@" + digest, "busybox@"},
		"registry.dpc.example:5000/lpf/tools":   {"registry.dpc.example:5000", "lpf/tools:latest", "registry.dpc.example:5000/lpf/tools@"},
		"localhost/tools:x":                     {"localhost", "tools:x", "localhost/tools@"},
		"10.0.0.1:5000/tools:x":                 {"10.0.0.1:5000", "tools:x", "10.0.0.1:5000/tools@"},
		"[2001:db8::1]:5000/a/b/c/d:x":          {"[2001:db8::1]:5000", "a/b/c/d:x", "[2001:db8::1]:5000/a/b/c/d@"},
		"quay.io/UPPER":                         {},
		"":                                      {},
		"a:b:c":                                 {},
		"http://registry.example/a":             {},
		"busybox@sha256:12":                     {},
		strings.Repeat("a", 300) + "/tools:tag": {},
	} {
		img, fault := parse(written, nil)
		if want.registry == "" {
			if fault == nil || fault.Kind != NameFault {
				t.Errorf("%q: %v", written, fault)
			}
			continue
		}
		if fault != nil {
			t.Errorf("%q: %v", written, fault)
			continue
		}
		asked := strings.TrimPrefix(img.ref.Name(), img.registry()+"/")
		if img.registry() != want.registry || asked != want.asked || img.pinned(digest) != want.pinned+digest || img.digest != strings.Contains(written, "@") {
			t.Errorf("%q: %s at %s, pinned %s", written, asked, img.registry(), img.pinned(digest))
		}
	}
}

// FuzzParse checks that what Docker can name can be asked for, and that what is pinned names the same repository.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"busybox", "a/b:c", "localhost:5000/a@" + digest, "[::1]:1/a", "docker.io/x", "A", "a..b/c", "-/a", "A\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, written string) {
		img, fault := parse(written, plainHTTP{"localhost:5000": true})
		if fault != nil {
			if strings.ContainsAny(fault.Error(), "\n\x00") {
				t.Errorf("%q breaks the line: %q", written, fault)
			}
			return
		}
		given, err := reference.ParseNormalizedNamed(written)
		if err != nil {
			t.Fatalf("%q: Docker does not know this: %v", written, err)
		}
		pinned, err := reference.ParseNormalizedNamed(img.pinned(digest))
		if err != nil || pinned.Name() != given.Name() {
			t.Errorf("%q is pinned to %q: %v", written, img.pinned(digest), err)
		}
	})
}
