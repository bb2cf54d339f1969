package ministack

import (
	"net/http"
	"time"
)

// nova is what Nova knows.
type nova struct {
	flavors []*Flavor
	zones   []Zone
	servers []*server // oldest first; deleted ones stay, for their usage
}

// The states of a server's machine (Nova's power_state).
const (
	powerNone     = 0
	powerRunning  = 1
	powerShutdown = 4
)

// Nova's vm_state, of which and of the task state the status is made.
const (
	vmBuilding  = "building"
	vmActive    = "active"
	vmStopped   = "stopped"
	vmError     = "error"
	vmShelved   = "shelved"
	vmOffloaded = "shelved_offloaded"
	vmDeleted   = "deleted"
)

var statusOf = map[string]string{
	vmBuilding: "BUILD", vmActive: "ACTIVE", vmStopped: "SHUTOFF", vmError: "ERROR", vmShelved: "SHELVED",
	vmOffloaded: "SHELVED_OFFLOADED", vmDeleted: "DELETED",
}

// server is a row of Nova's instances table, and its machine.
type server struct {
	id, name, description, hostname string
	project                         *project
	user                            *user
	flavor                          Flavor
	image, key, zone                string
	metadata                        map[string]string
	groups                          []string // security groups, by name
	userData                        string   // base64
	configDrive                     bool
	created, updated                time.Time
	launched, terminated            time.Time

	vm, task string // Nova's vm_state and task_state
	fault    *serverFault

	// The machine.
	power   int
	boots   int
	console string
}

type serverFault struct {
	code             int
	message, details string
	created          time.Time
}

func (s *server) status() string { return statusOf[s.vm] }

// live tells whether Nova still shows the server.
func (s *server) live() bool { return s.vm != vmDeleted }

func novaRoutes() []route {
	const base = "/compute/v2.1"
	return []route{
		{Discover, "GET", "/compute/{$}", compute, (*Cloud).novaVersions, true},
		{Discover, "GET", base, compute, (*Cloud).novaVersion, true},
		{Discover, "GET", base + "/{$}", compute, (*Cloud).novaVersion, true},
		{CreateServer, "POST", base + "/servers", compute, (*Cloud).createServer, false},
		{ListServers, "GET", base + "/servers", compute, (*Cloud).listServers, false},
		{ListServers, "GET", base + "/servers/detail", compute, (*Cloud).listServersDetail, false},
		{ShowServer, "GET", base + "/servers/{server}", compute, (*Cloud).showServer, false},
		{DeleteServer, "DELETE", base + "/servers/{server}", compute, (*Cloud).deleteServer, false},
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
	return ok(object{"version": v})
}

// serverOf finds the server that a call names, among those that its project
// may see.
func (c *Cloud) serverOf(r *request) (*server, answer) {
	id := r.PathValue("server")
	for _, s := range c.servers {
		if s.id == id && s.live() && (s.project == r.token.project || r.token.user.admin()) {
			return s, answer{}
		}
	}
	return nil, compute.refuse(http.StatusNotFound, "", "Instance "+id+" could not be found.")
}
