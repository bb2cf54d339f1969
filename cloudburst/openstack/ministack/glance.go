package ministack

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// glance is what Glance knows.
type glance struct {
	images []*Image
}

// Image is an image that servers are made of.
type Image struct {
	ID, Name   string            // ID default: made up
	Size       int64             // bytes
	MinDisk    int               // GiB
	MinRAM     int               // MiB
	Tags       []string          //
	Properties map[string]string // such as os_distro
	Visibility string            // default "public"
	Status     string            // default "active"
	Created    time.Time         // default: the cloud's start
	owner      *project
}

// AddImage adds an image and returns its id.
func (c *Cloud) AddImage(image Image) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addImage(image).ID
}

func (c *Cloud) addImage(image Image) *Image {
	if image.ID == "" {
		image.ID = c.newID()
	}
	if image.Visibility == "" {
		image.Visibility = "public"
	}
	if image.Status == "" {
		image.Status = "active"
	}
	if image.Created.IsZero() {
		image.Created = c.Now()
	}
	image.Tags, image.Properties = slices.Clone(image.Tags), maps.Clone(image.Properties)
	c.images = append(c.images, &image)
	return &image
}

func (c *Cloud) dropImage(id string) {
	c.images = slices.DeleteFunc(c.images, func(image *Image) bool { return image.ID == id })
}

func glanceRoutes() []route {
	return []route{
		{Discover, "GET", "/image/{$}", image, (*Cloud).imageVersions, true},
		{ListImages, "GET", "/image/v2/images", image, (*Cloud).listImages, false},
		{ListImages, "GET", "/image/v2/images/{image}", image, (*Cloud).showImage, false},
		{DeleteImage, "DELETE", "/image/v2/images/{image}", image, (*Cloud).deleteImage, false},
	}
}

func (c *Cloud) imageVersions(*request) answer {
	var versions []object
	for i, id := range []string{"v2.15", "v2.9", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0"} {
		status := "SUPPORTED"
		if i == 0 {
			status = "CURRENT"
		}
		versions = append(versions, object{"id": id, "status": status, "links": []object{{"rel": "self", "href": c.url + "/image/v2/"}}})
	}
	return respond(http.StatusMultipleChoices, object{"versions": versions})
}

// visible tells whether a project sees an image.
func (image *Image) visible(p *project) bool { return image.Visibility == "public" || image.owner == p }

func (c *Cloud) imageOf(id string, p *project) *Image {
	for _, image := range c.images {
		if image.ID == id && image.visible(p) {
			return image
		}
	}
	return nil
}

func noImage(status int, id string) answer {
	return image.refuse(status, "", "No image found with ID "+id)
}

func (c *Cloud) showImage(r *request) answer {
	found := c.imageOf(r.PathValue("image"), r.token.project)
	if found == nil {
		return noImage(http.StatusNotFound, r.PathValue("image"))
	}
	return ok(viewImage(found))
}

func (c *Cloud) deleteImage(r *request) answer {
	found := c.imageOf(r.PathValue("image"), r.token.project)
	if found == nil {
		return noImage(http.StatusNotFound, r.PathValue("image"))
	}
	if found.owner != r.token.project && !r.token.user.admin() {
		return image.refuse(http.StatusForbidden, "", "You are not permitted to delete this image.")
	}
	c.dropImage(found.ID)
	return empty(http.StatusNoContent)
}

func viewImage(image *Image) object {
	view := object{
		"id": image.ID, "name": image.Name, "status": image.Status, "visibility": image.Visibility, "size": image.Size,
		"virtual_size": image.Size, "min_disk": image.MinDisk, "min_ram": image.MinRAM, "tags": append([]string{}, image.Tags...),
		"disk_format": "raw", "container_format": "bare", "protected": false, "os_hidden": false, "checksum": nil, "owner": nil,
		"os_hash_algo": nil, "os_hash_value": nil, "created_at": stamp(image.Created), "updated_at": stamp(image.Created),
		"self": "/v2/images/" + image.ID, "file": "/v2/images/" + image.ID + "/file", "schema": "/v2/schemas/image",
	}
	if image.owner != nil {
		view["owner"] = image.owner.id
	}
	for key, value := range image.Properties {
		view[key] = value
	}
	return view
}

// imagePage is how many images Glance shows at a time unless it is told
// otherwise (limit_param_default).
const imagePage = 25

func (c *Cloud) listImages(r *request) answer {
	query := r.URL.Query()
	limit := imagePage
	if asked := query.Get("limit"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil {
			return image.refuse(http.StatusBadRequest, "", "limit param must be an integer")
		}
		limit = min(n, c.opts.MaxLimit)
	}
	var found []*Image
	for _, image := range c.images {
		if image.visible(r.token.project) && image.matches(query) {
			found = append(found, image)
		}
	}
	sortImages(found, query)
	if marker := query.Get("marker"); marker != "" {
		i := slices.IndexFunc(found, func(image *Image) bool { return image.ID == marker })
		if i < 0 {
			return noImage(http.StatusBadRequest, marker)
		}
		found = found[i+1:]
	}
	views := []object{}
	for _, image := range found[:min(limit, len(found))] {
		views = append(views, viewImage(image))
	}
	first := url.Values{}
	for key, values := range query {
		if key != "marker" {
			first[key] = values
		}
	}
	out := object{"images": views, "first": withQuery("/v2/images", first), "schema": "/v2/schemas/images"}
	if len(views) > 0 && len(views) == limit {
		first.Set("marker", found[limit-1].ID)
		out["next"] = withQuery("/v2/images", first)
	}
	return ok(out)
}

func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// matches tells whether an image is among those that a list asks for: every
// parameter that is not about the list itself is a property of the image.
func (image *Image) matches(query url.Values) bool {
	view := viewImage(image)
	for key, values := range query {
		switch key {
		case "limit", "marker", "sort", "sort_key", "sort_dir", "member_status":
		case "tag":
			for _, tag := range values {
				if !slices.Contains(image.Tags, tag) {
					return false
				}
			}
		case "visibility":
			if values[0] != "all" && values[0] != image.Visibility {
				return false
			}
		case "size_min", "size_max":
			n, err := strconv.ParseInt(values[0], 10, 64)
			if err != nil || key == "size_min" && image.Size < n || key == "size_max" && image.Size > n {
				return false
			}
		default:
			if !oneOf(textOf(view[key]), values[0]) {
				return false
			}
		}
	}
	return true
}

// oneOf tells whether a filter of Glance holds: "x", or "in:x,y".
func oneOf(value, filter string) bool {
	list, ok := strings.CutPrefix(filter, "in:")
	if !ok {
		return strings.EqualFold(value, filter)
	}
	for _, one := range strings.Split(list, ",") {
		if strings.Trim(one, `"`) == value {
			return true
		}
	}
	return false
}

// sortImages puts the newest first, or does what sort=key:dir says, or
// sort_key and sort_dir.
func sortImages(images []*Image, query url.Values) {
	key, dir, _ := strings.Cut(query.Get("sort"), ":")
	if key == "" {
		key, dir = query.Get("sort_key"), query.Get("sort_dir")
	}
	if key == "" {
		key = "created_at"
	}
	slices.SortStableFunc(images, func(a, b *Image) int {
		order := strings.Compare(textOf(viewImage(a)[key]), textOf(viewImage(b)[key]))
		if order == 0 {
			order = strings.Compare(a.ID, b.ID)
		}
		if dir == "asc" {
			return order
		}
		return -order
	})
}
