package registry_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/lisa-dpc/spillway/scheduler/registry"
	"github.com/lisa-dpc/spillway/scheduler/registry/registrytest"
)

// real is a registry with images: tools:1 and tools:2 for one platform, and many:1 for two.
type real struct {
	*registrytest.Registry
	tools, many, bare string // digests of tools:2, many:1 and bare:1, whose image names no platform
	config            string // with the credentials for Private
}

func startReal(t *testing.T) real {
	r := real{Registry: registrytest.Start(t)}
	r.Push(t, "lpf/tools:1", imageFor(t, "linux", "amd64"))
	r.tools = r.Push(t, "lpf/tools:2", imageFor(t, "linux", "amd64"))
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: imageFor(t, "linux", arch), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	r.many = r.Push(t, "lpf/many:1", index)
	r.bare = r.Push(t, "lpf/bare:1", imageFor(t, "", ""))
	r.config = r.DockerConfig(t, r.Private, r.User, r.Password)
	return r
}

func imageFor(t *testing.T, os, arch string) v1.Image {
	t.Helper()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: os, Architecture: arch})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func newClient(t *testing.T, cfg registry.Config) *registry.Client {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // nobody's credentials
	c, err := registry.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestResolveAsksRegistry(t *testing.T) {
	r := startReal(t)
	c := newClient(t, registry.Config{DockerConfig: r.config, CAs: []string{r.CA}})
	tools, many := r.Private+"/lpf/tools", r.Private+"/lpf/many"
	pinned, warnings, err := c.Resolve(t.Context(), []string{tools + ":2", many + ":1", tools + "@" + r.tools, tools + ":1@" + r.tools, tools + ":2"})
	if err != nil || len(warnings) > 0 {
		t.Errorf("%v, %v", warnings, err)
	}
	want := map[string]string{tools + ":2": tools + "@" + r.tools, many + ":1": many + "@" + r.many}
	if diff := cmp.Diff(want, pinned); diff != "" {
		t.Errorf("pinned (-want +got):\n%s", diff)
	}
}

func TestResolveFindsImagesMissing(t *testing.T) {
	r := startReal(t)
	c := newClient(t, registry.Config{DockerConfig: r.config, CAs: []string{r.CA}})
	none := "sha256:" + strings.Repeat("0", 64)
	tag, latest, repo, digest := r.Private+"/lpf/tools:3", r.Private+"/lpf/tools", r.Private+"/lpf/tolls:2", r.Private+"/lpf/tools@"+none
	_, _, err := c.Resolve(t.Context(), []string{tag, latest, repo, digest, r.Private + "/lpf/tools:2"})
	var missing registry.Missing
	if !errors.As(err, &missing) {
		t.Fatalf("error %v", err)
	}
	got := map[string]string{}
	for image, fault := range missing {
		got[image] = string(fault.Kind) + ": " + fault.What + ": " + fault.Do
	}
	want := map[string]string{
		tag:    "no-tag: " + r.Private + " has no tag 3 in lpf/tools: there are: 1, 2",
		latest: "no-tag: " + r.Private + " has no tag latest in lpf/tools: there are: 1, 2",
		repo:   "no-repository: " + r.Private + " has no repository lpf/tolls: see whether the name is right, and whether the image was pushed",
		digest: "no-image: " + r.Private + " has no image " + none + " in lpf/tools: it may have been deleted, or never been pushed there",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

// trouble is a registry or an image that cannot be asked for, and what is said of it.
type trouble struct {
	image string
	cfg   registry.Config
	step  string // of the check, that fails
	kind  registry.Kind
	says  string
}

// troubles are one of each kind.
func (r real) troubles(t *testing.T) map[string]trouble {
	trusted := registry.Config{CAs: []string{r.CA}}
	with := func(user, password string) registry.Config {
		return registry.Config{CAs: []string{r.CA}, DockerConfig: r.DockerConfig(t, r.Private, user, password)}
	}
	const image = "/lpf/tools:2"
	return map[string]trouble{
		"name":              {"Not:an:image", trusted, "name", registry.NameFault, "no image's name"},
		"DNS":               {"registry.invalid" + image, trusted, "address", registry.DNSFault, "registry.invalid"},
		"closed port":       {r.Closed + image, trusted, "connection", registry.ConnectionFault, "connection refused"},
		"unknown CA":        {r.Foreign + image, trusted, "TLS", registry.CAFault, "Nobody's CA"},
		"our CA not given":  {r.Public + image, registry.Config{}, "TLS", registry.CAFault, "Spillway Test CA"},
		"wrong host":        {r.WrongHost + image, trusted, "TLS", registry.HostFault, "is for registry.example"},
		"expired":           {r.Expired + image, trusted, "TLS", registry.ClockFault, "has expired: it is valid from"},
		"not yet valid":     {r.NotYet + image, trusted, "TLS", registry.ClockFault, "is not valid yet: it is valid from"},
		"no registry":       {r.Other + image, trusted, "registry", registry.NoRegistryFault, "404 Not Found"},
		"no credentials":    {r.Private + image, trusted, "authentication", registry.UnauthorizedFault, "wants credentials"},
		"wrong credentials": {r.Private + image, with(r.User, "wrong-"+r.Password), "authentication", registry.UnauthorizedFault, "refuses the credentials"},
		"wrong user":        {r.Private + image, with("nobody-"+r.Password, r.Password), "authentication", registry.UnauthorizedFault, "refuses the credentials"},
	}
}

func TestResolveWarns(t *testing.T) {
	r := startReal(t)
	for name, tc := range r.troubles(t) {
		t.Run(name, func(t *testing.T) {
			pinned, warnings, err := newClient(t, tc.cfg).Resolve(t.Context(), []string{tc.image})
			if err != nil || len(pinned) > 0 || len(warnings) != 1 {
				t.Fatalf("pinned %v, warnings %q, error %v", pinned, warnings, err)
			}
			if w := warnings[0]; !strings.Contains(w, tc.says) || !strings.HasPrefix(w, "image "+tc.image+": ") {
				t.Errorf("it warns: %s", w)
			}
		})
	}
}

func TestCheckTellsTroublesApart(t *testing.T) {
	r := startReal(t)
	all := r.troubles(t)
	trusted := registry.Config{CAs: []string{r.CA}, DockerConfig: r.config}
	all["missing tag"] = trouble{r.Private + "/lpf/tools:3", trusted, "image", registry.TagFault, "no tag 3"}
	all["missing repository"] = trouble{r.Private + "/lpf/none:3", trusted, "image", registry.RepositoryFault, "no repository lpf/none"}
	for name, tc := range all {
		t.Run(name, func(t *testing.T) {
			report := newClient(t, tc.cfg).Check(t.Context(), tc.image)
			last := report.Steps[len(report.Steps)-1]
			if report.OK || report.Fault != tc.kind || last.OK || last.Name != tc.step || !strings.Contains(last.Found, tc.says) || report.Advice == "" {
				t.Errorf("%+v", report)
			}
			for _, step := range report.Steps[:len(report.Steps)-1] {
				if !step.OK || step.Found == "" {
					t.Errorf("step %+v before the one that fails", step)
				}
			}
		})
	}
}

func TestCheckFindsImages(t *testing.T) {
	r := startReal(t)
	localhost := strings.Replace(r.Public, "127.0.0.1", "localhost", 1)
	for name, tc := range map[string]struct {
		image     string
		config    string
		platforms []string
		runs      string
		says      []string
	}{
		"with credentials": {r.Private + "/lpf/tools:2", r.config, []string{"linux/amd64"}, r.Private + "/lpf/tools@" + r.tools,
			[]string{"tag 2", "has some for " + r.Private, "the name is an address", "accepts connections", "Spillway Test CA", "basic", "are accepted", r.tools, "linux/amd64"}},
		"no platform":       {r.Public + "/lpf/bare:1", "", []string{"unknown"}, r.Public + "/lpf/bare@" + r.bare, nil},
		"several platforms": {r.Private + "/lpf/many:1", r.config, []string{"linux/amd64", "linux/arm64"}, r.Private + "/lpf/many@" + r.many, nil},
		"a name to look up": {localhost + "/lpf/tools:2", "", []string{"linux/amd64"}, localhost + "/lpf/tools@" + r.tools,
			[]string{"there is no ", "localhost is ", "wants no credentials", "not needed"}},
		"without TLS": {r.Plain + "/lpf/tools@" + r.tools, "", []string{"linux/amd64"}, r.Plain + "/lpf/tools@" + r.tools,
			[]string{"digest " + r.tools, "plain HTTP, which is allowed"}},
	} {
		t.Run(name, func(t *testing.T) {
			report := newClient(t, registry.Config{CAs: []string{r.CA}, DockerConfig: tc.config}).Check(t.Context(), tc.image)
			if !report.OK || report.Runs != tc.runs || !slices.Equal(report.Platforms, tc.platforms) || report.Fault != "" {
				t.Errorf("%+v", report)
			}
			var said []string
			for _, step := range report.Steps {
				said = append(said, step.Found)
				if !step.OK {
					t.Errorf("step %+v", step)
				}
			}
			for _, what := range tc.says {
				if !strings.Contains(strings.Join(said, "\n"), what) {
					t.Errorf("it does not say %q:\n%s", what, strings.Join(said, "\n"))
				}
			}
		})
	}
}

// TestCredentialsAreNeverTold looks for them in all that is said of all troubles, and of no trouble.
func TestCredentialsAreNeverTold(t *testing.T) {
	r := startReal(t)
	all := r.troubles(t)
	for _, address := range []string{r.Private, r.Public, r.Plain, r.Foreign, r.WrongHost, r.Expired, r.NotYet, r.Other, r.Closed} {
		cfg := registry.Config{CAs: []string{r.CA}, DockerConfig: r.DockerConfig(t, address, r.User, r.Password)}
		all[address] = trouble{image: address + "/lpf/none:1", cfg: cfg}
		all[address+" good"] = trouble{image: address + "/lpf/tools:2", cfg: cfg}
	}
	for name, tc := range all {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			tc.cfg.Log = slog.New(slog.NewJSONHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c := newClient(t, tc.cfg)
			pinned, warnings, err := c.Resolve(t.Context(), []string{tc.image})
			if err != nil {
				said.WriteString(err.Error())
			}
			enc := json.NewEncoder(&said)
			for _, v := range []any{pinned, warnings, c.Check(t.Context(), tc.image)} {
				if err := enc.Encode(v); err != nil {
					t.Fatal(err)
				}
			}
			for _, secret := range []string{r.Password, base64.StdEncoding.EncodeToString([]byte(r.User + ":" + r.Password))} {
				if strings.Contains(said.String(), secret) {
					t.Errorf("it tells a credential: %s", said.String())
				}
			}
		})
	}
}
