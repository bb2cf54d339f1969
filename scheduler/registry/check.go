package registry

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Report is what Check has found out about an image.
type Report struct {
	Image string `json:"image"` // as it was given
	OK    bool   `json:"ok"`
	// Steps are what was done, in order; the last one failed unless OK.
	Steps []CheckStep `json:"steps"`
	// Fault is what sort of thing is wrong; empty if OK.
	Fault Kind `json:"fault,omitempty"`
	// Runs is the name with the digest that runs when a run with this image is submitted now.
	Runs      string   `json:"runs,omitempty"`
	Platforms []string `json:"platforms,omitempty"`
	// Advice is one sentence on what to do.
	Advice string `json:"advice"`
}

// CheckStep is one step on the way to an image.
type CheckStep struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
}

func (r *Report) found(step, format string, args ...any) {
	r.Steps = append(r.Steps, CheckStep{Name: step, OK: true, Found: fmt.Sprintf(format, args...)})
}

func (r *Report) fail(step string, f *Fault) {
	r.Steps = append(r.Steps, CheckStep{Name: step, Found: f.What})
	r.Fault, r.Advice = f.Kind, sentence(f.Do)
}

// sentence makes a sentence of a clause.
func sentence(clause string) string { return strings.ToUpper(clause[:1]) + clause[1:] + "." }

// Check asks for an image as Resolve does, from anew, and reports each step. It neither uses nor makes what Resolve
// remembers.
func (c *Client) Check(ctx context.Context, written string) Report {
	r := Report{Image: written}
	img, fault := parse(written, c.plain)
	if fault != nil {
		r.fail("name", fault)
		return r
	}
	r.found("name", "%s", describe(img))
	s, fault := c.begin(img)
	if fault != nil {
		r.fail("credentials", fault)
		return r
	}
	r.found("credentials", "%s", s.describeCredentials())
	if r.reach(ctx, s) && r.login(ctx, s) {
		r.inspect(ctx, s)
	}
	return r
}

func describe(img image) string {
	what := "tag"
	if img.digest {
		what = "digest"
	}
	host := img.registry()
	if host == hub {
		host += " (Docker Hub, docker.io in names)"
	}
	return fmt.Sprintf("registry %s, repository %s, %s %s", host, img.ref.Context().RepositoryStr(), what, img.ref.Identifier())
}

func (s *session) describeCredentials() string {
	file, host := s.client.credentials.where(), s.image.registry()
	if _, err := os.Stat(s.client.credentials.file); err != nil {
		return fmt.Sprintf("there is no %s", file)
	}
	if s.anonymous() {
		return fmt.Sprintf("%s has none for %s", file, host)
	}
	return fmt.Sprintf("%s has some for %s", file, host)
}

// reach asks the registry whether it is one, and reports the way to it.
func (r *Report) reach(ctx context.Context, s *session) bool {
	t := &trace{}
	s.http = dated{t, s.http}
	fault := s.ping(t.watch(ctx))
	if !r.way(t, s, fault) {
		return false
	}
	text := "is one, and wants no credentials"
	switch scheme := strings.ToLower(s.challenge.Scheme); scheme {
	case "":
	case "bearer":
		text = "is one, and wants a token from " + hostOf(s.challenge.Parameters["realm"])
	default:
		text = "is one, and wants " + quote(scheme) + " authentication"
	}
	r.found("registry", "%s%s", text, t.skew(time.Now()))
	return true
}

// way reports how far the conversation came: address, connection and TLS, and the registry itself if that failed.
func (r *Report) way(t *trace, s *session, fault *Fault) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, step := range []struct {
		name  string
		found string
		kinds []Kind // of faults in this step
	}{
		{"address", t.address(s.image), []Kind{DNSFault}},
		{"connection", t.connection(), []Kind{ConnectionFault}},
		{"TLS", t.security(s), []Kind{PlainHTTPFault, CAFault, HostFault, ClockFault, TLSFault}},
	} {
		if fault != nil && (step.found == "" || fault.in(step.kinds)) {
			r.fail(step.name, fault)
			return false
		}
		r.found(step.name, "%s", step.found)
	}
	if fault != nil {
		r.fail("registry", fault)
	}
	return fault == nil
}

func (f *Fault) in(kinds []Kind) bool {
	for _, k := range kinds {
		if f.Kind == k {
			return true
		}
	}
	return false
}

// login shows who asks. Whether basic credentials are right is asked of the registry itself.
func (r *Report) login(ctx context.Context, s *session) bool {
	const step = "authentication"
	fault := s.authorize(ctx)
	if fault == nil && strings.EqualFold(s.challenge.Scheme, "basic") {
		fault = s.tryBasic(ctx)
	}
	switch {
	case fault != nil:
		r.fail(step, fault)
	case s.challenge.Scheme == "":
		r.found(step, "not needed")
	case s.anonymous():
		r.found(step, "a token was given without credentials")
	default:
		r.found(step, "the credentials are accepted")
	}
	return fault == nil
}

// tryBasic asks for nothing but an answer to credentials.
func (s *session) tryBasic(ctx context.Context) *Fault {
	reg := s.image.ref.Context().Registry
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, reg.Scheme()+"://"+reg.RegistryStr()+"/v2/", nil)
	if err != nil {
		return s.client.trust.faultOf(s.image.registry(), err)
	}
	resp, err := s.http.RoundTrip(req)
	if err != nil {
		return s.client.trust.faultOf(s.image.registry(), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s.refusedLogin(statusFault(s.image.registry(), resp.StatusCode))
	}
	return nil
}

// inspect looks at the image.
func (r *Report) inspect(ctx context.Context, s *session) {
	digest, fault := s.head(ctx)
	if fault != nil {
		r.fail("image", fault)
		return
	}
	r.found("image", "exists, with the digest %s", digest)
	found, fault := s.manifest(ctx)
	if fault != nil {
		r.fail("platforms", fault)
		return
	}
	if r.Platforms, fault = s.platforms(found); fault != nil {
		r.fail("platforms", fault)
		return
	}
	r.found("platforms", "%s", quote(strings.Join(r.Platforms, ", ")))
	r.OK, r.Runs = true, s.image.pinned(digest)
	r.Advice = "Nothing is to be done: a run that is submitted now runs " + r.Runs + "."
	if s.image.registry() == name.DefaultRegistry && s.anonymous() {
		r.Advice = "Nothing needs to be done, though Docker Hub allows more to those who log in: a run that is submitted now runs " + r.Runs + "."
	}
}

// platforms are the platforms that an image runs on, such as linux/amd64.
func (s *session) platforms(d *remote.Descriptor) ([]string, *Fault) {
	list, err := platformsOf(d)
	if err != nil {
		return nil, s.client.trust.faultOf(s.image.registry(), err)
	}
	if len(list) == 0 {
		list = []string{"unknown"}
	}
	return list, nil
}

func platformsOf(d *remote.Descriptor) ([]string, error) {
	if !d.MediaType.IsIndex() {
		img, err := d.Image()
		if err != nil {
			return nil, err
		}
		cfg, err := img.ConfigFile()
		if err != nil || cfg.Platform() == nil {
			return nil, err
		}
		return []string{cfg.Platform().String()}, nil
	}
	index, err := d.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, m := range manifest.Manifests {
		// Attestations stand in indices as images of an unknown platform.
		if m.Platform != nil && m.Platform.OS != "unknown" {
			found = append(found, m.Platform.String())
		}
	}
	return found, nil
}
