package minimesos

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/recordio"
)

// player plays one recording against a cluster.
type player struct {
	t       *testing.T
	c       *Cluster
	names   *names
	base    func(conn string) (string, error) // where a connection goes
	actions []action
	conns   map[string]*connection
	last    error // of the last request, when there was no answer
	sandbox string
	// impatient is for tests that expect a difference: how long to wait for
	// what may never come.
	impatient time.Duration
}

// action is what happens outside of the recorded connections; it is done
// before the first line that contains before.
type action struct {
	before string
	do     func(*player) error
}

// connection is the newest request under one name, and its answer.
type connection struct {
	response *http.Response
	body     []byte
	frames   chan []byte // of a stream; closed when it ends
	media    string

	events     []any // that came, but not offers and heartbeats, oldest first
	offers     []any // single offers that have not been recorded so far
	heartbeats int
	ended      bool
	patience   time.Duration
}

// play returns the first difference, with its line.
func (p *player) play(steps []step) error {
	defer p.hangUp()
	if err := p.bindFirstCluster(steps); err != nil {
		return err
	}
	for _, s := range steps {
		if err := p.act(s); err != nil {
			return fmt.Errorf("before line %d: %w", s.line, err)
		}
		if err := p.step(s); err != nil {
			return fmt.Errorf("line %d: %w", s.line, err)
		}
	}
	return p.checkRest()
}

// firstCluster is the recorded cluster in which the second agent had
// registered first; some of its recordings do not show which is which.
const firstCluster = "78406372-fc73-43bc-82d7-b64a13c9fa9d"

func (p *player) bindFirstCluster(steps []step) (err error) {
	if !slices.ContainsFunc(steps, func(s step) bool { return strings.Contains(s.text, firstCluster) }) {
		return nil
	}
	p.c.Look(func(v View) { err = p.names.Match(firstCluster+"-S0", v.AgentID("agent-2")) })
	return err
}

func (p *player) hangUp() {
	for _, conn := range p.conns {
		if conn.response != nil {
			_ = conn.response.Body.Close()
		}
	}
}

func (p *player) act(s step) error {
	text := s.text
	if s.request != nil {
		text = s.request.method + " " + s.request.path + " " + s.request.body
	}
	for i, a := range p.actions {
		if a.do != nil && strings.Contains("["+s.conn+"] "+text, a.before) {
			p.actions[i].do = nil
			if err := a.do(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *player) step(s step) error {
	conn := p.conns[s.conn]
	if s.kind == commentStep {
		return p.comment(s.text)
	}
	if s.kind == requestStep {
		return p.send(s.conn, s.request)
	}
	if conn == nil || conn.response == nil {
		return fmt.Errorf("there is no answer on %s: %w", s.conn, p.last)
	}
	switch s.kind {
	case statusStep:
		if got := conn.response.Proto + " " + conn.response.Status; got != s.text {
			return fmt.Errorf("want %q, got %q: %s", s.text, got, conn.body)
		}
		return nil
	case headerStep:
		return p.header(conn, s.text)
	case bodyStep:
		return p.body(conn, s.text)
	case recordStep:
		return p.record(conn, s.text)
	default:
		return p.closed(conn, s.text)
	}
}

// comparedHeaders are those whose values are compared; others differ in
// every run (Date) or say nothing that the body does not.
var comparedHeaders = []string{"Content-Type", "Transfer-Encoding", "Allow", "Location", "Www-Authenticate", "Mesos-Stream-Id"}

func (p *player) header(conn *connection, text string) error {
	name, want, _ := strings.Cut(text, ": ")
	name = http.CanonicalHeaderKey(name)
	got := conn.response.Header.Get(name)
	switch {
	case name == "Transfer-Encoding":
		got = strings.Join(conn.response.TransferEncoding, ",")
	case name == "Content-Length" && want == "0":
		got = fmt.Sprint(conn.response.ContentLength)
	case !slices.Contains(comparedHeaders, name):
		return nil
	}
	if err := p.names.Match(want, got); err != nil {
		return fmt.Errorf("header %s%w", name, err)
	}
	return nil
}

func (p *player) body(conn *connection, text string) error {
	want, err := jsonTree([]byte(text))
	if err != nil {
		return p.names.Match(text, string(conn.body))
	}
	got, err := jsonTree(conn.body)
	if err != nil {
		return fmt.Errorf("the body is no JSON: %s", conn.body)
	}
	want, got = p.trim(want, got)
	return p.names.Match(want, got)
}

// trim leaves only what both have of the bodies of which minimesos gives a
// part: metrics, and an agent's flags.
func (p *player) trim(want, got any) (any, any) {
	left, ok1 := want.(map[string]any)
	right, ok2 := got.(map[string]any)
	if !ok1 || !ok2 {
		return want, got
	}
	if _, isMetrics := left["master/elected"]; isMetrics {
		for key := range left {
			if _, kept := right[key]; !kept || historical.MatchString(key) {
				delete(left, key)
			}
		}
		for key := range right {
			if historical.MatchString(key) {
				delete(right, key)
			}
		}
	}
	if flags, ok := left["flags"].(map[string]any); ok {
		kept, _ := right["flags"].(map[string]any)
		for key := range flags {
			if _, there := kept[key]; !there {
				delete(flags, key)
			}
		}
	}
	return left, right
}

// historical are metrics that count what happened before the recording, or
// that count time.
var historical = regexp.MustCompile(`uptime|tasks_(finished|failed|killed)$|messages_|outstanding_offers`)

func (p *player) send(name string, r *recordedRequest) error {
	base, err := p.base(name)
	if err != nil {
		return err
	}
	body, err := p.requestBody(r)
	if err != nil {
		return err
	}
	path := p.livePath(p.names.Substitute(r.path))
	request, err := http.NewRequest(r.method, base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for _, h := range r.headers {
		request.Header.Set(h[0], p.names.Substitute(h[1]))
	}
	if before := p.conns[name]; before != nil {
		if err := before.rest(); err != nil {
			return err
		}
	}
	conn := &connection{media: request.Header.Get("Accept"), patience: p.impatient}
	p.conns[name] = conn
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	conn.response, p.last = client.Do(request)
	if p.last != nil {
		conn.response = nil
		return nil // what follows in the recording says whether that is right
	}
	subscribes := strings.Contains(r.body, `"SUBSCRIBE"`) || strings.HasPrefix(r.body, "hex 1001")
	if subscribes && conn.response.StatusCode == http.StatusOK {
		conn.frames = make(chan []byte, 10_000)
		go readFrames(conn.response.Body, conn.frames)
		return nil
	}
	conn.body, err = io.ReadAll(conn.response.Body)
	return errors.Join(err, conn.response.Body.Close())
}

// livePath turns an agent's recorded folder into the live one.
func (p *player) livePath(path string) string {
	return recordedDir.ReplaceAllStringFunc(path, func(found string) string {
		return p.c.dir + "/agent-" + recordedDir.FindStringSubmatch(found)[2]
	})
}

func readFrames(body io.Reader, frames chan<- []byte) {
	defer close(frames)
	reader := recordio.NewReader(body)
	for {
		frame, err := reader.ReadFrame()
		if err != nil {
			return
		}
		frames <- bytes.Clone(frame)
	}
}

// requestBody writes live names into a recorded body.
func (p *player) requestBody(r *recordedRequest) ([]byte, error) {
	if digits, ok := strings.CutPrefix(r.body, "hex "); ok {
		return hex.DecodeString(digits)
	}
	decoder := json.NewDecoder(strings.NewReader(r.body))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return []byte(p.names.Substitute(r.body)), nil
	}
	if err := p.bindOffers(tree); err != nil {
		return nil, err
	}
	out, err := json.Marshal(p.names.SubstituteTree(tree))
	return []byte(p.livePath(string(out))), err
}

// bindOffers finds live offers for those that a call names and that were left
// out of the recording: of the agent that the call's tasks go to.
func (p *player) bindOffers(tree any) error {
	accept, _ := child(tree, "accept").(map[string]any)
	ids, _ := accept["offer_ids"].([]any)
	for _, id := range ids {
		recorded, _ := child(id, "value").(string)
		if _, bound := p.names.Of(recorded); bound || !idPattern.MatchString(recorded) {
			continue
		}
		agent := ""
		findKey(accept["operations"], "agent_id", func(v any) { agent, _ = child(v, "value").(string) })
		if err := p.bindOffer(recorded, agent); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) bindOffer(recorded, agent string) error {
	good := func(offer any) bool {
		id, _ := child(offer, "agent_id", "value").(string)
		if !idPattern.MatchString(agent) { // a made-up one: the offer is of an agent met before
			return p.names.Knows(id)
		}
		live, known := p.names.Of(agent)
		return !known || id == live
	}
	for _, conn := range p.conns {
		if conn.frames == nil {
			continue
		}
		err := conn.until(func() bool { return slices.ContainsFunc(conn.offers, good) })
		if err != nil {
			continue
		}
		i := slices.IndexFunc(conn.offers, good)
		offer := conn.offers[i]
		conn.offers = slices.Delete(conn.offers, i, i+1)
		if idPattern.MatchString(agent) {
			if err := p.names.Match(agent, child(offer, "agent_id", "value")); err != nil {
				return err
			}
		}
		return p.names.Match(recorded, child(offer, "id", "value"))
	}
	return fmt.Errorf("no live offer of agent %s for %s", agent, recorded)
}

// child walks into a JSON value.
func child(tree any, keys ...string) any {
	for _, key := range keys {
		object, ok := tree.(map[string]any)
		if !ok {
			return nil
		}
		tree = object[key]
	}
	return tree
}

func findKey(tree any, key string, found func(any)) {
	switch tree := tree.(type) {
	case map[string]any:
		for k, v := range tree {
			if k == key {
				found(v)
			}
			findKey(v, key, found)
		}
	case []any:
		for _, v := range tree {
			findKey(v, key, found)
		}
	}
}

// closed waits for the end of a stream, or ends it where the recorder did.
func (p *player) closed(conn *connection, text string) error {
	if strings.Contains(text, "AttributeError") {
		return conn.response.Body.Close()
	}
	err := conn.until(func() bool { return conn.ended })
	if !conn.ended {
		return fmt.Errorf("the stream does not end: %w", err)
	}
	return nil
}

// comment checks what the recorder noted down between the requests.
func (p *player) comment(text string) error {
	switch {
	case strings.Contains(text, "ConnectionRefusedError"):
		if !errors.Is(p.last, syscall.ECONNREFUSED) {
			return fmt.Errorf("the connection was not refused: %v", p.last)
		}
	case strings.HasPrefix(text, "# (no further update within"):
		return p.quiet("UPDATE")
	case strings.HasPrefix(text, `# {"id": {"value": `):
		want, err := jsonTree([]byte(strings.TrimPrefix(text, "# ")))
		if err != nil {
			return err
		}
		for _, conn := range p.conns {
			if conn.frames != nil {
				return p.offer(conn, want)
			}
		}
	case variableLine.MatchString(text):
		return p.variable(variableLine.FindStringSubmatch(text)[1])
	}
	return nil
}

var variableLine = regexp.MustCompile(`^# (?:env )?((?:MESOS|LIBPROCESS)_[A-Z_]+=.*)$`)

// variable checks a variable of a custom executor's environment.
func (p *player) variable(want string) error {
	if p.sandbox == "" {
		return nil
	}
	env, err := readSoon(p.sandbox + "/env.txt")
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(want, "=")
	for _, line := range strings.Split(env, "\n") {
		if strings.HasPrefix(line, name+"=") {
			return p.names.Match(want, line)
		}
	}
	return fmt.Errorf("%s is not in the executor's environment", name)
}

// quiet checks that no event of a type is under way: what was caused by the
// calls so far comes before the next heartbeat but one.
func (p *player) quiet(kind string) error {
	for name, conn := range p.conns {
		if conn.frames == nil || conn.ended {
			continue
		}
		for range 2 {
			before := conn.heartbeats
			if err := conn.until(func() bool { return conn.heartbeats > before }); err != nil {
				return err
			}
		}
		if i := slices.IndexFunc(conn.events, func(e any) bool { return child(e, "type") == kind }); i >= 0 {
			return fmt.Errorf("on %s there is more than recorded: %v", name, conn.events[i])
		}
	}
	return nil
}

// checkRest finds events that came and are not recorded.
func (p *player) checkRest() error {
	for name, conn := range p.conns {
		if err := conn.rest(); err != nil {
			return fmt.Errorf("on %s %w", name, err)
		}
	}
	return nil
}

func (conn *connection) rest() error {
	for _, event := range conn.events {
		if child(event, "type") != "RESCIND" {
			return fmt.Errorf("there is more than recorded: %v", event)
		}
	}
	return nil
}
