package ministack

import (
	"net/http"
	"strconv"
	"strings"
)

// Kind is a sort of call, by which calls are counted and faults are ordered.
type Kind string

// The kinds of calls. Reading kinds cover list and show where they have one
// name.
const (
	Discover      Kind = "discover"      // versions of a service
	CreateToken   Kind = "create token"  // log in
	ShowToken     Kind = "show token"    //
	RevokeToken   Kind = "revoke token"  //
	CreateServer  Kind = "create server" //
	ListServers   Kind = "list servers"  //
	ShowServer    Kind = "show server"   //
	DeleteServer  Kind = "delete server" //
	SetMetadata   Kind = "set metadata"  // of a server, or delete a key of it
	StopServer    Kind = "stop server"   //
	StartServer   Kind = "start server"  //
	ShelveServer  Kind = "shelve server" // or offload it
	UnshelveSever Kind = "unshelve server"
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

// routes is the table of all calls.
func routes() []route {
	var all []route
	for _, some := range [][]route{keystoneRoutes(), novaRoutes()} {
		all = append(all, some...)
	}
	return all
}

func (c *Cloud) handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range routes() {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { c.serve(rt, w, r) })
	}
	return mux
}

// serve does one call.
func (c *Cloud) serve(rt route, w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		rt.service.refuse(http.StatusRequestEntityTooLarge, "", "Request is too large.").write(w)
		return
	}
	c.mu.Lock()
	a := c.carryOut(rt, &request{Request: r, kind: rt.kind, body: body, micro: 1})
	c.mu.Unlock()
	c.settle()
	a.write(w)
}

// carryOut is what a call does and answers, without faults.
func (c *Cloud) carryOut(rt route, r *request) answer {
	if !rt.open {
		if r.token = c.tokenOf(r.Header.Get("X-Auth-Token")); r.token == nil {
			return c.unauthorized(rt.service)
		}
	}
	if rt.service != compute {
		return rt.handle(c, r)
	}
	micro, ok := microversion(r.Header)
	if !ok {
		return compute.refuse(http.StatusNotAcceptable, "", "Version "+askedVersion(r.Header)+
			" is not supported by the API. Minimum is 2.1 and maximum is 2."+strconv.Itoa(maxMicroversion)+".")
	}
	r.micro = micro
	version := "2." + strconv.Itoa(micro)
	return rt.handle(c, r).with("OpenStack-API-Version", "compute "+version).with("X-OpenStack-Nova-API-Version", version).
		with("Vary", "OpenStack-API-Version, X-OpenStack-Nova-API-Version")
}

func askedVersion(h http.Header) string {
	_, version, _ := strings.Cut(h.Get("OpenStack-API-Version"), " ")
	if version == "" {
		version = h.Get("X-OpenStack-Nova-API-Version")
	}
	return version
}
