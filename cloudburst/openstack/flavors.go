package openstack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
)

// findFlavors finds a flavor for each wish, and says which of them cannot hold the image.
func (r *resolving) findFlavors(ctx context.Context) {
	r.Flavors = make([]Flavor, len(r.wanted.Flavors))
	listed, err := all(ctx, flavors.ListDetail(r.compute, flavors.ListOpts{}), flavors.ExtractFlavors)
	if err != nil {
		r.unanswered("flavors", failure(look, "listing flavors", err))
		return
	}
	for i, wish := range r.wanted.Flavors {
		found := r.findFlavor(wish, listed)
		if found == nil {
			continue
		}
		r.Flavors[i] = Flavor{ID: found.ID, Name: found.Name, VCPUs: found.VCPUs, MemMiB: found.RAM, DiskGiB: found.Disk, Extra: r.extra(ctx, *found)}
		r.fits(r.Flavors[i])
	}
}

func (r *resolving) findFlavor(wish FlavorWish, listed []flavors.Flavor) *flavors.Flavor {
	if wish.Name == "" {
		found := smallest(wish, listed)
		if found == nil {
			what := fmt.Sprintf("flavor with at least %d vCPUs, %d MiB of memory and %d GiB of disk", wish.VCPUs, wish.MemMiB, wish.DiskGiB)
			r.problem(what, NotFound, "no flavor has as much; %s", among(sizes(listed)))
		}
		return found
	}
	id := pick(r, "flavor", wish.Name, listed, func(f flavors.Flavor) string { return f.ID }, func(f flavors.Flavor) string { return f.Name })
	for i := range listed {
		if listed[i].ID == id {
			return &listed[i]
		}
	}
	return nil
}

// smallest is the smallest flavor that has at least what is wished for: by vCPUs, then memory, then disk.
func smallest(wish FlavorWish, listed []flavors.Flavor) *flavors.Flavor {
	var fitting []flavors.Flavor
	for _, f := range listed {
		if f.VCPUs >= wish.VCPUs && f.RAM >= wish.MemMiB && f.Disk >= wish.DiskGiB {
			fitting = append(fitting, f)
		}
	}
	if len(fitting) == 0 {
		return nil
	}
	least := slices.MinFunc(fitting, func(a, b flavors.Flavor) int {
		return cmp.Or(cmp.Compare(a.VCPUs, b.VCPUs), cmp.Compare(a.RAM, b.RAM), cmp.Compare(a.Disk, b.Disk), cmp.Compare(a.Name, b.Name))
	})
	return &least
}

func sizes(listed []flavors.Flavor) []string {
	var said []string
	for _, f := range listed {
		said = append(said, fmt.Sprintf("%s (%d, %d, %d)", f.Name, f.VCPUs, f.RAM, f.Disk))
	}
	return said
}

// extra are a flavor's extra specs; none where users may not see them, which is what the flavor's name is for then.
func (r *resolving) extra(ctx context.Context, f flavors.Flavor) map[string]string {
	specs, err := flavors.ListExtraSpecs(ctx, r.compute, f.ID).Extract()
	if err = failure(look, "reading the extra specs of flavor "+f.Name, err); err != nil && KindOf(err) != Denied {
		r.unanswered("flavor "+f.Name, err)
	}
	return specs
}

// fits says what Nova would refuse: an image that asks for more than the flavor has.
func (r *resolving) fits(f Flavor) {
	what := "flavor " + f.Name
	if r.Image.MinMemMiB > f.MemMiB {
		r.problem(what, Invalid, "image %s needs %d MiB of memory, it has %d", r.Image.Name, r.Image.MinMemMiB, f.MemMiB)
	}
	switch {
	case r.wanted.Volume != nil:
	case f.DiskGiB == 0:
		r.problem(what, Invalid, "it has no disk, and clouds let ordinary users boot it from a volume only; give a `volume`")
	case r.Image.MinDiskGiB > f.DiskGiB:
		r.problem(what, Invalid, "image %s needs %d GiB of disk, it has %d", r.Image.Name, r.Image.MinDiskGiB, f.DiskGiB)
	}
}

// findImage finds the newest active image of those wished for.
func (r *resolving) findImage(ctx context.Context) {
	wish := r.wanted.Image
	what := strings.TrimSpace("image " + cmp.Or(wish.Name, wish.Family+wish.Tag))
	var options images.ListOpts
	switch {
	case wish.Name != "":
		options.Name = wish.Name
	case wish.Tag != "":
		options.Tags = []string{wish.Tag}
	case wish.Family == "":
		r.problem("image", Invalid, "none is given")
		return
	}
	listed, err := all(ctx, images.List(r.image, options), images.ExtractImages)
	if err == nil && wish.Name != "" && len(listed) == 0 {
		listed, err = r.imageByID(ctx, wish.Name)
	}
	if err != nil {
		r.unanswered(what, failure(look, "listing images", err))
		return
	}
	listed = slices.DeleteFunc(listed, func(i images.Image) bool { return !strings.HasPrefix(i.Name, wish.Family) })
	if len(listed) == 0 {
		r.problem(what, NotFound, "there is no such image")
		return
	}
	r.takeImage(what, listed)
}

func (r *resolving) imageByID(ctx context.Context, id string) ([]images.Image, error) {
	found, err := images.Get(ctx, r.Cloud.image, id).Extract()
	if kind := KindOf(failure(look, "", err)); kind == NotFound || kind == Invalid {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []images.Image{*found}, nil
}

func (r *resolving) takeImage(what string, listed []images.Image) {
	active := slices.DeleteFunc(slices.Clone(listed), func(i images.Image) bool { return i.Status != images.ImageStatusActive })
	if len(active) == 0 {
		r.problem(what, Invalid, "it is in status %s, and only an active image can be booted", listed[0].Status)
		return
	}
	newest := slices.MaxFunc(active, func(a, b images.Image) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	r.Image = Image{ID: newest.ID, Name: newest.Name, Created: newest.CreatedAt, MinDiskGiB: newest.MinDiskGigabytes, MinMemMiB: newest.MinRAMMegabytes}
	r.Machine.Image = newest.ID
	if v := r.wanted.Volume; v != nil && v.SizeGiB < newest.MinDiskGigabytes {
		r.problem("volume", Invalid, "image %s needs %d GiB, it has %d", newest.Name, newest.MinDiskGigabytes, v.SizeGiB)
	}
}
