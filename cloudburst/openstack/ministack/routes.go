package ministack

import (
	"net/http"
	"slices"
	"strconv"
)

// Kind is a sort of call, by which calls are counted and faults are ordered.
type Kind string

// The kinds of calls.
const (
	Discover    Kind = "discover" // versions of a service
	CreateToken Kind = "create token"
	ShowToken   Kind = "show token"
	RevokeToken Kind = "revoke token"

	CreateServer   Kind = "create server"
	ListServers    Kind = "list servers"
	ShowServer     Kind = "show server" // and what hangs on one
	UpdateServer   Kind = "update server"
	DeleteServer   Kind = "delete server"
	SetMetadata    Kind = "set metadata" // of a server, and deleting a key of it
	StopServer     Kind = "stop server"
	StartServer    Kind = "start server"
	RebootServer   Kind = "reboot server"
	ShelveServer   Kind = "shelve server" // and offloading it
	UnshelveServer Kind = "unshelve server"
	ShowConsole    Kind = "show console"
	OtherAction    Kind = "other action" // one that ministack does not know

	ListFlavors       Kind = "list flavors" // and show one
	ShowLimits        Kind = "show limits"  // of any service, and its quotas
	ShowUsage         Kind = "show usage"
	ListKeyPairs      Kind = "list key pairs"
	ChangeKeyPair     Kind = "change key pair"
	ListServerGroups  Kind = "list server groups"
	ChangeServerGroup Kind = "change server group"
	ListZones         Kind = "list zones"

	ListImages   Kind = "list images"
	DeleteImage  Kind = "delete image"
	ListNetworks Kind = "list networks" // and subnets
	ListGroups   Kind = "list security groups"
	CreatePort   Kind = "create port"
	ListPorts    Kind = "list ports"
	ShowPort     Kind = "show port"
	UpdatePort   Kind = "update port" // and its tags
	DeletePort   Kind = "delete port"

	CreateVolume Kind = "create volume"
	ListVolumes  Kind = "list volumes" // and their types
	ShowVolume   Kind = "show volume"
	UpdateVolume Kind = "update volume" // and its metadata
	DeleteVolume Kind = "delete volume"

	Unknown Kind = "unknown" // a call that ministack does not have
)

// route is one call of an API.
type route struct {
	kind    Kind
	method  string
	path    string // as http.ServeMux takes it
	service service
	handle  func(*Cloud, *request) answer
	open    bool // needs no token
}

// table is the table of all calls.
func table() []route {
	return slices.Concat(keystoneRoutes(), novaRoutes(), glanceRoutes(), neutronRoutes(), cinderRoutes())
}

func (c *Cloud) handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range table() {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { c.serve(rt, w, r) })
	}
	unknown := route{kind: Unknown, service: image, open: true, handle: func(*Cloud, *request) answer {
		return image.refuse(http.StatusNotFound, "", "The resource could not be found.")
	}}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { c.serve(unknown, w, r) })
	return mux
}

// serve does one call, with the fault that is due, and remembers it.
func (c *Cloud) serve(rt route, w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		return // it broke off
	}
	q := &request{Request: r, kind: rt.kind, body: body, micro: 1}
	if rt.kind == OtherAction {
		q.kind = actionKind(body)
	}
	c.mu.Lock()
	fault := c.faults.next(q.kind)
	var a answer
	if fault == nil || fault.happensWithin() {
		q.fault = fault
		a = c.carryOut(rt, q)
	} else {
		a = c.fail(rt, q, *fault)
	}
	c.remember(q, a, fault)
	c.mu.Unlock()
	c.settle()
	if fault == nil {
		a.write(w)
		return
	}
	switch fault.Effect {
	case Break:
		panic(http.ErrAbortHandler) // the way to close a connection without an answer
	case Hang:
		select {
		case <-r.Context().Done():
		case <-c.gone:
		}
		panic(http.ErrAbortHandler)
	}
	a.write(w)
}

// carryOut is what a call does and answers.
func (c *Cloud) carryOut(rt route, r *request) answer {
	if rt.service == compute {
		micro, ok := microversion(r.Header)
		if !ok {
			return compute.refuse(http.StatusNotAcceptable, "", "Version "+askedVersion(r.Header)+
				" is not supported by the API. Minimum is 2.1 and maximum is 2."+strconv.Itoa(maxMicroversion)+".")
		}
		r.micro = micro
	}
	if !rt.open {
		if r.fault != nil && r.fault.Effect == Expire {
			delete(c.tokens, r.Header.Get("X-Auth-Token"))
		}
		if r.token = c.tokenOf(r.Header.Get("X-Auth-Token")); r.token == nil {
			return c.unauthorized(rt.service)
		}
	}
	a := rt.handle(c, r)
	if rt.service == compute && rt.path != "/compute/{$}" {
		version := "2." + strconv.Itoa(r.micro)
		a = a.with("OpenStack-API-Version", "compute "+version).with("X-OpenStack-Nova-API-Version", version).
			with("Vary", "OpenStack-API-Version").with("Vary", "X-OpenStack-Nova-API-Version")
	}
	return a
}
