package registry

import (
	"strings"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/name"
)

// image is an image's name, as somebody wrote it and as a registry is asked for it.
type image struct {
	written string
	ref     name.Reference // with the tag or the digest that was given, or with the tag latest
	repo    reference.Named
	digest  bool // it is written with a digest
}

// parse reads a name as Docker does: busybox is docker.io/library/busybox:latest, and a digest makes a tag beside it
// meaningless.
func parse(written string, plain plainHTTP) (image, *Fault) {
	named, err := reference.ParseNormalizedNamed(written)
	if err != nil {
		return image{}, &Fault{Kind: NameFault, What: quote(written) + " is no image's name: " + quote(err.Error()), Do: "write it as [registry/]repository[:tag]"}
	}
	img := image{written: written, repo: reference.TrimNamed(named)}
	text := reference.TagNameOnly(named).String()
	if d, digested := named.(reference.Digested); digested {
		img.digest = true
		text = img.repo.Name() + "@" + d.Digest().String()
	}
	var options []name.Option
	if plain[reference.Domain(named)] {
		options = append(options, name.Insecure)
	}
	if img.ref, err = name.ParseReference(text, options...); err != nil {
		return image{}, &Fault{Kind: NameFault, What: quote(written) + " names no registry that could be asked", Do: "write it as [registry/]repository[:tag]"}
	}
	return img, nil
}

// registry is the host, and the port if one is given, at which the image's registry answers.
func (i image) registry() string { return i.ref.Context().RegistryStr() }

// hub is where the images of Docker Hub are asked for, whose names begin with docker.io or have no registry in them.
const hub = name.DefaultRegistry

// repository is the repository's name as people write it: without docker.io and library.
func (i image) repository() string { return reference.FamiliarName(i.repo) }

// pinned is the name under which exactly this digest runs.
func (i image) pinned(digest string) string { return i.repository() + "@" + digest }

// quote keeps what others wrote from breaking or filling a line.
func quote(s string) string {
	const longest = 120
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
