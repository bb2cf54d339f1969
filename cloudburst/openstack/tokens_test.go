package openstack

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// a gate is a cloud that takes one token at a time, and a Keystone that gives it.
type gate struct {
	mu       sync.Mutex
	valid    string
	logins   int
	calls    int
	bodies   []string
	takes    time.Duration // of a login
	refuses  error         // what logins fail with
	stubborn bool          // takes no token at all
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		read, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(read)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls++
	g.bodies = append(g.bodies, body)
	status := http.StatusOK
	if g.stubborn || r.Header.Get(tokenHeader) != g.valid {
		status = http.StatusUnauthorized
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
}

func (g *gate) login(ctx context.Context) (string, error) {
	g.mu.Lock()
	g.logins++
	n := g.logins
	g.mu.Unlock()
	select {
	case <-time.After(g.takes):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refuses != nil {
		return "", g.refuses
	}
	g.valid = "token-" + strconv.Itoa(n)
	return g.valid, nil
}

// call makes one call with a body and is its status; 0 if there was an error.
func call(ctx context.Context, t http.RoundTripper) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://nova/", strings.NewReader("body"))
	if err != nil {
		return 0, err
	}
	r.Header.Set(tokenHeader, "the first")
	answer, err := t.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

func renewing(g *gate) *tokensTransport {
	return &tokensTransport{next: g, login: g.login, limit: 30 * time.Second, hold: time.Second, current: "the first"}
}

func TestOneLoginForEachExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{valid: "the first", takes: 100 * time.Millisecond}
		transport := renewing(g)
		for expiry := 1; expiry <= 50; expiry++ {
			g.mu.Lock()
			g.valid = "none yet" // it expires
			g.mu.Unlock()
			var calls sync.WaitGroup
			for range 200 {
				calls.Go(func() {
					if status, err := call(t.Context(), transport); status != http.StatusOK {
						t.Errorf("status %d, %v", status, err)
					}
				})
			}
			calls.Wait()
			if g.logins != expiry {
				t.Fatalf("%d logins after %d expiries", g.logins, expiry)
			}
		}
		for _, body := range g.bodies {
			if body != "body" {
				t.Fatal("a call was made again without its body")
			}
		}
	})
}

func TestCallIsMadeAgainOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{stubborn: true}
		if status, err := call(t.Context(), renewing(g)); status != http.StatusUnauthorized || g.calls != 2 || g.logins != 1 {
			t.Errorf("status %d, %v, after %d calls and %d logins", status, err, g.calls, g.logins)
		}
	})
}

// TestDeadlinesOfOthers has a caller whose deadline comes while it waits for the login that it has begun.
func TestDeadlinesOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{valid: "none yet", takes: 10 * time.Second}
		transport := renewing(g)
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		var patient sync.WaitGroup
		patient.Go(func() {
			time.Sleep(500 * time.Millisecond) // the hasty one began the login
			if status, err := call(t.Context(), transport); status != http.StatusOK {
				t.Errorf("status %d, %v", status, err)
			}
		})
		if _, err := call(hasty, transport); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		patient.Wait()
		if took := time.Since(began); took != 10*time.Second || g.logins != 1 {
			t.Errorf("%d logins, %v", g.logins, took)
		}
	})
}

func TestFailedLoginAnswersForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{valid: "none yet", refuses: &Error{Kind: Unclear, Doing: "renewing the token", Message: "503"}}
		transport := renewing(g)
		var calls sync.WaitGroup
		for range 200 {
			calls.Go(func() {
				if _, err := call(t.Context(), transport); KindOf(err) != Unclear {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if g.logins != 1 {
			t.Errorf("%d logins", g.logins)
		}
		g.refuses = nil
		time.Sleep(time.Second)
		if status, err := call(t.Context(), transport); status != http.StatusOK || g.logins != 2 {
			t.Errorf("status %d, %v, %d logins", status, err, g.logins)
		}
	})
}

func TestLoginsThemselvesPass(t *testing.T) {
	g := &gate{valid: "a token"}
	r, err := http.NewRequest(http.MethodPost, "http://keystone/", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := renewing(g).RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusUnauthorized || g.calls != 1 || g.logins != 0 {
		t.Errorf("%v, %v", answer, err)
	}
}
