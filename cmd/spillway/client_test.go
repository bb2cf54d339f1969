package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
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
