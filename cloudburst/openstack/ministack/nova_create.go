package ministack

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// createRequest is what Nova reads of a body that makes servers.
type createRequest struct {
	Server *createServer
	Hints  struct{ Group string } `json:"os:scheduler_hints"`
}

type createServer struct {
	Name             string
	Description      *string
	Hostname         string
	ImageRef         string                  `json:"imageRef"`
	FlavorRef        any                     `json:"flavorRef"`
	Metadata         map[string]string       `json:"metadata"`
	UserData         string                  `json:"user_data"`
	KeyName          string                  `json:"key_name"`
	AvailabilityZone string                  `json:"availability_zone"`
	ConfigDrive      any                     `json:"config_drive"`
	SecurityGroups   []struct{ Name string } `json:"security_groups"`
	Networks         json.RawMessage
	Disks            []diskRequest `json:"block_device_mapping_v2"`
	Tags             []string
	MinCount         any `json:"min_count"`
	MaxCount         any `json:"max_count"`
}

type diskRequest struct {
	SourceType      string `json:"source_type"`
	DestinationType string `json:"destination_type"`
	UUID            string `json:"uuid"`
	VolumeSize      any    `json:"volume_size"`
	BootIndex       any    `json:"boot_index"`
	WithServer      bool   `json:"delete_on_termination"`
}

// portPlan is a port that a server gets: one that exists, or a new one.
type portPlan struct {
	port   string
	on     *netw
	groups []string
}

// diskPlan is a volume that a server gets: one that exists, or a new one.
type diskPlan struct {
	volume     string
	image      string
	size       int
	withServer bool
}

func invalidInput(field, value, why string) answer {
	return badRequest("Invalid input for field/attribute " + field + ". Value: " + value + ". " + why)
}

// refusal is an answer that ends the reading of a request. It is an error, so
// that the steps of reading can be written one after the other.
type refusal struct{ answer }

func (r refusal) Error() string { return string(r.body) }

func (c *Cloud) createServer(r *request) answer {
	var in createRequest
	if err := r.decode(&in); err != nil {
		return malformed(err)
	}
	if in.Server == nil {
		return badRequest("'server' is a required property")
	}
	if refused := checkKeys(r); refused != nil {
		return *refused
	}
	s := &server{project: r.token.project, user: r.token.user, vm: vmBuilding, task: taskScheduling, power: powerNone}
	for _, step := range []func(*request, *server, createRequest) error{c.readServer, c.readPlace, c.readNetworks, c.readDisks} {
		if err := step(r, s, in); err != nil {
			return err.(refusal).answer
		}
	}
	count := 1
	if text := textOf(in.Server.MinCount); text != "" {
		if _, err := fmt.Sscan(text, &count); err != nil || count < 1 {
			return invalidInput("min_count", text, text+" is less than the minimum of 1")
		}
	}
	if refused := c.roomInQuota(s, count); refused != nil {
		return *refused
	}
	made := c.launch(r, s, count)
	groups := []object{{"name": "default"}}
	if in.Server.SecurityGroups != nil {
		groups = nil
		for _, g := range in.Server.SecurityGroups {
			groups = append(groups, object{"name": g.Name})
		}
	}
	return respond(http.StatusAccepted, object{"server": object{
		"id": made.id, "links": c.links("servers", made.id), "OS-DCF:diskConfig": "MANUAL", "security_groups": groups,
		"adminPass": c.newHex()[:12]}}).with("Location", c.url+"/compute/v2.1/servers/"+made.id)
}

// createKeys are what Nova takes of a server, with the microversion since
// which it does.
var createKeys = map[string]int{
	"name": 1, "imageRef": 1, "flavorRef": 1, "adminPass": 1, "metadata": 1, "networks": 1, "OS-DCF:diskConfig": 1, "accessIPv4": 1,
	"accessIPv6": 1, "user_data": 1, "key_name": 1, "availability_zone": 1, "config_drive": 1, "security_groups": 1,
	"block_device_mapping": 1, "block_device_mapping_v2": 1, "min_count": 1, "max_count": 1, "return_reservation_id": 1,
	"description": 19, "tags": 52, "trusted_image_certificates": 63, "host": 74, "hypervisor_hostname": 74, "hostname": 90,
}

// checkKeys refuses what Nova does not know.
func checkKeys(r *request) *answer {
	var in struct{ Server map[string]json.RawMessage }
	if err := r.decode(&in); err != nil {
		refused := malformed(err)
		return &refused
	}
	for _, key := range slices.Sorted(maps.Keys(in.Server)) {
		since, known := createKeys[key]
		if key == "personality" {
			since, known = 1, r.micro < 57
		}
		if !known || r.micro < since {
			refused := invalidInput("server", string(r.body), "Additional properties are not allowed ('"+key+"' was unexpected)")
			return &refused
		}
	}
	return nil
}

// malformed tells text that is no JSON from JSON of the wrong form.
func malformed(err error) answer {
	wrong, ok := err.(*json.UnmarshalTypeError)
	if !ok {
		return badRequest("Malformed request body")
	}
	field := wrong.Field[strings.LastIndex(wrong.Field, ".")+1:]
	return invalidInput(field, wrong.Value, "It is not of type '"+wrong.Type.String()+"'")
}

// readServer reads what a server is.
func (c *Cloud) readServer(r *request, s *server, in createRequest) error {
	asked := in.Server
	switch length := utf8.RuneCountInString(asked.Name); {
	case asked.Name == "":
		return refusal{invalidInput("name", "", "'' is too short")}
	case length > 255:
		return refusal{invalidInput("name", asked.Name, "'"+asked.Name+"' is too long")}
	case asked.FlavorRef == nil:
		return refusal{invalidInput("server", string(r.body), "'flavorRef' is a required property")}
	case asked.ImageRef != "" && !isUUID(asked.ImageRef):
		return refusal{invalidInput("imageRef", asked.ImageRef, "'"+asked.ImageRef+"' is not valid under any of the given schemas")}
	case len(asked.UserData) > maxUserData:
		return refusal{invalidInput("user_data", asked.UserData, "'"+asked.UserData+"' is too long")}
	}
	if _, err := decodeBase64(asked.UserData); err != nil {
		return refusal{invalidInput("user_data", asked.UserData, "'"+asked.UserData+"' is not a 'base64'")}
	}
	if refused := checkMetadata(asked.Metadata); refused != nil {
		return refusal{*refused}
	}
	flavor := c.flavorOf(textOf(asked.FlavorRef))
	if flavor == nil {
		return refusal{badRequest("Flavor " + textOf(asked.FlavorRef) + " could not be found.")}
	}
	if asked.KeyName != "" && c.keyPairOf(r.token.user, asked.KeyName) == nil {
		return refusal{badRequest("Invalid key_name provided.")}
	}
	s.name, s.description, s.hostname = asked.Name, asked.Name, hostnameOf(asked)
	if r.micro >= 19 {
		s.description = ""
	}
	set(&s.description, asked.Description)
	s.flavor, s.key, s.metadata, s.userData, s.tags = *flavor, asked.KeyName, merged(nil, asked.Metadata, true), asked.UserData, asked.Tags
	s.configDrive = strings.EqualFold(textOf(asked.ConfigDrive), "true")
	return nil
}

// maxUserData is how many characters user-data has at most, in base64.
const maxUserData = 65535

// decodeBase64 decodes as Nova does, which skips what is no character of
// base64.
func decodeBase64(text string) ([]byte, error) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
	return base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
		if strings.ContainsRune(alphabet, r) {
			return r
		}
		return -1
	}, text))
}

// hostnameOf is the name that the machine itself is told.
func hostnameOf(asked *createServer) string {
	if asked.Hostname != "" {
		return asked.Hostname
	}
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '_':
			return '-'
		case r < 128 && (r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'):
			return r
		}
		return -1
	}, strings.ToLower(asked.Name)), "-.")
}

// readPlace reads where a server goes: its zone and its server group.
func (c *Cloud) readPlace(r *request, s *server, in createRequest) error {
	if zone := in.Server.AvailabilityZone; zone != "" {
		if !slices.ContainsFunc(c.zones, func(z Zone) bool { return z.Name == zone }) {
			return refusal{badRequest("The requested availability zone is not available")}
		}
		s.asked, s.zone = zone, zone
	}
	if id := in.Hints.Group; id != "" {
		if s.group = c.serverGroupOf(id, r.token.project); s.group == nil {
			return refusal{badRequest("Instance group " + id + " could not be found.")}
		}
	}
	return nil
}

// readNetworks reads which ports a server is to have.
func (c *Cloud) readNetworks(r *request, s *server, in createRequest) error {
	groups, err := c.readGroups(r, in.Server)
	if err != nil {
		return err
	}
	text := string(in.Server.Networks)
	var list []struct{ UUID, Port string }
	switch {
	case text == `"none"` && r.micro >= 37:
		return nil
	case text == "" && r.micro >= 37:
		return refusal{invalidInput("server", string(r.body), "'networks' is a required property")}
	case text == "" || text == "[]" || text == `"auto"` && r.micro >= 37:
		var mine []*netw
		for _, n := range c.networks {
			if n.project == s.project {
				mine = append(mine, n)
			}
		}
		if len(mine) > 1 {
			return refusal{conflict("Multiple possible networks found, use a Network ID to be more specific.")}
		}
		for _, n := range mine {
			s.ports = append(s.ports, portPlan{on: n, groups: groups})
		}
		return nil
	case json.Unmarshal(in.Server.Networks, &list) != nil:
		return refusal{invalidInput("networks", text, text+" is not of type 'array'")}
	}
	for _, asked := range list {
		if id := asked.UUID + asked.Port; !isUUID(id) {
			return refusal{invalidInput("uuid", id, "'"+id+"' is not a 'uuid'")}
		}
		plan := portPlan{port: asked.Port, on: c.networkOf(asked.UUID, s.project), groups: groups}
		if asked.Port != "" {
			p := c.portOf(asked.Port, s.project)
			switch {
			case p == nil:
				return refusal{badRequest("Port id " + asked.Port + " could not be found.")}
			case p.device != "":
				return refusal{conflict("Port " + asked.Port + " is still in use.")}
			}
		} else if plan.on == nil {
			return refusal{badRequest("Network " + asked.UUID + " could not be found.")}
		}
		s.ports = append(s.ports, plan)
	}
	return nil
}

// readGroups reads which security groups the ports are to have that Nova
// makes.
func (c *Cloud) readGroups(r *request, asked *createServer) ([]string, error) {
	var ids []string
	for _, ref := range asked.SecurityGroups {
		g := c.groupOf(ref.Name, true, r.token.project)
		if g == nil {
			return nil, refusal{badRequest("Unable to find security_group with name or id '" + ref.Name + "'")}
		}
		ids = append(ids, g.id)
	}
	return ids, nil
}

// readDisks reads what a server boots from: an image, or a volume.
func (c *Cloud) readDisks(r *request, s *server, in createRequest) error {
	s.image = in.Server.ImageRef
	boots := s.image != ""
	for _, disk := range in.Server.Disks {
		boots = boots || textOf(disk.BootIndex) == "0"
		if disk.SourceType == "image" && disk.DestinationType == "local" {
			continue // says what imageRef says
		}
		plan := diskPlan{withServer: disk.WithServer}
		if text := textOf(disk.VolumeSize); text != "" {
			if _, err := fmt.Sscan(text, &plan.size); err != nil {
				return refusal{invalidInput("volume_size", text, "'"+text+"' does not match '^[0-9]+$'")}
			}
		}
		switch disk.SourceType {
		case "volume":
			v := c.volumeOf(disk.UUID, s.project)
			if v == nil || v.status != volumeAvailable {
				return refusal{badRequest("Block Device Mapping is Invalid: failed to get volume " + disk.UUID + ".")}
			}
			plan.volume = v.id
		case "image":
			if c.imageOf(disk.UUID, s.project) == nil {
				return refusal{badRequest("Block Device Mapping is Invalid: failed to get image " + disk.UUID + ".")}
			}
			plan.image = disk.UUID
		}
		if plan.volume == "" && plan.size == 0 {
			return refusal{badRequest("Block Device Mapping is Invalid: Images with destination_type 'volume' need to have a non-zero size specified")}
		}
		s.disks = append(s.disks, plan)
	}
	switch {
	case !boots:
		return refusal{badRequest("Missing imageRef attribute")}
	case s.image != "" && c.imageOf(s.image, s.project) == nil:
		return refusal{badRequest("Can not find requested image")}
	}
	return nil
}

func (c *Cloud) portOf(id string, p *project) *port {
	for _, port := range c.ports {
		if port.id == id && port.project == p {
			return port
		}
	}
	return nil
}

func (c *Cloud) volumeOf(id string, p *project) *cinderVolume {
	for _, v := range c.volumes {
		if v.id == id && v.project == p {
			return v
		}
	}
	return nil
}
