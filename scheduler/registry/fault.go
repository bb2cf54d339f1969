package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Kind is what sort of thing is wrong.
type Kind string

// The kinds of faults, in the order in which questions meet them.
const (
	NameFault         Kind = "name"              // the image's name cannot be read
	CredentialsFault  Kind = "credentials-file"  // the Docker configuration or its credential helper cannot be used
	DNSFault          Kind = "dns"               // the registry's name has no address
	ConnectionFault   Kind = "connection"        // nothing answers at the address
	PlainHTTPFault    Kind = "plain-http"        // the registry speaks HTTP without TLS
	CAFault           Kind = "unknown-ca"        // its certificate comes from an authority that is not trusted
	HostFault         Kind = "wrong-host"        // its certificate is for other names
	ClockFault        Kind = "clock"             // its certificate is not valid yet, or no longer
	TLSFault          Kind = "tls"               // anything else about TLS
	NoRegistryFault   Kind = "no-registry"       // what answers is no registry
	UnauthorizedFault Kind = "unauthorized"      // it wants credentials, or other ones
	BusyFault         Kind = "too-many-requests" // it has been asked too often
	ServerFault       Kind = "server"            // it answers with an error of its own
	TimeoutFault      Kind = "timeout"           // it does not answer in time
	RepositoryFault   Kind = "no-repository"     // there is no such repository
	TagFault          Kind = "no-tag"            // the repository has no such tag
	ImageFault        Kind = "no-image"          // it has no such tag or digest, and does not tell more
	OtherFault        Kind = "other"
)

// Fault is why an image could not be looked up.
type Fault struct {
	Kind Kind
	What string // what is wrong, as a clause that names the registry or the image
	Do   string // what to do about it, as a clause

	status int // of HTTP, if it is about one
}

func (f *Fault) Error() string { return f.What + " (" + f.Do + ")" }

// Missing tells whether the image does not exist, which its registry has said, as against a registry that could not be
// asked.
func (f *Fault) Missing() bool {
	return f.Kind == RepositoryFault || f.Kind == TagFault || f.Kind == ImageFault
}

// ofRegistry tells whether the registry fails for all images, so that there is no use in asking it for another one now.
func (f *Fault) ofRegistry() bool {
	switch f.Kind {
	case NameFault, CredentialsFault, UnauthorizedFault, OtherFault:
		return false
	}
	return !f.Missing()
}

// faultOf says what an error means that occurred on the way to a server. It uses nothing that the server said in its own
// words, and no part of a URL but its host: both may hold credentials.
func (t *trust) faultOf(server string, err error) *Fault {
	var at *url.Error
	if errors.As(err, &at) {
		if u, parseErr := url.Parse(at.URL); parseErr == nil && u.Host != "" {
			server = u.Host
		}
	}
	if f := t.tlsFault(server, err); f != nil {
		return f
	}
	var status *transport.Error
	if errors.As(err, &status) {
		return statusFault(server, status.StatusCode)
	}
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return dnsFault(dns)
	case errors.Is(err, errPlainHTTP):
		return plainFault(server)
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		return &Fault{Kind: ConnectionFault, What: fmt.Sprintf("%s does not answer to connections", server), Do: connectHint}
	case errors.As(err, &op) && op.Op == "dial":
		return &Fault{Kind: ConnectionFault, What: fmt.Sprintf("%s cannot be connected to: %v", server, op.Err), Do: connectHint}
	case errors.As(err, &op) && strings.Contains(op.Op, "proxy"):
		return &Fault{Kind: ConnectionFault, What: fmt.Sprintf("the proxy on the way to %s cannot be used: %v", server, op.Err), Do: "correct HTTPS_PROXY or NO_PROXY"}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return timeoutFault(server)
	case op != nil:
		return &Fault{Kind: ConnectionFault, What: fmt.Sprintf("%s breaks the connection: %v", server, op.Err), Do: connectHint}
	}
	return &Fault{Kind: OtherFault, What: fmt.Sprintf("%s gives an answer that is not understood", server), Do: "ask whoever runs it whether it is a registry (API version 2)"}
}

const connectHint = "see whether the registry runs, on that port, and whether a firewall or a proxy is in the way"

func dnsFault(err *net.DNSError) *Fault {
	if err.IsNotFound {
		return &Fault{Kind: DNSFault, What: fmt.Sprintf("no address is known for the name %s", quote(err.Name)),
			Do: "see whether the name is right, and which name server /etc/resolv.conf names"}
	}
	return &Fault{Kind: DNSFault, What: fmt.Sprintf("the name %s cannot be looked up: the name server does not answer", quote(err.Name)),
		Do: "see whether this machine has a network, and which name server it asks (/etc/resolv.conf)"}
}

func plainFault(server string) *Fault {
	return &Fault{Kind: PlainHTTPFault, What: fmt.Sprintf("%s speaks plain HTTP, not HTTPS, or sends on to plain HTTP", server),
		Do: "put TLS in front of it, or allow it with --registry-http " + server}
}

func timeoutFault(server string) *Fault {
	return &Fault{Kind: TimeoutFault, What: fmt.Sprintf("%s does not answer in time", server), Do: "see whether it is well, and how far away it is"}
}

// tlsFault says what is wrong with a server's TLS; nil if that is not the trouble.
func (t *trust) tlsFault(server string, err error) *Fault {
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var header tls.RecordHeaderError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return plainFault(server)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return clockFault(server, invalid.Cert)
	case errors.As(err, &authority) && errors.As(err, &verify) && t.whenIssued(verify.UnverifiedCertificates):
		return &Fault{Kind: ClockFault, What: fmt.Sprintf("an authority of the certificate of %s is not valid at this machine's time, %s", server, stamp(time.Now())),
			Do: "set this machine's clock, or replace the authority's certificate"}
	case errors.As(err, &authority):
		return &Fault{Kind: CAFault, What: fmt.Sprintf("the certificate of %s comes from an authority that is not trusted here%s", server, issuer(authority.Cert)),
			Do: "give the authority's certificate with --registry-ca; the agents' Docker engines need it as well, in /etc/docker/certs.d/" + server + "/ca.crt"}
	case errors.As(err, &host):
		return &Fault{Kind: HostFault, What: fmt.Sprintf("the certificate of %s is for %s", server, names(host.Certificate)),
			Do: "use one of these names in the image's name, or get a certificate for this one"}
	case errors.As(err, &verify), errors.As(err, &invalid):
		return &Fault{Kind: TLSFault, What: fmt.Sprintf("the certificate of %s cannot be used: %v", server, err), Do: "get another certificate for it"}
	case errors.As(err, &alert), errors.As(err, &header):
		return &Fault{Kind: TLSFault, What: fmt.Sprintf("%s refuses TLS as spoken here: %v", server, unwrapped(err)),
			Do: "see its log; it may want a client certificate, or speak TLS before version 1.2"}
	}
	return nil
}

// unwrapped is the error without the URL that http.Client puts around it.
func unwrapped(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

func issuer(c *x509.Certificate) string {
	if c == nil || c.Issuer.String() == "" {
		return ""
	}
	return ": " + quote(c.Issuer.String())
}

func issuedBy(c *x509.Certificate) string {
	if i := c.Issuer.String(); i != "" {
		return ", issued by " + quote(i)
	}
	return ""
}

func clockFault(server string, c *x509.Certificate) *Fault {
	now := time.Now()
	state, hint := "has expired", "get a new certificate for it, unless this machine's clock is wrong"
	if now.Before(c.NotBefore) {
		state, hint = "is not valid yet", "set this machine's clock, unless the certificate is wrong"
	}
	return &Fault{Kind: ClockFault, What: fmt.Sprintf("the certificate of %s %s: it is valid from %s to %s, and this machine's clock says %s",
		server, state, stamp(c.NotBefore), stamp(c.NotAfter), stamp(now)), Do: hint}
}

// names are the hosts that a certificate is for.
func names(c *x509.Certificate) string {
	var all []string
	all = append(all, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no host at all: it has no subject alternative names"
	}
	const most = 5
	if len(all) > most {
		all = append(all[:most], "others")
	}
	return quote(strings.Join(all, ", "))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// statusFault says what an HTTP status means that is about the registry, not about an image.
func statusFault(server string, status int) *Fault {
	answers := fmt.Sprintf("%s answers %d %s", server, status, http.StatusText(status))
	switch {
	case status == http.StatusTooManyRequests:
		return &Fault{Kind: BusyFault, What: server + " has been asked too often and refuses for a while", Do: "wait, or give credentials that are allowed more, or keep the image in a registry of your own"}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return &Fault{Kind: UnauthorizedFault, What: answers, Do: "see whether the credentials are right", status: status}
	case status >= http.StatusInternalServerError:
		return &Fault{Kind: ServerFault, What: answers, Do: "see the registry's log"}
	}
	return &Fault{Kind: NoRegistryFault, What: answers + " to /v2/: it is no registry, or its path is not passed on",
		Do: "see whether the image's name begins with the right host and port", status: status}
}
