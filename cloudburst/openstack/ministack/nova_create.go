package ministack

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// createRequest is what Nova reads of a body that makes a server.
type createRequest struct {
	Server *struct {
		Name             string
		Description      string
		Hostname         string
		ImageRef         string
		FlavorRef        any
		Metadata         map[string]string
		UserData         string                  `json:"user_data"`
		KeyName          string                  `json:"key_name"`
		AvailabilityZone string                  `json:"availability_zone"`
		ConfigDrive      any                     `json:"config_drive"`
		SecurityGroups   []struct{ Name string } `json:"security_groups"`
		Networks         json.RawMessage
		Tags             []string
	}
	Hints struct{ Group string } `json:"os:scheduler_hints"`
}

func invalidInput(field, value, why string) answer {
	return badRequest("Invalid input for field/attribute " + field + ". Value: " + value + ". " + why)
}

// maxUserData is how many characters user-data has at most, in base64.
const maxUserData = 65535

func (c *Cloud) createServer(r *request) answer {
	var in createRequest
	if err := r.decode(&in); err != nil || in.Server == nil {
		return badRequest("Malformed request body")
	}
	asked := in.Server
	if asked.Name == "" || len(asked.Name) > 255 {
		return invalidInput("name", asked.Name, "'"+asked.Name+"' is too short or too long")
	}
	if len(asked.UserData) > maxUserData {
		return invalidInput("user_data", asked.UserData[:40]+"...", "is too long")
	}
	if _, err := base64.StdEncoding.DecodeString(asked.UserData); err != nil {
		return invalidInput("user_data", asked.UserData, "'"+asked.UserData+"' is not a 'base64'")
	}
	flavor := c.flavorOf(asked.FlavorRef)
	if flavor == nil {
		return badRequest("Flavor " + refText(asked.FlavorRef) + " could not be found.")
	}
	if asked.AvailabilityZone != "" && !slices.ContainsFunc(c.zones, func(z Zone) bool { return z.Name == asked.AvailabilityZone }) {
		return badRequest("The requested availability zone is not available")
	}
	now := c.Now()
	s := &server{id: c.newID(), name: asked.Name, description: asked.Description, hostname: asked.Hostname,
		project: r.token.project, user: r.token.user, flavor: *flavor, image: asked.ImageRef, key: asked.KeyName,
		zone: asked.AvailabilityZone, metadata: asked.Metadata, userData: asked.UserData, created: now, updated: now,
		vm: vmBuilding, task: "scheduling"}
	c.servers = append(c.servers, s)
	c.build(s)
	groups := []object{{"name": "default"}}
	return respond(http.StatusAccepted, object{"server": object{
		"id": s.id, "links": c.links("servers", s.id), "OS-DCF:diskConfig": "MANUAL",
		"security_groups": groups, "adminPass": c.newHex()[:12]}}).with("Location", c.url+"/compute/v2.1/servers/"+s.id)
}

func refText(ref any) string {
	switch ref := ref.(type) {
	case string:
		return ref
	case float64:
		return strconv.FormatFloat(ref, 'f', -1, 64)
	}
	return ""
}

func (c *Cloud) flavorOf(ref any) *Flavor {
	id := refText(ref)
	for _, f := range c.flavors {
		if f.ID == id {
			return f
		}
	}
	return nil
}

// build takes a server through its build.
func (c *Cloud) build(s *server) {
	c.after(c.buildTime(s.flavor), func() {
		if s.vm != vmBuilding {
			return
		}
		now := c.Now()
		s.vm, s.task, s.launched, s.updated = vmActive, "", now, now
		c.powerOn(s)
	})
}

func (c *Cloud) buildTime(f Flavor) time.Duration {
	seconds, err := strconv.ParseFloat(f.ExtraSpecs[specSeconds], 64)
	if err != nil {
		return c.opts.BuildTime
	}
	return time.Duration(seconds * float64(time.Second))
}

// links are those that Nova puts beside an id.
func (c *Cloud) links(collection, id string) []object {
	return []object{
		{"rel": "self", "href": c.url + "/compute/v2.1/" + collection + "/" + id},
		{"rel": "bookmark", "href": c.url + "/compute/" + collection + "/" + id},
	}
}
