package mesos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// defaultPort is the port that masters listen on unless told otherwise.
const defaultPort = "5050"

// detector knows which master to subscribe with.
type detector interface {
	// run keeps looking until ctx ends.
	run(ctx context.Context)
	// leader gives the master to try now, and waits for one if there is none. lost is closed when another one leads;
	// it is nil if the detector does not see that.
	leader(ctx context.Context) (master *url.URL, lost <-chan struct{}, err error)
	// failed says that the master did not lead or did not answer. another tells whether there is a different one that
	// can be tried without a pause.
	failed() (another bool)
	// knows tells whether host, with its port, was configured or detected to be a master.
	knows(host string) bool
}

func newDetector(cfg *Config) (detector, error) {
	if cfg.Masters == "" {
		return nil, errors.New("no Mesos master is given: give its URL, such as http://master:5050, or zk://host:2181/mesos")
	}
	if strings.HasPrefix(cfg.Masters, "zk://") {
		return newZKDetector(cfg)
	}
	return newListDetector(cfg)
}

// listDetector tries the masters of a list in turn. The one that leads is found by redirects.
type listDetector struct {
	masters []*url.URL
	at      int
}

func newListDetector(cfg *Config) (*listDetector, error) {
	d := &listDetector{}
	for _, text := range strings.Split(cfg.Masters, ",") {
		u, err := parseMaster(strings.TrimSpace(text), cfg.TLS)
		if err != nil {
			return nil, err
		}
		d.masters = append(d.masters, u)
	}
	return d, nil
}

// parseMaster reads "http://host:5050"; scheme and port may be left out.
func parseMaster(text string, tls bool) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = scheme(tls) + "://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("master %q is not a URL: write http://host:%s", redactMasters(text), defaultPort)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("master %q: write http://, https:// or, for ZooKeeper, zk://", u.Redacted())
	case u.User != nil:
		return nil, fmt.Errorf("master %q: give the principal and its secret by their own settings, not in the URL", u.Redacted())
	case u.Hostname() == "":
		return nil, fmt.Errorf("master %q has no host", text)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return nil, fmt.Errorf("master %q: write only scheme, host and port", text)
	}
	return &url.URL{Scheme: u.Scheme, Host: withPort(u)}, nil
}

func scheme(tls bool) string {
	if tls {
		return "https"
	}
	return "http"
}

func withPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), defaultPort)
}

func (d *listDetector) run(context.Context) {}

func (d *listDetector) leader(context.Context) (*url.URL, <-chan struct{}, error) {
	return d.masters[d.at], nil, nil
}

func (d *listDetector) failed() (another bool) {
	d.at = (d.at + 1) % len(d.masters)
	return d.at != 0
}

func (d *listDetector) knows(host string) bool {
	for _, m := range d.masters {
		if m.Host == host {
			return true
		}
	}
	return false
}

// follow reads the Location of a master that does not lead, which has no scheme: "//host:5050/master/api/v1/…".
// Credentials go only to masters that were configured or detected.
func follow(cfg *Config, masters detector, from *url.URL, location string) (*url.URL, error) {
	u, err := from.Parse(location)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("master %s redirects to %.100q, which is not a master's address", from.Host, location)
	}
	next := &url.URL{Scheme: u.Scheme, Host: withPort(u)}
	if from.Scheme == "https" && next.Scheme != "https" {
		return nil, fmt.Errorf("master %s redirects from HTTPS to %s, which is not followed", from.Host, next)
	}
	if cfg.Secret != "" && !masters.knows(next.Host) {
		return nil, fmt.Errorf("master %s redirects to %s, which is not among the masters that may see the "+
			"framework's secret: add it to the list of masters", from.Host, next)
	}
	return next, nil
}
