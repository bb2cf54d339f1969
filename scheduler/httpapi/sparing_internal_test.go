package httpapi

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestSparing(t *testing.T) {
	var text bytes.Buffer
	s, now := newSparing(slog.New(slog.NewTextHandler(&text, nil)), 1.0/30, 10), time.Unix(1e9, 0)
	for range 1000 {
		s.writeAt(now, "TLS handshake error")
	}
	if got := strings.Count(text.String(), "TLS handshake error"); got != 10 {
		t.Errorf("%d lines of a thousand", got)
	}
	text.Reset()
	s.writeAt(now.Add(time.Minute), "another")
	if got := text.String(); !strings.Contains(got, "another") || !strings.Contains(got, "omitted_before=990") {
		t.Errorf("the next line: %s", got)
	}
}
