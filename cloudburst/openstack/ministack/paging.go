package ministack

import (
	"maps"
	"regexp"
	"strconv"
)

var digits = regexp.MustCompile(`^[0-9]*$`)

// page is the part of a list that a call of Nova or Cinder asks for by limit
// and marker, and the link to the next part.
func (c *Cloud) page(r *request, n int, id func(int) string) (from, to int, links []object, refused *answer) {
	query := r.URL.Query()
	limit := c.opts.MaxLimit
	if asked := query.Get("limit"); !digits.MatchString(asked) {
		a := badRequest("Invalid input for query parameters limit. Value: " + asked + ". '" + asked + "' does not match '^[0-9]*$'")
		return 0, 0, nil, &a
	} else if asked != "" {
		if k, err := strconv.Atoi(asked); err == nil {
			limit = min(k, limit)
		}
	}
	if marker := query.Get("marker"); marker != "" {
		for from < n && id(from) != marker {
			from++
		}
		if from++; from > n {
			a := badRequest("marker [" + marker + "] not found")
			return 0, 0, nil, &a
		}
	}
	to = min(from+limit, n)
	if to-from == limit && limit > 0 { // as the real one does it, even if nothing follows
		query.Set("marker", id(to-1))
		links = []object{{"rel": "next", "href": c.url + r.URL.Path + "?" + query.Encode()}}
	}
	return from, to, links, nil
}

func withLinks(out object, key string, links []object) object {
	if links != nil {
		out[key] = links
	}
	return out
}

// merged is metadata that was set: in place of what there was, or over it.
func merged(old, set map[string]string, replace bool) map[string]string {
	out := map[string]string{}
	if !replace {
		maps.Copy(out, old)
	}
	maps.Copy(out, set)
	return out
}
