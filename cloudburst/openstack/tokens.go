package openstack

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const tokenHeader = "X-Auth-Token"

// tokensTransport is the transport of all calls but logins. It puts a token on each, and when the cloud does not take it any more,
// gets another one and makes the call once more; never twice.
//
// However many calls find out at the same time, there is one login. It belongs to none of them: a call whose deadline comes
// stops waiting for it and takes nothing from the others. This is why gophercloud's own reauthentication is not used:
// there, the first caller's deadline ends the login for all who wait.
type tokensTransport struct {
	next  http.RoundTripper
	login func(context.Context) (string, error)
	// limit is how long a login may take. A failed one answers for those that come within hold of it, so that many calls do
	// not become as many logins at a Keystone that has trouble already.
	limit, hold time.Duration

	flight   singleflight.Group
	mu       sync.Mutex
	current  string
	failed   error
	failedAt time.Time
}

// RoundTrip makes a call. Those that gophercloud puts no token on, which are logins and questions for versions, pass.
func (t *tokensTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get(tokenHeader) == "" {
		return t.next.RoundTrip(r)
	}
	t.mu.Lock()
	token := t.current
	t.mu.Unlock()
	answer, err := t.next.RoundTrip(withToken(r, token))
	if err != nil || answer.StatusCode != http.StatusUnauthorized {
		return answer, err
	}
	if r.Body != nil && r.GetBody == nil {
		return answer, nil // its body has been sent and is not there any more
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // so that the connection can be used again
	_ = answer.Body.Close()
	if token, err = t.renew(r.Context(), token); err != nil {
		return nil, err
	}
	again := withToken(r, token)
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	return t.next.RoundTrip(again)
}

// withToken is a copy of the call, as a transport must not change what it is given.
func withToken(r *http.Request, token string) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set(tokenHeader, token)
	return r
}

// renew is the token after a stale one: that which another call got meanwhile, or a new one.
func (t *tokensTransport) renew(ctx context.Context, stale string) (string, error) {
	done := t.flight.DoChan("", func() (any, error) {
		if token, known, err := t.known(stale); known {
			return token, err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.limit)
		defer cancel()
		token, err := t.login(ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.failed, t.failedAt = err, time.Now(); err == nil {
			t.current = token
		}
		return token, err
	})
	select {
	case result := <-done:
		if result.Err != nil {
			return "", result.Err
		}
		return result.Val.(string), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// known is the answer that needs no login: a token that is not the stale one, or the error of a moment ago.
func (t *tokensTransport) known(stale string) (string, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.current != stale:
		return t.current, true, nil
	case t.failed != nil && time.Since(t.failedAt) < t.hold:
		return "", true, t.failed
	}
	return "", false, nil
}
