package minimesos

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	mesosagent "github.com/mesos/mesos-go/api/v1/lib/agent"
	mesosmaster "github.com/mesos/mesos-go/api/v1/lib/master"
)

// request makes one request and returns status and body.
func request(t testing.TB, method, url string, media mediaType, body []byte) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	must(t, err)
	r.Close = true
	if media != "" {
		r.Header.Set("Content-Type", string(media))
		r.Header.Set("Accept", string(media))
	}
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, answer
}

// operate makes an operator call, in protobuf.
func operate(t testing.TB, c *Cluster, call *mesosmaster.Call) (int, *mesosmaster.Response) {
	t.Helper()
	body, err := call.Marshal()
	must(t, err)
	status, answer := request(t, http.MethodPost, c.URL()+"/api/v1", mediaProtobuf, body)
	response := new(mesosmaster.Response)
	if status == http.StatusOK {
		must(t, response.Unmarshal(answer))
	}
	return status, response
}

func askAgent(t testing.TB, c *Cluster, name string, call *mesosagent.Call) (int, *mesosagent.Response) {
	t.Helper()
	base, err := c.agentURL(name)
	must(t, err)
	body, err := call.Marshal()
	must(t, err)
	status, answer := request(t, http.MethodPost, base+"/api/v1", mediaProtobuf, body)
	response := new(mesosagent.Response)
	if status == http.StatusOK {
		must(t, response.Unmarshal(answer))
	}
	return status, response
}

func getJSON(t testing.TB, url string) (int, any) {
	t.Helper()
	status, answer := request(t, http.MethodGet, url, "", nil)
	var tree any
	if status == http.StatusOK {
		must(t, json.Unmarshal(answer, &tree))
	}
	return status, tree
}

// The three APIs refuse bad requests alike, before they look at what is asked.
func TestBadRequests(t *testing.T) {
	c := start(t, fast(Instant, 1))
	agent, err := c.agentURL("agent-1")
	must(t, err)
	for _, api := range []struct{ url, validate string }{
		{c.URL() + "/api/v1/scheduler", "Failed to validate scheduler::Call: Expecting 'type' to be present"},
		{c.URL() + "/master/api/v1/scheduler", "Failed to validate scheduler::Call: Expecting 'type' to be present"},
		{c.URL() + "/api/v1", "Failed to validate master::Call: Expecting 'type' to be present"},
		{agent + "/api/v1", "Failed to validate agent::Call: Expecting 'type' to be present"},
		{agent + "/slave(1)/api/v1", "Failed to validate agent::Call: Expecting 'type' to be present"},
	} {
		for _, bad := range []struct {
			method string
			media  mediaType
			body   string
			status int
			want   string
		}{
			{"GET", mediaJSON, "", 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."},
			{"POST", "", "{}", 400, "Expecting 'Content-Type' to be present"},
			{"POST", "text/html", "{}", 415, "Expecting 'Content-Type' of application/json or application/x-protobuf"},
			{"POST", mediaJSON, "{x", 400, "Failed to parse body into JSON: syntax error at line 1 near: x"},
			{"POST", mediaJSON, `{"type":[]}`, 400, "Failed to convert JSON into Call protobuf: Not expecting a JSON array for field 'type'"},
			{"POST", mediaJSON, `{}`, 400, api.validate},
			{"POST", mediaProtobuf, "\xff", 400, "Failed to parse body into Call protobuf"},
			{"POST", mediaProtobuf, "", 400, api.validate},
		} {
			status, answer := request(t, bad.method, api.url, bad.media, []byte(bad.body))
			if status != bad.status || string(answer) != bad.want {
				t.Errorf("%s %s %q: %d %s", bad.method, api.url, bad.body, status, answer)
			}
		}
	}
}

func TestFilesRefuse(t *testing.T) {
	c := start(t, fast(Process, 1))
	task := command("a", "ln -s /etc/passwd escape; mkdir dir; printf 0123456789 > digits; head -c 100000 /dev/zero > zeros")
	ends(t, c, task)
	base, err := c.agentURL("agent-1")
	must(t, err)
	dir := c.sandboxOf("a")
	for _, q := range []struct {
		path, query string
		status      int
	}{
		{"/files/read", "path=" + dir + "/digits&offset=0", 200},
		{"/files/read", "path=" + dir + "/digits&offset=x", 400},
		{"/files/read", "path=" + dir + "/digits&offset=-2", 400},
		{"/files/read", "path=" + dir + "/digits&offset=0&length=-2", 400},
		{"/files/read", "offset=0", 400},
		{"/files/read", "path=" + dir + "/dir&offset=0", 400},
		{"/files/read", "path=" + dir + "/escape&offset=0", 400},
		{"/files/read", "path=" + dir + "/../../x&offset=0", 404},
		{"/files/read", "path=relative&offset=0", 404},
		{"/files/browse", "path=" + dir, 200},
		{"/files/browse", "", 400},
		{"/files/browse", "path=/", 404},
		{"/files/browse", "path=" + dir + "/digits", 404},
	} {
		if status, _ := getJSON(t, base+q.path+"?"+q.query); status != q.status {
			t.Errorf("%s?%s: %d, want %d", q.path, q.query, status, q.status)
		}
	}
}

func TestFilesRead(t *testing.T) {
	c := start(t, fast(Process, 1))
	ends(t, c, command("a", "printf 0123456789 > digits; head -c 100000 /dev/zero > zeros"))
	base, err := c.agentURL("agent-1")
	must(t, err)
	dir := c.sandboxOf("a")
	read := func(path, more string) map[string]any {
		t.Helper()
		status, tree := getJSON(t, base+"/files/read?path="+url.QueryEscape(path)+more)
		if status != http.StatusOK {
			t.Fatalf("%s%s: %d", path, more, status)
		}
		return tree.(map[string]any)
	}
	if got := read(dir+"/digits", "&offset=3&length=4"); got["data"] != "3456" || got["offset"] != 3.0 {
		t.Errorf("got %v", got)
	}
	if got := read(dir+"/digits", "&offset=-1"); got["data"] != "" || got["offset"] != 10.0 {
		t.Errorf("the size is not told: %v", got)
	}
	if got := read(dir+"/zeros", "&offset=0"); len(got["data"].(string)) != maxRead {
		t.Errorf("%d bytes are read, want %d", len(got["data"].(string)), maxRead)
	}
	var framework string
	c.Look(func(View) { framework = c.agents[0].history()[0].info.ID.Value })
	if got := read("/frameworks/"+framework+"/executors/a/runs/latest/digits", "&offset=9"); got["data"] != "9" {
		t.Errorf("the short path reads %v", got)
	}
	length := uint64(2)
	status, response := askAgent(t, c, "agent-1", &mesosagent.Call{Type: mesosagent.Call_READ_FILE,
		ReadFile: &mesosagent.Call_ReadFile{Path: dir + "/digits", Offset: 8, Length: &length}})
	if status != 200 || string(response.ReadFile.Data) != "89" || response.ReadFile.Size_ != 10 {
		t.Errorf("READ_FILE: %d %v", status, response)
	}
	status, response = askAgent(t, c, "agent-1", &mesosagent.Call{Type: mesosagent.Call_LIST_FILES,
		ListFiles: &mesosagent.Call_ListFiles{Path: dir}})
	if status != 200 || len(response.ListFiles.FileInfos) != 4 {
		t.Errorf("LIST_FILES: %d %v", status, response)
	}
}

// A stopped agent does not answer until it is resumed.
func TestStoppedAgentDoesNotAnswer(t *testing.T) {
	c := start(t, fast(Instant, 1))
	base, err := c.agentURL("agent-1")
	must(t, err)
	must(t, c.StopAgent("agent-1"))
	answered := make(chan int, 1)
	go func() {
		status, _ := request(t, http.MethodGet, base+"/health", "", nil)
		answered <- status
	}()
	select {
	case status := <-answered:
		t.Errorf("it answers %d", status)
	default:
	}
	must(t, c.ResumeAgent("agent-1"))
	<-answered
}
