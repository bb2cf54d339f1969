package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

// TestAnswersThatAreNo: a scheduler that answers 503 did answer, which is told in its own words; asking again may help.
func TestAnswersThatAreNo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"status": 503, "detail": "the change is not made"}`)
	}))
	defer server.Close()
	c, err := (&connection{url: server.URL}).newClient()
	if err != nil {
		t.Fatal(err)
	}
	err = c.do(t.Context(), "POST", "/v1/runs", nil, nil)
	if err == nil || err.Error() != "the change is not made" || !errors.Is(err, errUnavailable) {
		t.Errorf("%v", err)
	}
}

// TestTokenFileOfOthers: a file of a token that others may read is used, and warned of.
func TestTokenFileOfOthers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(access.NewText()), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o644: true, 0o660: true} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		got := command(t.Context(), "", "runs", "--url", server.URL, "--token-file", file)
		if got.status != 0 || strings.Contains(got.stderr, "warning") != warned || warned && !strings.Contains(got.stderr, "chmod 600 "+file) {
			t.Errorf("mode %04o: status %d: %s", mode, got.status, got.stderr)
		}
	}
}
