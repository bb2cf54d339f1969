package ministack

import (
	"slices"
	"strconv"
	"strings"
)

func (c *Cloud) flavorOf(id string) *Flavor {
	for _, f := range c.flavors {
		if f.ID == id {
			return f
		}
	}
	return nil
}

func (c *Cloud) listFlavors(r *request) answer {
	return c.flavorPage(r, func(f *Flavor) object {
		return object{"id": f.ID, "name": f.Name, "links": c.links("flavors", f.ID)}
	})
}

func (c *Cloud) listFlavorsDetail(r *request) answer {
	return c.flavorPage(r, func(f *Flavor) object { return c.viewFlavor(r, f) })
}

// flavorPage lists flavors, by id.
func (c *Cloud) flavorPage(r *request, view func(*Flavor) object) answer {
	query := r.URL.Query()
	atLeast := func(key string, have int) bool {
		n, err := strconv.Atoi(query.Get(key))
		return err != nil || have >= n
	}
	var found []*Flavor
	for _, f := range c.flavors {
		if atLeast("minRam", f.RAM) && atLeast("minDisk", f.Disk) {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b *Flavor) int { return strings.Compare(a.ID, b.ID) })
	from, to, links, refused := c.page(r, len(found), func(i int) string { return found[i].ID })
	if refused != nil {
		return *refused
	}
	views := []object{}
	for _, f := range found[from:to] {
		views = append(views, view(f))
	}
	return ok(withLinks(object{"flavors": views}, "flavors_links", links))
}

func (c *Cloud) viewFlavor(r *request, f *Flavor) object {
	view := object{
		"id": f.ID, "name": f.Name, "ram": f.RAM, "disk": f.Disk, "vcpus": f.VCPUs, "swap": "", "OS-FLV-EXT-DATA:ephemeral": 0,
		"OS-FLV-DISABLED:disabled": false, "os-flavor-access:is_public": true, "rxtx_factor": 1.0, "links": c.links("flavors", f.ID),
	}
	if r.micro >= 55 {
		view["description"] = nil
	}
	if r.micro >= 61 {
		view["extra_specs"] = merged(f.ExtraSpecs, nil, false)
	}
	if r.micro >= 75 {
		view["swap"] = 0
	}
	return view
}

func (c *Cloud) showFlavor(r *request) answer {
	f := c.flavorOf(r.PathValue("flavor"))
	if f == nil {
		return notFound("Flavor " + r.PathValue("flavor") + " could not be found.")
	}
	return ok(object{"flavor": c.viewFlavor(r, f)})
}

func (c *Cloud) showExtraSpecs(r *request) answer {
	f := c.flavorOf(r.PathValue("flavor"))
	if f == nil {
		return notFound("Flavor " + r.PathValue("flavor") + " could not be found.")
	}
	return ok(object{"extra_specs": merged(f.ExtraSpecs, nil, false)})
}

func (c *Cloud) listZones(r *request) answer {
	out := []object{}
	for _, z := range c.zones {
		view := object{"zoneName": z.Name, "zoneState": object{"available": true}}
		if strings.HasPrefix(r.URL.Path, "/compute/") {
			view["hosts"] = nil
		}
		out = append(out, view)
	}
	return ok(object{"availabilityZoneInfo": out})
}
