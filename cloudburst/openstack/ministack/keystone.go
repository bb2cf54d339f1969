package ministack

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"time"
)

// keystone is who there is, and which tokens are out.
type keystone struct {
	projects []*project
	users    []*user
	appcreds []*appcred
	tokens   map[string]*token
	roles    map[string]string // name to id
}

type project struct {
	id, name string
	quota    Quota
}

type user struct {
	id, name, password string
	project            *project // the default one, and the only one with roles
	roles              []string
}

func (u *user) admin() bool { return slices.Contains(u.roles, "admin") }

type appcred struct {
	id, name, secret string
	user             *user
	project          *project
}

type token struct {
	id              string
	user            *user
	project         *project
	methods         []string
	audits          []string
	appcred         *appcred
	issued, expires time.Time
}

func (c *Cloud) newProject(name string) *project {
	p := &project{id: c.newHex(), name: name, quota: DefaultQuota()}
	c.projects = append(c.projects, p)
	return p
}

func (c *Cloud) newUser(name string, in *project, roles ...string) *user {
	u := &user{id: c.newHex(), name: name, project: in, roles: roles}
	c.users = append(c.users, u)
	for _, role := range roles {
		if c.roles[role] == "" {
			c.roles[role] = c.newHex()
		}
	}
	return u
}

func keystoneRoutes() []route {
	return []route{
		{Discover, "GET", "/identity/{$}", identity, (*Cloud).identityVersions, true},
		{Discover, "GET", "/identity/v3", identity, (*Cloud).identityVersion, true},
		{Discover, "GET", "/identity/v3/{$}", identity, (*Cloud).identityVersion, true},
		{CreateToken, "POST", "/identity/v3/auth/tokens", identity, (*Cloud).createToken, true},
		{ShowToken, "GET", "/identity/v3/auth/tokens", identity, (*Cloud).showToken, false}, // HEAD, too
		{RevokeToken, "DELETE", "/identity/v3/auth/tokens", identity, (*Cloud).revokeToken, false},
		{ShowToken, "GET", "/identity/v3/auth/catalog", identity, (*Cloud).showCatalog, false},
	}
}

func (c *Cloud) versionOfIdentity() object {
	return object{"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
		"links":       []object{{"rel": "self", "href": c.url + "/identity/v3/"}},
		"media-types": []object{{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}}}
}

func (c *Cloud) identityVersions(*request) answer {
	return respond(http.StatusMultipleChoices, object{"versions": object{"values": []object{c.versionOfIdentity()}}}).
		with("Location", c.url+"/identity/v3/")
}

func (c *Cloud) identityVersion(*request) answer { return ok(object{"version": c.versionOfIdentity()}) }

// domainRef and the next are how a log-in names things.
type domainRef struct{ ID, Name string }

type userRef struct {
	ID, Name, Password string
	Domain             domainRef
}

type projectRef struct {
	ID, Name string
	Domain   domainRef
}

type authRequest struct {
	Auth *struct {
		Identity struct {
			Methods  []string
			Password struct{ User userRef }
			Token    struct{ ID string }
			AppCred  struct {
				ID, Name, Secret string
				User             userRef
			} `json:"application_credential"`
		}
		Scope *struct{ Project *projectRef }
	}
}

const needsAuthentication = "The request you have made requires authentication."

func notAuthenticated() answer {
	return identity.refuse(http.StatusUnauthorized, "", needsAuthentication)
}

// unauthorized is what a service answers to a token that is not good.
func (c *Cloud) unauthorized(s service) answer {
	a := notAuthenticated()
	if s == image {
		a = image.refuse(http.StatusUnauthorized, "", "This server could not verify that you are authorized to access the document you requested. "+
			"Either you supplied the wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials required.")
	}
	return a.with("WWW-Authenticate", `Keystone uri="`+c.AuthURL()+`"`)
}

func noToken() answer {
	return identity.refuse(http.StatusNotFound, "", "Could not recognize Fernet token")
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (c *Cloud) createToken(r *request) answer {
	var in authRequest
	if err := r.decode(&in); err != nil || in.Auth == nil || len(in.Auth.Identity.Methods) == 0 {
		return missing("auth in request body")
	}
	t := &token{methods: in.Auth.Identity.Methods[:1], issued: c.Now().Truncate(time.Second)}
	t.expires = t.issued.Add(c.opts.TokenTTL)
	if refused := c.identify(t, in); refused != nil {
		return *refused
	}
	if scope := in.Auth.Scope; scope != nil && scope.Project != nil {
		if t.appcred != nil {
			return identity.refuse(http.StatusUnauthorized, "",
				"Error authenticating with application credential: Application credentials cannot request a scope.")
		}
		if !names(*scope.Project, t.project) {
			return notAuthenticated()
		}
	}
	return c.issue(t)
}

func missing(what string) answer {
	return identity.refuse(http.StatusBadRequest, "", "Expecting to find "+what+". The server could not comply with the request since "+
		"it is either malformed or otherwise incorrect. The client is assumed to be in error.")
}

// identify finds out who logs in, or refuses.
func (c *Cloud) identify(t *token, in authRequest) *answer {
	who := in.Auth.Identity
	refused := notAuthenticated()
	switch t.methods[0] {
	case "password":
		u := c.userOf(who.Password.User)
		if u == nil || !same(u.password, who.Password.User.Password) {
			return &refused
		}
		t.user, t.project = u, u.project
	case "token":
		old := c.tokenOf(who.Token.ID)
		if old == nil {
			refused = noToken()
			return &refused
		}
		t.user, t.project, t.appcred, t.expires = old.user, old.project, old.appcred, old.expires // it lives no longer
		t.methods, t.audits = append(t.methods, old.methods...), old.audits
	case "application_credential":
		cred := c.appcredOf(who.AppCred.ID, who.AppCred.Name, who.AppCred.User)
		if cred == nil { // Keystone says so, and with 404
			refused = identity.refuse(http.StatusNotFound, "", "Could not find Application Credential: "+who.AppCred.ID+who.AppCred.Name+".")
			return &refused
		}
		if !same(cred.secret, who.AppCred.Secret) {
			return &refused
		}
		t.user, t.project, t.appcred = cred.user, cred.project, cred
	default:
		refused = missing(t.methods[0] + " in identity")
		return &refused
	}
	return nil
}

// issue makes a token good.
func (c *Cloud) issue(t *token) answer {
	t.id, t.audits = "gAAAAA"+c.newHex()+c.newHex()+c.newHex(), append([]string{c.newHex()[:22]}, t.audits...)
	for id, old := range c.tokens {
		if old.expires.Before(t.issued) {
			delete(c.tokens, id)
		}
	}
	c.tokens[t.id] = t
	return respond(http.StatusCreated, object{"token": c.viewToken(t)}).with("X-Subject-Token", t.id).with("Vary", "X-Auth-Token")
}

// userOf finds the user that a log-in names. Users and projects are all in
// the domain "Default".
func (c *Cloud) userOf(ref userRef) *user {
	for _, u := range c.users {
		if ref.ID == u.id || (ref.ID == "" && ref.Name == u.name && inDomain(ref.Domain)) {
			return u
		}
	}
	return nil
}

func inDomain(ref domainRef) bool {
	return ref.ID == defaultDomain || (ref.ID == "" && ref.Name == "Default")
}

func names(ref projectRef, p *project) bool {
	return ref.ID == p.id || (ref.ID == "" && ref.Name == p.name && inDomain(ref.Domain))
}

func (c *Cloud) appcredOf(id, name string, of userRef) *appcred {
	for _, cred := range c.appcreds {
		if id == cred.id || (id == "" && name == cred.name && c.userOf(of) == cred.user) {
			return cred
		}
	}
	return nil
}

// tokenOf is the token with this id if it is good now.
func (c *Cloud) tokenOf(id string) *token {
	t := c.tokens[id]
	if t == nil || !c.Now().Before(t.expires) {
		return nil
	}
	return t
}

func (c *Cloud) showToken(r *request) answer {
	t := c.tokenOf(r.Header.Get("X-Subject-Token"))
	if t == nil {
		return noToken()
	}
	return ok(object{"token": c.viewToken(t)}).with("X-Subject-Token", t.id)
}

func (c *Cloud) revokeToken(r *request) answer {
	t := c.tokenOf(r.Header.Get("X-Subject-Token"))
	if t == nil {
		return noToken()
	}
	delete(c.tokens, t.id)
	return empty(http.StatusNoContent)
}

func (c *Cloud) showCatalog(*request) answer {
	return ok(object{"catalog": c.catalog(), "links": object{"self": c.url + "/identity/v3/auth/catalog"}})
}

func (c *Cloud) viewToken(t *token) object {
	domain := object{"id": defaultDomain, "name": "Default"}
	roles := []object{}
	for _, role := range t.user.roles {
		roles = append(roles, object{"id": c.roles[role], "name": role})
	}
	view := object{
		"methods": t.methods, "audit_ids": t.audits, "is_domain": false, "roles": roles,
		"user":       object{"domain": domain, "id": t.user.id, "name": t.user.name, "password_expires_at": nil},
		"project":    object{"domain": domain, "id": t.project.id, "name": t.project.name},
		"expires_at": tokenTime(t.expires), "issued_at": tokenTime(t.issued), "catalog": c.catalog(),
	}
	if t.appcred != nil {
		view["application_credential"] = object{"id": t.appcred.id, "name": t.appcred.name, "restricted": true}
	}
	return view
}

func tokenTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// catalog is where the services are. All of them are on one port, told apart
// by the beginning of the path, as devstack has them behind its web server.
func (c *Cloud) catalog() []object {
	var out []object
	for _, s := range []struct{ kind, path string }{
		{"identity", "/identity/v3"}, {"compute", "/compute/v2.1"}, {"image", "/image"}, {"network", "/networking"},
		{"volumev3", "/volume/v3/" + c.project.id},
	} {
		endpoint := object{"id": s.kind + "-public", "interface": "public", "region": c.opts.Region, "region_id": c.opts.Region, "url": c.url + s.path}
		out = append(out, object{"id": s.kind, "type": s.kind, "name": s.kind, "endpoints": []object{endpoint}})
	}
	return out
}
