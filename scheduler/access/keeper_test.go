package access_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

// spokenLog keeps what is logged.
type spokenLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *spokenLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take returns what was logged since it was last asked.
func (l *spokenLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

func (l *spokenLog) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// kept is a file of tokens and who keeps it.
type kept struct {
	*access.Tokens
	path string
	log  *spokenLog
}

func keep(t *testing.T, tokens ...access.Token) kept {
	t.Helper()
	k := kept{path: filepath.Join(t.TempDir(), "tokens"), log: &spokenLog{}}
	for _, token := range tokens {
		must(t, access.AddToken(k.path, token))
	}
	var err error
	k.Tokens, err = access.OpenTokens(k.path, k.log.logger())
	must(t, err)
	return k
}

func TestChangesCountAtOnce(t *testing.T) {
	one, first := newToken("one", access.Author, "lisa")
	two, second := newToken("two", access.Viewer, "*")
	k := keep(t, one)
	for range 50 { // many edits within a step of the file system's clock
		if who, known := k.Who(first); !known || !cmp.Equal(who, one.Who()) {
			t.Fatalf("the first: %v, %v", who, known)
		}
		if who, known := k.Who(second); known {
			t.Fatalf("the second, before it is there: %v", who)
		}
		must(t, access.AddToken(k.path, two))
		if who, known := k.Who(second); !known || !cmp.Equal(who, two.Who()) {
			t.Fatalf("the second: %v, %v", who, known)
		}
		must(t, access.RevokeToken(k.path, "two"))
	}
	must(t, access.RevokeToken(k.path, "one"))
	if who, known := k.Who(first); known {
		t.Errorf("all are revoked: %v", who)
	}
	for _, text := range []string{"", "spw_", hexOf(one), first[:len(first)-1], first + "A", strings.ToLower(first)} {
		if who, known := k.Who(text); known {
			t.Errorf("%q: %v", text, who)
		}
	}
}

// TestSettledFile is a file that nobody has touched for long: then only its stamp is looked at, and a change is still seen.
func TestSettledFile(t *testing.T) {
	one, first := newToken("one", access.Author, "lisa")
	k := keep(t, one)
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(k.path, old, old))
	for range 3 {
		if _, known := k.Who(first); !known {
			t.Fatal("it is not known")
		}
	}
	text, err := os.ReadFile(k.path)
	must(t, err)
	must(t, os.WriteFile(k.path, bytes.Replace(text, []byte("author"), []byte("viewer"), 1), 0o600)) // of the same length
	must(t, os.Chtimes(k.path, old, old))
	if who, _ := k.Who(first); who.Role != access.Viewer {
		t.Errorf("after an edit that left length and time as they were: %v", who)
	}
}

func TestBrokenFileKeepsTheTokens(t *testing.T) {
	one, first := newToken("one", access.Author, "lisa")
	k := keep(t, one)
	good, err := os.ReadFile(k.path)
	must(t, err)
	for name, spoil := range map[string]func() error{
		"empty":  func() error { return os.Truncate(k.path, 0) },
		"broken": func() error { return os.WriteFile(k.path, []byte("tokens: ["), 0o600) },
		"open":   func() error { return os.Chmod(k.path, 0o644) },
		"gone":   func() error { return os.Remove(k.path) },
	} {
		t.Run(name, func(t *testing.T) {
			must(t, spoil())
			for range 3 {
				if who, known := k.Who(first); !known || who.Name != "one" {
					t.Errorf("%v, %v", who, known)
				}
			}
			if k.Usable() {
				t.Error("it is called usable")
			}
			said := k.log.take()
			if strings.Count(said, "level=ERROR") != 1 || !strings.Contains(said, "still count") || !strings.Contains(said, k.path) {
				t.Errorf("it should be said once: %s", said)
			}
			must(t, os.WriteFile(k.path, good, 0o600))
			must(t, os.Chmod(k.path, 0o600))
			if _, known := k.Who(first); !known || !k.Usable() {
				t.Error("not known with the file repaired")
			}
			if said := k.log.take(); !strings.Contains(said, "in order again") || strings.Contains(said, "ERROR") {
				t.Errorf("repaired: %s", said)
			}
		})
	}
}

func TestOpenTokensRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	log := (&spokenLog{}).logger()
	if _, err := access.OpenTokens(path, log); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
	must(t, os.WriteFile(path, []byte("tokens: []\n"), 0o600))
	if _, err := access.OpenTokens(path, log); err == nil || !strings.Contains(err.Error(), "spillway token new") {
		t.Errorf("no token: %v", err)
	}
}

// TestWatchEndsWithTheToken: what goes on for long ends when its token is revoked, or has another role.
func TestWatchEndsWithTheToken(t *testing.T) {
	one, first := newToken("one", access.Author, "lisa")
	two, second := newToken("two", access.Author, "lisa")
	k := keep(t, one, two)
	who, _ := k.Who(first)
	watched, cancel := k.Watch(t.Context(), first, who)
	defer cancel()
	other, _ := k.Who(second)
	stays, cancel := k.Watch(t.Context(), second, other)
	defer cancel()
	must(t, access.RevokeToken(k.path, "one"))
	<-watched.Done()
	if stays.Err() != nil {
		t.Error("the watch of another token has ended as well")
	}
	text, err := os.ReadFile(k.path)
	must(t, err)
	must(t, os.WriteFile(k.path, bytes.Replace(text, []byte("author"), []byte("viewer"), 1), 0o600))
	<-stays.Done()
}

func BenchmarkWho(b *testing.B) {
	path := filepath.Join(b.TempDir(), "tokens")
	token, text := newToken("one", access.Author, "lisa")
	must(b, access.AddToken(path, token))
	old := time.Now().Add(-time.Hour)
	must(b, os.Chtimes(path, old, old))
	k, err := access.OpenTokens(path, slog.New(slog.DiscardHandler))
	must(b, err)
	for b.Loop() {
		if _, known := k.Who(text); !known {
			b.Fatal("not known")
		}
	}
}

// hexOf is what the file holds of a token: it must not open the door.
func hexOf(token access.Token) string {
	text, _ := token.SHA256.MarshalText()
	return string(text)
}
