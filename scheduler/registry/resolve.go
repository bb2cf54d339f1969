package registry

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// maxParallel is how many images of one call are asked for at a time.
const maxParallel = 32

// Missing is the error of images that do not exist, by the image as it is written: their registries answer, and have no
// such image.
type Missing map[string]*Fault

func (m Missing) Error() string {
	var lines []string
	for _, image := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, fmt.Sprintf("image %s: %v", quote(image), m[image]))
	}
	return strings.Join(lines, "\n")
}

// Resolve finds the digests that the images' tags stand for now. Images are given as specs write them. pinned says by which
// name each of them runs: name@sha256:…; images that have a digest already, and those that are local, are not in it. Nor
// are those whose registry cannot be asked, which warnings say in one sentence a registry and reason. Images that do not
// exist are an error, a Missing; one with a digest is asked for as well. Nobody waits longer than Config.Timeout.
func (c *Client) Resolve(ctx context.Context, images []string) (pinned map[string]string, warnings []string, err error) {
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	images = slices.Compact(slices.Sorted(slices.Values(images)))
	parsed, answers := make([]image, len(images)), make([]answer, len(images))
	var all errgroup.Group
	all.SetLimit(maxParallel)
	for i, written := range images {
		all.Go(func() error {
			parsed[i], answers[i] = c.look(bounded, written)
			return nil
		})
	}
	_ = all.Wait() // what fails is in answers
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	pinned, missing := map[string]string{}, Missing{}
	unknown := map[Fault][]string{}
	for i, a := range answers {
		switch {
		case a.fault == nil && a.digest != "" && !parsed[i].digest:
			pinned[images[i]] = parsed[i].pinned(a.digest)
		case a.fault != nil && a.fault.Missing():
			missing[images[i]] = a.fault
		case a.fault != nil && !parsed[i].digest:
			unknown[*a.fault] = append(unknown[*a.fault], images[i])
		}
	}
	if len(missing) > 0 {
		return nil, nil, missing
	}
	return pinned, warningsOf(unknown), nil
}

// look answers for one image; an image that is taken as it is has an empty answer.
func (c *Client) look(ctx context.Context, written string) (image, answer) {
	img, fault := parse(written, c.plain)
	if fault != nil {
		return img, answer{fault: fault}
	}
	if c.local(ctx, written) {
		return img, answer{}
	}
	if a, known := c.memory.recall(img, time.Now()); known {
		return img, a
	}
	// Callers share a question, so it must not end with the first of them.
	asked := c.flight.DoChan(img.ref.Name(), func() (any, error) {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		return c.ask(own, img), nil
	})
	select {
	case a := <-asked:
		return img, a.Val.(answer)
	case <-ctx.Done():
		return img, answer{fault: timeoutFault(img.registry())}
	}
}

// ask asks the registry and remembers what it says.
func (c *Client) ask(ctx context.Context, img image) answer {
	var a answer
	a.digest, a.fault = c.digest(ctx, img)
	if c.memory.keep(img, a, time.Now()) {
		c.log.Warn("a registry cannot be asked; images of it run by their tags", "registry", img.registry(), "error", a.fault)
	}
	return a
}

func (c *Client) digest(ctx context.Context, img image) (string, *Fault) {
	s, fault := c.begin(img)
	if fault == nil {
		fault = s.ping(ctx)
	}
	if fault == nil {
		fault = s.authorize(ctx)
	}
	if fault != nil {
		return "", fault
	}
	return s.head(ctx)
}

// warningsOf says which images run by their tags, and why.
func warningsOf(unknown map[Fault][]string) []string {
	const most = 5
	var warnings []string
	for _, f := range slices.SortedFunc(maps.Keys(unknown), func(a, b Fault) int { return cmp.Compare(a.What, b.What) }) {
		images, what := unknown[f], "image"
		if len(images) > 1 {
			what = "images"
		}
		list := quote(strings.Join(images[:min(len(images), most)], ", "))
		if more := len(images) - most; more > 0 {
			list += fmt.Sprintf(" and %d more", more)
		}
		warnings = append(warnings, fmt.Sprintf("%s %s: not pinned to a digest, because %v", what, list, &f))
	}
	return warnings
}
