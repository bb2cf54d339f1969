package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/access"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// guarded is a server that asks for tokens.
type guarded struct {
	t      *testing.T
	url    string
	from   net.IP // who asks; nil: 127.0.0.1
	server *httpapi.Server
	tokens string // file
	audit  string // file
	log    *spoken
	texts  map[string]string // of tokens by their names
}

// spoken keeps what is logged.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// newGuarded starts a server on a quiet master, with a token of each role for the projects lpf and other and for all:
// they are called viewer-lpf, operator-all and so on.
func newGuarded(t *testing.T) *guarded {
	dir := t.TempDir()
	g := &guarded{
		t: t, tokens: filepath.Join(dir, "tokens"), audit: filepath.Join(dir, "audit"), log: &spoken{}, texts: map[string]string{},
	}
	for _, role := range []access.Role{access.Viewer, access.Author, access.Operator} {
		for name, project := range map[string]string{"lpf": "lpf", "other": "other", "all": "*"} {
			g.add(string(role)+"-"+name, role, project)
		}
	}
	log := slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tokens, err := access.OpenTokens(g.tokens, log)
	if err != nil {
		t.Fatal(err)
	}
	audit, err := access.OpenAudit(g.audit)
	if err != nil {
		t.Fatal(err)
	}
	st := store.NewMemory()
	master := quietMaster{offered: make(chan struct{})}
	daemon := scheduler.NewDaemon(scheduler.DefaultConfig(), st, master, log)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	g.server = httpapi.New(httpapi.Config{Daemon: daemon, Store: st, Tokens: tokens, Audit: audit, Version: "1.2.3", Log: log})
	go func() { ended <- daemon.Run(ctx) }()
	server := httptest.NewServer(g.server.Handler())
	g.url = server.URL
	t.Cleanup(func() {
		cancel()
		<-daemon.Done() // which ends its streams
		server.Close()
		if err := <-ended; err != nil {
			t.Errorf("the daemon ended: %v", err)
		}
		audit.Close()
	})
	<-master.offered
	return g
}

func (g *guarded) add(name string, role access.Role, projects ...string) {
	g.t.Helper()
	text := access.NewText()
	g.texts[name] = text
	if err := access.AddToken(g.tokens, access.Token{Name: name, Role: role, Projects: projects, SHA256: access.HashOf(text)}); err != nil {
		g.t.Fatal(err)
	}
}

// reply is an answer.
type reply struct {
	status  int
	header  http.Header
	text    string
	problem httpapi.Problem
}

// ask sends a request with the token of that name, with no token if it is "", and with a wrong one if there is none of the name.
func (g *guarded) ask(token, method, path, body string) reply {
	g.t.Helper()
	ctx, cancel := context.WithCancel(g.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		text := g.texts[token]
		if text == "" {
			text = access.NewText()
		}
		req.Header.Set("Authorization", "Bearer "+text)
	}
	resp, err := from(g.from).Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode, header: resp.Header}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return r // it would go on
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	r.text = string(text)
	if resp.StatusCode >= 400 {
		if err := json.Unmarshal(text, &r.problem); err != nil {
			g.t.Errorf("%s %s: %s is not answered by a problem document: %s", method, path, resp.Status, text)
		}
	}
	return r
}

// from returns a client that asks from an address of this machine.
func from(ip net.IP) *http.Client {
	if ip == nil {
		ip = net.IPv4(127, 0, 0, 1)
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}

// entries returns what the audit log holds of calls of a path.
func (g *guarded) entries(method, path string) (list []access.Entry) {
	g.t.Helper()
	text, err := os.ReadFile(g.audit)
	if err != nil {
		g.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e access.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			g.t.Fatalf("%v in %s", err, line)
		}
		if e.Method == method && e.Path == path {
			list = append(list, e)
		}
	}
	return list
}

// bodies are what routes of the scope body are sent so that they do something, and other routes that want a body.
var bodies = map[string]string{
	"POST /v1/runs":                            submissionOf("lpf"),
	"PUT /v1/pipelines/{project}/{name}":       submissionOf("lpf"),
	"PUT /v1/agents/{agent}/cordon":            `{"reason": "test", "for": "1m"}`,
	"PUT /v1/cloud":                            `{"holder": "test", "vms": [], "waiting": [], "events": []}`,
	"POST /v1/pipelines/{project}/{name}/runs": "{}",
}

func submissionOf(project string) string {
	body, err := json.Marshal(httpapi.Submission{Spec: strings.Replace(twoSteps, "project: lpf", "project: "+project, 1)})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// below is the role under a role.
var below = map[access.Role]access.Role{access.Author: access.Viewer, access.Operator: access.Author}

// TestEveryRouteAsks asks for every route without a token, with a wrong one, with one whose role is too low, with one of
// another project, and with one that is enough.
func TestEveryRouteAsks(t *testing.T) {
	g := newGuarded(t)
	open := map[string]bool{"GET /healthz": true, "GET /readyz": true}
	var run httpapi.Run
	if err := json.Unmarshal([]byte(g.ask("author-lpf", "POST", "/v1/runs", submissionOf("lpf")).text), &run); err != nil || run.ID == "" {
		t.Fatalf("%v", err)
	}
	for i, rt := range g.server.Table() {
		name := rt.Method + " " + rt.Pattern
		t.Run(name, func(t *testing.T) {
			g := *g
			g.t, g.from = t, net.IPv4(127, 0, 1, byte(i+1)) // one address would soon have failed too often
			path := strings.NewReplacer("{run}", run.ID, "{project}", "lpf", "{name}", "two", "{step}", "first", "{index}", "0",
				"{stream}", "stdout", "{version}", "1", "{agent}", "a").Replace(rt.Pattern)
			if strings.Contains(path, "{") {
				t.Fatalf("what stands for the names in %s?", path)
			}
			if rt.Role == httpapi.Nobody {
				if got := g.ask("", rt.Method, path, ""); !open[name] || got.status == http.StatusUnauthorized {
					t.Errorf("status %d; is the route to be open?", got.status)
				}
				return
			}
			g.refuses(rt, path)
			got := g.ask(string(rt.Role)+"-"+enough(rt), rt.Method, path, bodies[name])
			if got.status == http.StatusUnauthorized || got.status == http.StatusForbidden {
				t.Errorf("with a token that should do: %d, %s", got.status, got.text)
			}
			g.tells(rt, path, got.status)
		})
	}
}

// enough says for which projects a token must be, of the route's role.
func enough(rt httpapi.TableRoute) string {
	if rt.Scope == "all" {
		return "all"
	}
	return "lpf"
}

// refuses asks with too little, and expects an answer that says what is needed, and a line in the audit log if the route
// is one of a change.
func (g *guarded) refuses(rt httpapi.TableRoute, path string) {
	g.t.Helper()
	for _, c := range []struct {
		token  string
		status int
		holds  bool
	}{
		{"", 401, true},
		{"unknown", 401, true},
		{string(below[rt.Role]) + "-lpf", 403, below[rt.Role] != ""},
		{string(below[rt.Role]) + "-all", 403, below[rt.Role] != ""},
		{"operator-other", 403, rt.Scope != "none"},
		{"operator-lpf", 403, rt.Scope == "all"},
	} {
		if !c.holds {
			continue
		}
		before := len(g.entries(rt.Method, path))
		got := g.ask(c.token, rt.Method, path, bodies[rt.Method+" "+rt.Pattern])
		if got.status != c.status || !strings.Contains(got.problem.Detail, "the role "+string(rt.Role)) {
			g.t.Errorf("with the token %q: %d, want %d with the role %s named: %s", c.token, got.status, c.status, rt.Role, got.text)
		}
		if challenge := got.header.Get("WWW-Authenticate"); strings.HasPrefix(challenge, "Bearer ") != (c.status == 401) ||
			strings.Contains(challenge, "invalid_token") != (c.token == "unknown") {
			g.t.Errorf("with the token %q: WWW-Authenticate %q", c.token, challenge)
		}
		lines := g.entries(rt.Method, path)[before:]
		if !rt.Changes {
			if len(lines) > 0 {
				g.t.Errorf("what only reads is in the audit log: %v", lines)
			}
			continue
		}
		who := c.token
		if c.status == 401 {
			who = ""
		}
		if len(lines) != 1 || lines[0].Event != access.Refused || lines[0].Who != who || lines[0].Status != c.status ||
			lines[0].Needs != rt.Role || lines[0].From != g.from.String() || lines[0].Time.IsZero() || lines[0].What == "" {
			g.t.Errorf("with the token %q, the audit log says %+v", c.token, lines)
		}
	}
}

// tells expects that the audit log tells of a change that was allowed: before it was made, and how it ended.
func (g *guarded) tells(rt httpapi.TableRoute, path string, status int) {
	g.t.Helper()
	if !rt.Changes {
		return
	}
	lines := g.entries(rt.Method, path)
	if rt.Reports {
		if last := lines[len(lines)-1]; last.Event != access.Refused {
			g.t.Errorf("a report is in the audit log: %+v", last)
		}
		return
	}
	if rt.Scope == "body" && bodies[rt.Method+" "+rt.Pattern] == "" {
		g.t.Error("which body makes it change something?")
	}
	if len(lines) < 2 {
		g.t.Fatalf("the audit log holds %v", lines)
	}
	lines = lines[len(lines)-2:]
	for i, event := range []access.Event{access.Allowed, access.Answered} {
		project, special := map[string]string{"none": "", "all": access.AllProjects}[rt.Scope]
		if !special {
			project = "lpf"
		}
		if e := lines[i]; e.Event != event || e.Who != string(rt.Role)+"-"+enough(rt) || e.Project != project || e.Call != lines[0].Call {
			g.t.Errorf("line %d: %+v", i, e)
		}
	}
	if lines[0].Status != 0 || lines[1].Status != status {
		g.t.Errorf("the answer was %d; the audit log says %+v", status, lines)
	}
}

// TestSchemeOfTokens: the scheme is not case-sensitive (RFC 9110, section 11.1), and what is no bearer token is none.
func TestSchemeOfTokens(t *testing.T) {
	g := newGuarded(t)
	text := g.texts["viewer-lpf"]
	for header, status := range map[string]int{
		"bearer " + text: 200, "BEARER  " + text: 200, "Bearer " + text + " ": 200,
		"Basic " + text: 401, text: 401, "Bearer": 401, "Bearer " + text + "," + text: 401, "Bearer " + text[:len(text)-1]: 401, "": 401,
	} {
		req, err := http.NewRequest("GET", g.url+"/v1/version", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", header)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%q: %s, want %d", strings.ReplaceAll(header, text, "TOKEN"), resp.Status, status)
		}
	}
}

// TestRevokedAtOnce: the next call after a token was revoked is refused, as is one that was given another role.
func TestRevokedAtOnce(t *testing.T) {
	g := newGuarded(t)
	if got := g.ask("author-lpf", "POST", "/v1/runs", submissionOf("lpf")); got.status != 201 {
		t.Fatalf("%d: %s", got.status, got.text)
	}
	if err := access.RevokeToken(g.tokens, "author-lpf"); err != nil {
		t.Fatal(err)
	}
	if got := g.ask("author-lpf", "POST", "/v1/runs", submissionOf("lpf")); got.status != 401 {
		t.Errorf("%d: %s", got.status, got.text)
	}
	g.add("author-lpf", access.Author, "lpf")
	if got := g.ask("author-lpf", "POST", "/v1/runs", submissionOf("lpf")); got.status != 201 {
		t.Errorf("with a new one: %d: %s", got.status, got.text)
	}
}

// TestUnauditedChange: what cannot be written to the audit log is not done.
func TestUnauditedChange(t *testing.T) {
	g := newGuarded(t)
	if err := os.Remove(g.audit); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(g.audit, 0o700); err != nil { // where nothing can be written
		t.Fatal(err)
	}
	got := g.ask("author-lpf", "POST", "/v1/runs", submissionOf("lpf"))
	if got.status != 503 || !strings.Contains(got.problem.Detail, "audit log") || strings.Contains(got.text, g.audit) {
		t.Errorf("%d: %s", got.status, got.text)
	}
	if !strings.Contains(g.log.String(), g.audit) || !strings.Contains(g.log.String(), "who=author-lpf") {
		t.Errorf("the scheduler's log: %s", g.log)
	}
	if got := g.ask("author-lpf", "GET", "/v1/version", ""); got.status != 200 {
		t.Errorf("reading: %d: %s", got.status, got.text)
	}
	if got := g.ask("viewer-lpf", "POST", "/v1/runs", submissionOf("lpf")); got.status != 403 {
		t.Errorf("denied: %d: %s", got.status, got.text)
	}
	if err := os.Remove(g.audit); err != nil {
		t.Fatal(err)
	}
	if got := g.ask("author-lpf", "POST", "/v1/runs", submissionOf("lpf")); got.status != 201 {
		t.Errorf("with room again: %d: %s", got.status, got.text)
	}
	if lines := g.entries("POST", "/v1/runs"); len(lines) != 2 {
		t.Errorf("%v", lines)
	}
}

// TestFailuresAreLimited: an address that asks with wrong tokens hears 401 for a while, and then 429, which the audit log
// is not told of. Who has a right token, and other addresses, are not concerned.
func TestFailuresAreLimited(t *testing.T) {
	g := newGuarded(t)
	refused := 0
	for {
		got := g.ask("unknown", "POST", "/v1/runs", "{}")
		if got.status == 429 {
			if got.header.Get("Retry-After") == "" {
				t.Errorf("it is not said when to come back: %v", got.header)
			}
			break
		}
		if refused++; got.status != 401 || refused > 1000 {
			t.Fatalf("%d after %d refusals: %s", got.status, refused, got.text)
		}
	}
	if lines := g.entries("POST", "/v1/runs"); len(lines) != refused || refused < 10 {
		t.Errorf("%d lines in the audit log, of %d refusals", len(lines), refused)
	}
	if got := g.ask("author-lpf", "POST", "/v1/runs", submissionOf("lpf")); got.status != 201 {
		t.Errorf("with a right token: %d: %s", got.status, got.text)
	}
	g.from = net.IPv4(127, 0, 0, 2)
	if got := g.ask("unknown", "POST", "/v1/runs", "{}"); got.status != 401 {
		t.Errorf("from elsewhere: %d: %s", got.status, got.text)
	}
}

// TestTokensAreNotKept: a token in what is submitted is refused, and not repeated anywhere.
func TestTokensAreNotKept(t *testing.T) {
	g := newGuarded(t)
	secret := access.NewText()
	spec := strings.Replace(twoSteps, "run: work, array", "env: {SPILLWAY_TOKEN: "+secret+"}, run: work, array", 1)
	for name, c := range map[string]struct {
		sub  httpapi.Submission
		line int
	}{
		"spec":      {httpapi.Submission{Spec: spec}, 8},
		"comment":   {httpapi.Submission{Spec: "# " + secret + "\n" + twoSteps}, 1},
		"parameter": {httpapi.Submission{Spec: twoSteps, Params: map[string]string{"n": secret}}, 0},
		"name":      {httpapi.Submission{Spec: twoSteps, Params: map[string]string{secret: "1"}}, 0},
		"key":       {httpapi.Submission{Spec: twoSteps, Key: secret}, 0},
	} {
		body, err := json.Marshal(c.sub)
		if err != nil {
			t.Fatal(err)
		}
		got := g.ask("author-lpf", "POST", "/v1/runs", string(body))
		if got.status != 422 || len(got.problem.Errors) != 1 || got.problem.Errors[0].Line != c.line {
			t.Errorf("%s: %d: %s", name, got.status, got.text)
		}
		if strings.Contains(got.text, secret) {
			t.Errorf("%s: the answer repeats it: %s", name, got.text)
		}
	}
	body, err := json.Marshal(httpapi.PipelineSpec{Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	if got := g.ask("author-lpf", "PUT", "/v1/pipelines/lpf/two", string(body)); got.status != 422 || strings.Contains(got.text, secret) {
		t.Errorf("pipeline: %d: %s", got.status, got.text)
	}
	for _, path := range []string{"/v1/runs/" + secret, "/v1/runs?cursor=" + secret, "/v1/" + secret} {
		if got := g.ask("author-lpf", "GET", path, ""); got.status < 400 || strings.Contains(got.text, secret) {
			t.Errorf("%s: %d: %s", path, got.status, got.text)
		}
	}
	g.ask("author-lpf", "POST", "/v1/runs/"+secret+"/cancel", "")
	g.ask("", "POST", "/v1/runs/"+secret+"/cancel", "")
	audit, err := os.ReadFile(g.audit)
	if err != nil || strings.Contains(string(audit), secret) || strings.Contains(g.log.String(), secret) {
		t.Errorf("%v, audit log:\n%s\nlog:\n%s", err, audit, g.log)
	}
}

// TestProjectOfASpec: who submits into a project that is not theirs hears how it is said which project a run is of.
func TestProjectOfASpec(t *testing.T) {
	g := newGuarded(t)
	g.add("author-two", access.Author, "lpf", "other")
	for token, says := range map[string]string{
		"author-lpf": "; write `project: lpf` into the spec",
		"author-two": "; write `project: lpf`, or `project: other` into the spec",
	} {
		if got := g.ask(token, "POST", "/v1/runs", submissionOf("default")); got.status != 403 || !strings.HasSuffix(got.problem.Detail, says) {
			t.Errorf("%s: %d: %s", token, got.status, got.text)
		}
	}
	if got := g.ask("viewer-lpf", "POST", "/v1/runs", submissionOf("lpf")); got.status != 403 || strings.Contains(got.problem.Detail, "into the spec") {
		t.Errorf("a viewer: %d: %s", got.status, got.text)
	}
}

// projects finds the projects of all that an answer holds, in the order in which they stand there.
func (r reply) projects() string {
	var all []string
	for _, found := range regexp.MustCompile(`"project":"([^"]*)"`).FindAllStringSubmatch(r.text, -1) {
		all = append(all, found[1])
	}
	return strings.Join(all, " ")
}

// TestListsAreOfOnesProjects: a list shows what belongs to the projects of the token, and asking for another is denied.
func TestListsAreOfOnesProjects(t *testing.T) {
	g := newGuarded(t)
	g.add("both", access.Author, "lpf", "other")
	for _, project := range []string{"lpf", "other", "third"} {
		if got := g.ask("author-all", "POST", "/v1/runs", submissionOf(project)); got.status != 201 {
			t.Fatalf("%d: %s", got.status, got.text)
		}
		if got := g.ask("author-all", "PUT", "/v1/pipelines/"+project+"/two", submissionOf(project)); got.status != 201 {
			t.Fatalf("%d: %s", got.status, got.text)
		}
	}
	for _, c := range []struct {
		token, path string
		status      int
		want        string
	}{
		{"viewer-lpf", "/v1/runs", 200, "lpf"},
		{"viewer-other", "/v1/runs", 200, "other"},
		{"both", "/v1/runs", 200, "other lpf"},
		{"viewer-all", "/v1/runs", 200, "third other lpf"},
		{"both", "/v1/runs?project=lpf", 200, "lpf"},
		{"viewer-all", "/v1/runs?project=third", 200, "third"},
		{"both", "/v1/runs?project=third", 403, ""},
		{"both", "/v1/runs?project=lpf&project=third", 403, ""},
		{"viewer-lpf", "/v1/runs?project=*", 403, ""},
		{"viewer-lpf", "/v1/pipelines", 200, "lpf"},
		{"both", "/v1/pipelines", 200, "lpf other"},
		{"viewer-all", "/v1/pipelines", 200, "lpf other third"},
		{"both", "/v1/pipelines?project=third", 403, ""},
		{"viewer-other", "/v1/queue", 200, "other other"}, // among the projects, and in what waits
		{"both", "/v1/queue", 200, "lpf other lpf other"},
		{"viewer-all", "/v1/queue", 200, "lpf other third lpf other third"},
		{"both", "/v1/events?project=third", 403, ""},
	} {
		if got := g.ask(c.token, "GET", c.path, ""); got.status != c.status || got.projects() != c.want {
			t.Errorf("%s, %s: %d with %q, want %d with %q: %s", c.token, c.path, got.status, got.projects(), c.status, c.want, got.text)
		}
	}
}

// TestOperatorsDeleteTheirsOnly: what is deleted by its age is of the projects of the token, whatever is not said.
func TestOperatorsDeleteTheirsOnly(t *testing.T) {
	g := newGuarded(t)
	for _, project := range []string{"lpf", "other"} {
		var run httpapi.Run
		if err := json.Unmarshal([]byte(g.ask("author-all", "POST", "/v1/runs", submissionOf(project)).text), &run); err != nil {
			t.Fatal(err)
		}
		if got := g.ask("author-all", "POST", "/v1/runs/"+run.ID+"/cancel", ""); got.status != 202 {
			t.Fatalf("%d: %s", got.status, got.text)
		}
	}
	if got := g.ask("operator-lpf", "DELETE", "/v1/runs?ended_before=2999-01-01T00:00:00Z&project=other", ""); got.status != 403 {
		t.Errorf("of another project: %d: %s", got.status, got.text)
	}
	if got := g.ask("operator-lpf", "DELETE", "/v1/runs?ended_before=2999-01-01T00:00:00Z", ""); got.status != 200 || !strings.Contains(got.text, `"deleted":1`) {
		t.Errorf("of one's own: %d: %s", got.status, got.text)
	}
	if got := g.ask("viewer-all", "GET", "/v1/runs", ""); got.projects() != "other" {
		t.Errorf("left are runs of %s", got.projects())
	}
}

// TestEventsAreOfOnesProjects follows the events with a token, until the token is revoked.
func TestEventsAreOfOnesProjects(t *testing.T) {
	g := newGuarded(t)
	req, err := http.NewRequestWithContext(t.Context(), "GET", g.url+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+g.texts["viewer-lpf"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, project := range []string{"other", "lpf"} {
		if got := g.ask("author-all", "POST", "/v1/runs", submissionOf(project)); got.status != 201 {
			t.Fatalf("%d: %s", got.status, got.text)
		}
	}
	lines := bufio.NewScanner(resp.Body)
	revoked := false
	for lines.Scan() {
		data, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData || !strings.Contains(data, `"project"`) {
			continue
		}
		if !strings.Contains(data, `"project":"lpf"`) {
			t.Errorf("not of the token's project: %s", data)
		}
		if !revoked {
			if err := access.RevokeToken(g.tokens, "viewer-lpf"); err != nil {
				t.Fatal(err)
			}
			revoked = true
		}
	}
	if lines.Err() != nil || !revoked {
		t.Errorf("the stream ended: %v; an event came: %v", lines.Err(), revoked)
	}
}
