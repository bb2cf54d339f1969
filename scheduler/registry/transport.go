package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// How long the parts of a question may take. They are less than DefaultTimeout, so that what is wrong is known by then.
const (
	dialTimeout = 2 * time.Second
	tlsTimeout  = 2 * time.Second
)

// maxHeader bounds the headers of an answer, in bytes.
const maxHeader = 64 << 10

func newTransport(t *trust, plain plainHTTP, agent string) http.RoundTripper {
	return transport.NewUserAgent(guard{plain: plain, next: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: t.roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    maxParallel,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: maxHeader,
	}}, agent)
}

// plainHTTP is the registries that may be spoken to without TLS, as they are written in images' names.
type plainHTTP map[string]bool

func newPlainHTTP(hosts []string) (plainHTTP, error) {
	p := plainHTTP{}
	for _, host := range hosts {
		if _, err := name.NewRegistry(host); err != nil || host == "" {
			return nil, fmt.Errorf("registry %q: write it as host or host:port", host)
		}
		p[host] = true
	}
	return p, nil
}

func (p plainHTTP) allows(host string) bool {
	if p[host] {
		return true
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// errPlainHTTP: a question would have gone over the network unencrypted, maybe with credentials.
var errPlainHTTP = errors.New("plain HTTP is not allowed")

// guard keeps questions from going over the network without TLS. The library falls back to plain HTTP for all private
// addresses, and servers may redirect to it.
type guard struct {
	plain plainHTTP
	next  http.RoundTripper
}

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !g.plain.allows(req.URL.Host) {
		return nil, errPlainHTTP
	}
	return g.next.RoundTrip(req)
}

// plainAnswers notes the status of what was answered without TLS.
type plainAnswers struct {
	next   http.RoundTripper
	status atomic.Int32 // 0: nothing was
}

func (p *plainAnswers) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(req)
	if err == nil && req.URL.Scheme == "http" {
		p.status.Store(int32(resp.StatusCode))
	}
	return resp, err
}

// schemed sends the questions for a registry over the scheme at which it was found to answer.
type schemed struct {
	host, scheme string
	next         http.RoundTripper
}

func (s schemed) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == s.host {
		req.URL.Scheme = s.scheme
	}
	return s.next.RoundTrip(req)
}
