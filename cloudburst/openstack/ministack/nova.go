package ministack

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"
)

// nova is what Nova knows.
type nova struct {
	flavors      []*Flavor
	zones        []Zone
	servers      []*server // oldest first
	removed      []*server // deleted ones, for the report of their usage
	serverGroups []*serverGroup
	keyPairs     []*keyPair
}

// The states of a server's machine (Nova's power_state).
const (
	powerNone     = 0
	powerRunning  = 1
	powerShutdown = 4
)

// Nova's vm_state, of which the status is made.
const (
	vmBuilding  = "building"
	vmActive    = "active"
	vmStopped   = "stopped"
	vmError     = "error"
	vmOffloaded = "shelved_offloaded"
	vmDeleted   = "deleted"
)

var statusOf = map[string]string{
	vmBuilding: "BUILD", vmActive: "ACTIVE", vmStopped: "SHUTOFF", vmError: "ERROR", vmOffloaded: "SHELVED_OFFLOADED", vmDeleted: "DELETED",
}

// server is a row of Nova's instances table, and its machine.
type server struct {
	id, name, description, hostname string
	project                         *project
	user                            *user
	flavor                          Flavor
	image, key                      string
	asked                           string // the zone that was asked for; "" for any
	zone, host                      string // where it is; "" if it is nowhere
	metadata                        map[string]string
	tags                            []string
	group                           *serverGroup
	userData                        string // base64
	configDrive                     bool
	created, updated                time.Time
	launched, terminated            time.Time

	vm, task string // Nova's vm_state and task_state
	fault    *serverFault
	buried   bool   // no host was found for it: it is in cell 0
	doom     *Fault // what is to become of its build

	ports     []portPlan // what it gets when it has a host
	disks     []diskPlan
	shelved   string // the image that it was shelved to
	bystander bool

	// The machine.
	power   int
	boots   int
	console string
}

type serverFault struct {
	message string
	created time.Time
}

func (s *server) status() string {
	if s.vm == vmActive && s.task == taskRebooting {
		return "HARD_REBOOT"
	}
	return statusOf[s.vm]
}

func hostOf(z Zone) string { return "host-" + z.Name }

// hostID hides a host's name from those who may not know it, as Nova does.
func (s *server) hostID() string {
	if s.host == "" {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum224([]byte(s.project.id+s.host)))
}

func novaRoutes() []route {
	const base = "/compute/v2.1"
	const one = base + "/servers/{server}"
	return []route{
		{Discover, "GET", "/compute/{$}", compute, (*Cloud).novaVersions, true},
		{Discover, "GET", base, compute, (*Cloud).novaVersion, true},
		{Discover, "GET", base + "/{$}", compute, (*Cloud).novaVersion, true},
		{CreateServer, "POST", base + "/servers", compute, (*Cloud).createServer, false},
		{ListServers, "GET", base + "/servers", compute, (*Cloud).listServers, false},
		{ListServers, "GET", base + "/servers/detail", compute, (*Cloud).listServersDetail, false},
		{ShowServer, "GET", one, compute, (*Cloud).showServer, false},
		{UpdateServer, "PUT", one, compute, (*Cloud).updateServer, false},
		{DeleteServer, "DELETE", one, compute, (*Cloud).deleteServer, false},
		{OtherAction, "POST", one + "/action", compute, (*Cloud).act, false},
		{ShowServer, "GET", one + "/metadata", compute, (*Cloud).showMetadata, false},
		{SetMetadata, "POST", one + "/metadata", compute, (*Cloud).setMetadata, false},
		{SetMetadata, "PUT", one + "/metadata", compute, (*Cloud).setMetadata, false},
		{SetMetadata, "PUT", one + "/metadata/{key}", compute, (*Cloud).setMetadatum, false},
		{SetMetadata, "DELETE", one + "/metadata/{key}", compute, (*Cloud).deleteMetadatum, false},
		{ShowServer, "GET", one + "/metadata/{key}", compute, (*Cloud).showMetadatum, false},
		{ShowServer, "GET", one + "/os-interface", compute, (*Cloud).listInterfaces, false},
		{ShowServer, "GET", one + "/os-volume_attachments", compute, (*Cloud).listAttachments, false},
		{ListFlavors, "GET", base + "/flavors", compute, (*Cloud).listFlavors, false},
		{ListFlavors, "GET", base + "/flavors/detail", compute, (*Cloud).listFlavorsDetail, false},
		{ListFlavors, "GET", base + "/flavors/{flavor}", compute, (*Cloud).showFlavor, false},
		{ListFlavors, "GET", base + "/flavors/{flavor}/os-extra_specs", compute, (*Cloud).showExtraSpecs, false},
		{ShowLimits, "GET", base + "/limits", compute, (*Cloud).showLimits, false},
		{ShowLimits, "GET", base + "/os-quota-sets/{project}", compute, (*Cloud).showQuota, false},
		{ShowLimits, "GET", base + "/os-quota-sets/{project}/detail", compute, (*Cloud).showQuotaDetail, false},
		{ShowUsage, "GET", base + "/os-simple-tenant-usage/{project}", compute, (*Cloud).showUsage, false},
		{ListZones, "GET", base + "/os-availability-zone", compute, (*Cloud).listZones, false},
		{ListKeyPairs, "GET", base + "/os-keypairs", compute, (*Cloud).listKeyPairs, false},
		{ListKeyPairs, "GET", base + "/os-keypairs/{name}", compute, (*Cloud).showKeyPair, false},
		{ChangeKeyPair, "POST", base + "/os-keypairs", compute, (*Cloud).createKeyPair, false},
		{ChangeKeyPair, "DELETE", base + "/os-keypairs/{name}", compute, (*Cloud).deleteKeyPair, false},
		{ListServerGroups, "GET", base + "/os-server-groups", compute, (*Cloud).listServerGroups, false},
		{ListServerGroups, "GET", base + "/os-server-groups/{group}", compute, (*Cloud).showServerGroup, false},
		{ChangeServerGroup, "POST", base + "/os-server-groups", compute, (*Cloud).createServerGroup, false},
		{ChangeServerGroup, "DELETE", base + "/os-server-groups/{group}", compute, (*Cloud).deleteServerGroup, false},
	}
}

func (c *Cloud) versionOfNova() object {
	return object{"id": "v2.1", "status": "CURRENT", "version": "2.93", "min_version": "2.1", "updated": "2013-07-23T11:33:21Z",
		"links": []object{{"rel": "self", "href": c.url + "/compute/v2.1/"}}}
}

func (c *Cloud) novaVersions(*request) answer {
	old := object{"id": "v2.0", "status": "SUPPORTED", "version": "", "min_version": "", "updated": "2011-01-21T11:33:21Z",
		"links": []object{{"rel": "self", "href": c.url + "/compute/v2/"}}}
	return ok(object{"versions": []object{old, c.versionOfNova()}})
}

func (c *Cloud) novaVersion(*request) answer {
	v := c.versionOfNova()
	v["media-types"] = []object{{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}}
	v["links"] = append(v["links"].([]object), object{"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"})
	return ok(object{"version": v})
}

// withServer does something with the server that a call names, if its project
// has it.
func (c *Cloud) withServer(r *request, fn func(*server) answer) answer {
	id := r.PathValue("server")
	for _, s := range c.servers {
		if s.id == id && (s.project == r.token.project || r.token.user.admin()) {
			return fn(s)
		}
	}
	return noServer(id)
}

func noServer(id string) answer { return notFound("Instance " + id + " could not be found.") }

// wrongState is how Nova refuses what a server's state does not allow.
func (s *server) wrongState(action, attribute, state string) answer {
	return compute.refuse(http.StatusConflict, "", "Cannot '"+action+"' instance "+s.id+" while it is in "+attribute+" "+state)
}

// links are those that Nova puts beside an id.
func (c *Cloud) links(collection, id string) []object {
	return []object{
		{"rel": "self", "href": c.url + "/compute/v2.1/" + collection + "/" + id},
		{"rel": "bookmark", "href": c.url + "/compute/" + collection + "/" + id},
	}
}

func (c *Cloud) bookmark(collection, id string) object {
	return object{"id": id, "links": c.links(collection, id)[1:]}
}
