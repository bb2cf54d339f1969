package mesos_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gogo/protobuf/proto"
	"github.com/mesos/mesos-go/api/v1/lib/agent"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

var someFile = mesos.SandboxFile{Framework: "f-1", Task: "r.s.0.0", Name: "stdout"}

// read asks a server that stands for an agent for someFile.
func read(t *testing.T, cfg mesos.Config, handler http.HandlerFunc) ([]byte, int64, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	s, err := mesos.NewSandboxes(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := someFile
	f.Agent = server.URL
	return s.Read(t.Context(), f, 7, 100)
}

// TestSandboxRead looks at what an agent is asked, and gives bytes that are no text.
func TestSandboxRead(t *testing.T) {
	cfg := mesos.Config{Principal: "p", Secret: "s"}
	data, size, err := read(t, cfg, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var call agent.Call
		if err := proto.Unmarshal(body, &call); err != nil {
			t.Error(err)
		}
		name, password, _ := r.BasicAuth()
		got := call.ReadFile
		if r.URL.Path != "/api/v1" || name != "p" || password != "s" || call.Type != agent.Call_READ_FILE ||
			got.Path != "/frameworks/f-1/executors/r.s.0.0/runs/latest/stdout" || got.Offset != 7 || *got.Length != 100 {
			t.Errorf("%s by %s:%s, %v", r.URL.Path, name, password, call)
		}
		answer, err := proto.Marshal(&agent.Response{Type: agent.Response_READ_FILE,
			ReadFile: &agent.Response_ReadFile{Size_: 12, Data: []byte("\xff\x00\n")}})
		if err != nil {
			t.Error(err)
		}
		w.Write(answer)
	})
	if string(data) != "\xff\x00\n" || size != 12 || err != nil {
		t.Errorf("%q, %d, %v", data, size, err)
	}
}

// TestSandboxErrors sorts what agents answer instead of a file.
func TestSandboxErrors(t *testing.T) {
	status := func(code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, code) }
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    error
		text    string
	}{
		{"no file", status(404, ""), mesos.ErrNoFile, "no such file"},
		{"no credentials", status(401, "who?"), mesos.ErrAgentRefuses, "401 Unauthorized: who?"},
		{"no rights", status(403, ""), mesos.ErrAgentRefuses, "403"},
		{"a link out of the sandbox", status(400, "'/x' is inaccessible"), mesos.ErrAgentRefuses, "inaccessible"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.1:1/", 307) }, mesos.ErrAgentRefuses, "307"},
		{"recovering", status(503, "Agent has not finished recovery"), mesos.ErrAgentAway, "finished recovery"},
		{"another answer", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hello")) }, mesos.ErrAgentAway, "answer"},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, mesos.ErrAgentAway, "EOF"},
	} {
		_, _, err := read(t, mesos.Config{Principal: "p", Secret: "hush"}, c.handler)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestSandboxOfNobody asks where nobody listens; the error names no address.
func TestSandboxOfNobody(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	s, err := mesos.NewSandboxes(mesos.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f := someFile
	f.Agent = server.URL
	_, _, err = s.Read(t.Context(), f, 0, 1)
	if !errors.Is(err, mesos.ErrAgentAway) || err.Error() != "the agent does not answer: connection refused" {
		t.Errorf("%v", err)
	}
}
