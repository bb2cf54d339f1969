package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

// connection says how the scheduler is reached: the flags that all verbs have that ask it.
type connection struct {
	url       string
	tokenFile string
	caFile    string
	warnings  io.Writer // nil: nobody reads them
	named     string    // what says the address; empty: urlNamed
}

func (c *connection) flags(f *pflag.FlagSet) {
	f.StringVar(&c.url, "url", "", "the scheduler's address (default SPILLWAY_URL, else "+defaultURL+")")
	f.StringVar(&c.tokenFile, "token-file", "", "file with the token that says who asks (default: the token in SPILLWAY_TOKEN, else none)")
	f.StringVar(&c.caFile, "ca-file", "", "certificate authorities (PEM) of the scheduler's certificate (default SPILLWAY_CA, else the system's)")
}

// urlNamed is what says the scheduler's address, with its verb, unless a configuration does.
const urlNamed = "SPILLWAY_URL or --url say"

// errToken: there is no token to be had where one is to be.
var errToken = errors.New("reading the token")

// newClient returns a client of the scheduler.
func (c *connection) newClient() (*client, error) {
	address := strings.TrimSuffix(firstOf(c.url, os.Getenv("SPILLWAY_URL"), defaultURL), "/")
	if strings.Contains(address, "@") { // not shown: it may hold a password
		return nil, errors.New("the scheduler's address must have no user in it; a token says who asks, see SPILLWAY_TOKEN or --token-file")
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return nil, fmt.Errorf("is %q the scheduler's address? It must be like https://host:4400 (%s it)", address, firstOf(c.named, urlNamed))
	}
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	if token != "" && parsed.Scheme == "http" && !isLoopbackHost(parsed.Hostname()) {
		return nil, fmt.Errorf("%s is not asked with a token, because everybody on the way could read it there; use https://", address)
	}
	transport, err := c.transport()
	if err != nil {
		return nil, err
	}
	return &client{url: address, token: token, named: c.named, http: http.Client{Transport: transport, CheckRedirect: stay, Timeout: time.Minute}}, nil
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// token returns the token, or "" for none.
func (c *connection) token() (string, error) {
	text, from := os.Getenv("SPILLWAY_TOKEN"), "SPILLWAY_TOKEN"
	if c.tokenFile != "" {
		f, err := os.Open(c.tokenFile)
		if err != nil {
			return "", fmt.Errorf("%w: %w", errToken, err)
		}
		defer f.Close()
		if err := access.CheckPrivate(c.tokenFile); err != nil && c.warnings != nil {
			fmt.Fprintf(c.warnings, "spillway: warning: the token's file %v\n", err)
		}
		content, err := io.ReadAll(io.LimitReader(f, 1<<10))
		if err != nil {
			return "", fmt.Errorf("%w: %w", errToken, err)
		}
		if text, from = string(content), c.tokenFile; strings.TrimSpace(text) == "" {
			return "", fmt.Errorf("%w: there is none in %s", errToken, c.tokenFile)
		}
	}
	text = strings.TrimSpace(text)
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("what is in %s is no token: a token is one word", from)
	}
	return text, nil
}

func (c *connection) transport() (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	file := firstOf(c.caFile, os.Getenv("SPILLWAY_CA"))
	if file == "" {
		return transport, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authorities: %w (--ca-file or SPILLWAY_CA names the file)", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("reading the certificate authorities: there is no certificate in PEM in %s", file)
	}
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	return transport, nil
}

// errSentOn: what answers at the address is no scheduler, or not the one that is meant.
var errSentOn = errors.New("a scheduler does not send on")

// stay refuses to be sent elsewhere, lest the token goes there too. A scheduler never does that.
func stay(req *http.Request, via []*http.Request) error {
	return fmt.Errorf("%w: %s sends on to %s; is the address right?", errSentOn, via[0].URL.Host, req.URL.Redacted())
}

func isLoopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
