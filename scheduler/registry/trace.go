package registry

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"
)

// trace notes how a question travels. Of several attempts it keeps the first.
type trace struct {
	mu        sync.Mutex
	name      string // that was looked up
	addresses []string
	connected string
	tls       *tls.ConnectionState
	answered  bool      // by HTTP, whatever the answer was
	theirs    time.Time // the registry's clock
}

func (t *trace) watch(ctx context.Context) context.Context {
	noting := func(note func()) {
		t.mu.Lock()
		defer t.mu.Unlock()
		note()
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(info httptrace.DNSStartInfo) { noting(func() { t.name = info.Host }) },
		DNSDone: func(info httptrace.DNSDoneInfo) {
			noting(func() {
				if t.addresses == nil {
					for _, a := range info.Addrs {
						t.addresses = append(t.addresses, a.String())
					}
				}
			})
		},
		ConnectDone: func(_, addr string, err error) {
			noting(func() {
				if err == nil && t.connected == "" {
					t.connected = addr
				}
			})
		},
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			noting(func() {
				if err == nil && t.tls == nil {
					t.tls = &state
				}
			})
		},
	})
}

// address says which addresses were found for the name; it is empty if none were.
func (t *trace) address(img image) string {
	host := (&url.URL{Host: img.registry()}).Hostname()
	switch {
	case net.ParseIP(host) != nil && t.name == "":
		return "the name is an address"
	case t.name != "" && t.name != host:
		return fmt.Sprintf("the proxy %s is asked, which knows or does not know %s", t.name, host)
	case t.addresses != nil:
		return host + " is " + strings.Join(t.addresses, ", ")
	case t.connected != "":
		return "a proxy is asked by its address"
	}
	return ""
}

// connection says what was connected to; it is empty if nothing was.
func (t *trace) connection() string {
	if t.connected == "" {
		return ""
	}
	return t.connected + " accepts connections"
}

// security says how the connection is protected; it is empty if it never came to that.
func (t *trace) security(s *session) string {
	if s.challenge != nil && s.challenge.Insecure {
		return "none: the registry speaks plain HTTP, which is allowed for it"
	}
	if t.tls == nil && t.answered {
		return "none: what answers speaks plain HTTP, which is allowed for it"
	}
	if t.tls == nil {
		return ""
	}
	text := tls.VersionName(t.tls.Version)
	if len(t.tls.PeerCertificates) > 0 {
		c := t.tls.PeerCertificates[0]
		text += fmt.Sprintf("; certificate for %s, valid until %s%s", names(c), stamp(c.NotAfter), issuedBy(c))
	}
	return text
}

// skew says how far the registry's clock is from this machine's, if that is far enough to be in the way of certificates and
// tokens.
func (t *trace) skew(now time.Time) string {
	const far = 2 * time.Minute
	t.mu.Lock()
	defer t.mu.Unlock()
	if off := now.Sub(t.theirs); t.theirs.IsZero() || off.Abs() < far {
		return ""
	}
	return fmt.Sprintf("; its clock says %s, this machine's %s", stamp(t.theirs), stamp(now))
}

// dated notes what time a registry has.
type dated struct {
	trace *trace
	next  http.RoundTripper
}

func (d dated) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := d.next.RoundTrip(req)
	if err == nil {
		date, parseErr := http.ParseTime(resp.Header.Get("Date"))
		d.trace.mu.Lock()
		defer d.trace.mu.Unlock()
		d.trace.answered = true
		if parseErr == nil {
			d.trace.theirs = date
		}
	}
	return resp, err
}

// hostOf is the host in a URL, without anything else of it.
func hostOf(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return "an address that cannot be read"
	}
	return quote(u.Host)
}
