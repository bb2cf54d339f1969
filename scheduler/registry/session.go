package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// session is a conversation with a registry about one repository.
type session struct {
	client    *Client
	image     image
	auth      authn.Authenticator
	challenge *transport.Challenge
	http      http.RoundTripper
}

// begin finds the credentials; nothing is asked yet.
func (c *Client) begin(img image) (*session, *Fault) {
	auth, fault := c.credentials.find(img.ref.Context())
	return &session{client: c, image: img, auth: auth, http: c.http}, fault
}

func (s *session) anonymous() bool { return s.auth == authn.Anonymous }

// ping asks how the registry wants to be asked.
func (s *session) ping(ctx context.Context) *Fault {
	host := s.image.registry()
	plain := &plainAnswers{next: s.http}
	challenge, err := transport.Ping(ctx, s.image.ref.Context().Registry, plain)
	if err != nil {
		fault := s.client.trust.faultOf(host, err)
		// Of a server that may speak plain HTTP, and does, the error is still that it does not speak TLS.
		if status := int(plain.status.Load()); status != 0 && fault.Kind == PlainHTTPFault {
			return statusFault(host, status)
		}
		return fault
	}
	s.challenge = challenge
	scheme := "https"
	if challenge.Insecure {
		scheme = "http"
	}
	s.http = schemed{host, scheme, s.http}
	return nil
}

// authorize gets a token if the registry wants one, and sends it, or the credentials themselves, with all that follows.
func (s *session) authorize(ctx context.Context) *Fault {
	repo := s.image.ref.Context()
	var token transport.Token
	if strings.EqualFold(s.challenge.Scheme, "bearer") {
		given, err := authn.Authorization(ctx, s.auth)
		if err != nil {
			return &Fault{Kind: CredentialsFault, What: "the credentials in " + s.client.credentials.where() + " cannot be used", Do: "log in again with docker login"}
		}
		if token.Token = given.RegistryToken; token.Token == "" {
			got, err := transport.Exchange(ctx, repo.Registry, s.auth, s.http, []string{repo.Scope(transport.PullScope)}, s.challenge)
			if err != nil {
				return s.refusedLogin(s.later(err, "a token"))
			}
			if token.Token = got.AccessToken; token.Token == "" {
				token.Token = got.Token
			}
		}
	}
	next, err := transport.FromToken(repo.Registry, s.auth, s.http, s.challenge, &token)
	if err != nil {
		return s.client.trust.faultOf(s.image.registry(), err)
	}
	s.http = next
	return nil
}

// later says what an error means that occurred after a registry had shown itself to be one.
func (s *session) later(err error, wanted string) *Fault {
	f := s.client.trust.faultOf(s.image.registry(), err)
	if f.Kind == NoRegistryFault {
		return &Fault{
			Kind: OtherFault, What: fmt.Sprintf("%s answers %d %s when it is asked for %s", s.image.registry(), f.status, http.StatusText(f.status), wanted),
			Do: "see the registry's log", status: f.status,
		}
	}
	return f
}

// refusedLogin words a refusal of credentials, or for want of them.
func (s *session) refusedLogin(f *Fault) *Fault {
	if f.Kind != UnauthorizedFault {
		return f
	}
	file, host := s.client.credentials.where(), s.image.registry()
	if s.anonymous() {
		f.What = fmt.Sprintf("%s wants credentials, and %s has none for it", host, file)
		f.Do = "give it some: docker login writes them into such a file, which --registry-config names"
		return f
	}
	f.What = fmt.Sprintf("%s refuses the credentials that %s has for it", host, file)
	f.Do = "log in again with docker login, as the user that the scheduler runs as or with its --registry-config"
	return f
}

// refusedImage words a refusal to speak of the image. Registries do not say of a repository that one may not see whether it
// exists: Docker Hub answers 401 for those that do not.
func (s *session) refusedImage(f *Fault) *Fault {
	if f.Kind != UnauthorizedFault {
		return f
	}
	if f.status == http.StatusUnauthorized && strings.EqualFold(s.challenge.Scheme, "basic") {
		return s.refusedLogin(f)
	}
	file, host := s.client.credentials.where(), s.image.registry()
	if s.anonymous() {
		f.What = fmt.Sprintf("%s may not exist at %s, or needs credentials, of which %s has none for this registry", s.image.repository(), host, file)
		f.Do = "see whether the name is right; if it is private, docker login writes credentials into such a file, which --registry-config names"
		return f
	}
	f.What = fmt.Sprintf("%s may not exist at %s, or is not allowed to the credentials that %s has", s.image.repository(), host, file)
	f.Do = "see whether the name is right, and whether these credentials may pull it"
	return f
}

func (s *session) options(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithTransport(s.http), remote.WithContext(ctx)}
}

// head asks for the digest that the image's tag stands for: of the index if there are images for several platforms.
func (s *session) head(ctx context.Context) (string, *Fault) {
	found, err := remote.Head(s.image.ref, s.options(ctx)...)
	if err == nil {
		return found.Digest.String(), nil
	}
	if f := s.client.trust.faultOf(s.image.registry(), err); f.ofRegistry() && f.Kind != NoRegistryFault || f.Kind == UnauthorizedFault {
		return "", s.refusedImage(f)
	}
	// Not every registry answers HEAD with a digest. A missing image is asked for once more as well: what is said to its
	// author should be right.
	manifest, fault := s.manifest(ctx)
	if fault != nil {
		return "", fault
	}
	return manifest.Digest.String(), nil
}

// manifest reads the image's manifest or index.
func (s *session) manifest(ctx context.Context) (*remote.Descriptor, *Fault) {
	found, err := remote.Get(s.image.ref, s.options(ctx)...)
	if err == nil {
		return found, nil
	}
	var status *transport.Error
	if errors.As(err, &status) && status.StatusCode == http.StatusNotFound {
		return nil, s.missing(ctx)
	}
	return nil, s.refusedImage(s.later(err, s.image.repository()))
}

// missing finds out what of an image is missing.
func (s *session) missing(ctx context.Context) *Fault {
	img := s.image
	tags, err := s.tags(ctx)
	var status *transport.Error
	switch {
	case errors.As(err, &status) && status.StatusCode == http.StatusNotFound:
		return &Fault{Kind: RepositoryFault, What: fmt.Sprintf("%s has no repository %s", img.registry(), img.ref.Context().RepositoryStr()), Do: "see whether the name is right, and whether the image was pushed"}
	case img.digest:
		return &Fault{Kind: ImageFault, What: fmt.Sprintf("%s has no image %s in %s", img.registry(), img.ref.Identifier(), img.ref.Context().RepositoryStr()), Do: "it may have been deleted, or never been pushed there"}
	case err != nil:
		return &Fault{Kind: ImageFault, What: fmt.Sprintf("%s has no image %s:%s", img.registry(), img.ref.Context().RepositoryStr(), img.ref.Identifier()), Do: "see whether the name is right, and whether the image was pushed"}
	}
	return &Fault{Kind: TagFault, What: fmt.Sprintf("%s has no tag %s in %s", img.registry(), img.ref.Identifier(), img.ref.Context().RepositoryStr()), Do: someOf(tags)}
}

// tags lists some tags of the repository.
func (s *session) tags(ctx context.Context) ([]string, error) {
	puller, err := remote.NewPuller(s.options(ctx)...)
	if err != nil {
		return nil, err
	}
	lister, err := puller.Lister(ctx, s.image.ref.Context())
	if err != nil {
		return nil, err
	}
	page, err := lister.Next(ctx)
	if err != nil {
		return nil, err
	}
	return page.Tags, nil
}

func someOf(tags []string) string {
	const most = 8
	if len(tags) == 0 {
		return "it has no tags at all: push the image"
	}
	slices.Sort(tags)
	shown := tags[:min(len(tags), most)]
	text := "there are: " + quote(strings.Join(shown, ", "))
	if more := len(tags) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
