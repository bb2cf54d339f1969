package mesos

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
)

// Config is what the driver must be told. Only Masters is required.
type Config struct {
	// Masters says where the master is found: a list of URLs ("http://a:5050,http://b:5050"), of which one leads
	// and the others redirect to it, or the ZooKeeper that the masters use
	// ("zk://user:password@h1:2181,h2:2181/mesos").
	Masters string

	// Name, Hostname and WebUI are what people see of the framework in Mesos. Default: "spillway", this host's
	// name, nothing.
	Name     string
	Hostname string
	WebUI    string
	// User is the Unix user that tasks run as on the agents; default root. A master does not let a framework
	// change it.
	User string
	// Roles are the roles that the framework is offered resources for; default "*".
	Roles []string
	// FailoverTimeout is how long the master keeps the framework's tasks while no scheduler is subscribed;
	// default one week.
	FailoverTimeout time.Duration

	// Principal and Secret are for HTTP basic authentication. Without a Secret none is done, and Principal is only
	// a name.
	Principal string
	Secret    string

	// TLS says that masters found through ZooKeeper speak HTTPS. CAFile implies it.
	TLS bool
	// CAFile holds the certificate authorities (PEM) that sign the masters' certificates; default: the system's.
	CAFile string
	// CertFile and KeyFile are the client certificate (PEM) for masters that ask for one.
	CertFile string
	KeyFile  string

	// Codec is the form of messages on the wire: "protobuf", the default, or "json".
	Codec string

	// GPU and Revocable ask for offers with GPUs and for revocable resources.
	GPU       bool
	Revocable bool

	// BackoffMin and BackoffMax bound the pause between attempts to subscribe; default 200 ms and 15 s.
	BackoffMin time.Duration
	BackoffMax time.Duration

	// AckLanes is how many acknowledgements are under way at a time; default 8. The master wants one HTTP request
	// for each.
	AckLanes int

	// Observe is told of every call and of every record of the stream, for metrics. It is called from several
	// goroutines and must not block.
	Observe func(Observation)

	// Logger gets what operators should know; default: nothing is logged.
	Logger *slog.Logger

	// transport replaces the network in tests.
	transport http.RoundTripper
	// subscribeTimeout is how long a master may take from the request to SUBSCRIBED; default 30 s.
	subscribeTimeout time.Duration
	// retryPause is the pause before an idempotent call is tried again; default 250 ms.
	retryPause time.Duration
}

// Observation is one thing that happened on the wire.
type Observation struct {
	Kind ObservationKind
	// Type is the call's or event's type as scheduler.proto names it, such as "ACCEPT" or "UPDATE".
	Type    string
	Outcome Outcome
	// Took is how long the master took to answer a call, retries included.
	Took time.Duration
}

// ObservationKind says what was observed.
type ObservationKind string

// The kinds of observations.
const (
	ObservedCall   ObservationKind = "call"   // a call to the master
	ObservedRecord ObservationKind = "record" // a record of the master's stream
)

// Outcome is how a call or record ended.
type Outcome string

// The outcomes of calls and records.
const (
	OutcomeOK      Outcome = "ok"
	OutcomeRefused Outcome = "refused" // the master answered that it will not do it
	OutcomeFailed  Outcome = "failed"  // no answer, or not decodable
	OutcomeDropped Outcome = "dropped" // never sent: there was no subscription
)

// String leaves out the secrets.
func (c Config) String() string {
	return fmt.Sprintf("masters %s, framework %s, roles %s", redactMasters(c.Masters), c.Name, strings.Join(c.Roles, ","))
}

// LogValue leaves out the secrets.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// redactMasters hides the password of a ZooKeeper or HTTP address.
func redactMasters(masters string) string {
	return passwords.ReplaceAllString(masters, "://$1:***@")
}

var passwords = regexp.MustCompile(`://([^/@:]*):.*@`)

func (c *Config) setDefaults() {
	def(&c.Name, "spillway")
	def(&c.User, "root")
	def(&c.Codec, "protobuf")
	def(&c.FailoverTimeout, 7*24*time.Hour)
	def(&c.BackoffMin, 200*time.Millisecond)
	def(&c.BackoffMax, 15*time.Second)
	def(&c.AckLanes, 8)
	def(&c.subscribeTimeout, 30*time.Second)
	def(&c.retryPause, 250*time.Millisecond)
	if c.Hostname == "" {
		c.Hostname, _ = os.Hostname()
	}
	if len(c.Roles) == 0 {
		c.Roles = []string{"*"}
	}
	if c.CAFile != "" {
		c.TLS = true
	}
	if c.Observe == nil {
		c.Observe = func(Observation) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// check finds what the master would refuse, or what cannot work.
func (c *Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Codec != "protobuf" && c.Codec != "json" {
		bad("codec %q: it must be protobuf or json", c.Codec)
	}
	if c.FailoverTimeout < 0 {
		bad("failover timeout %v: it must not be negative", c.FailoverTimeout)
	}
	if c.BackoffMin < 0 || c.BackoffMin > c.BackoffMax {
		bad("backoff from %v to %v: the first must not be longer than the second", c.BackoffMin, c.BackoffMax)
	}
	if c.AckLanes < 1 {
		bad("%d acknowledgement lanes: there must be at least one", c.AckLanes)
	}
	if c.Secret != "" && c.Principal == "" {
		bad("a secret was given without a principal: give the principal that the secret belongs to")
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		bad("a client certificate needs both its certificate file and its key file")
	}
	seen := map[string]bool{}
	for _, role := range c.Roles {
		if err := checkRole(role); err != nil {
			errs = append(errs, err)
		}
		if seen[role] {
			bad("role %q is given twice", role)
		}
		seen[role] = true
	}
	return errors.Join(errs...)
}

// checkRole follows Mesos' rules for role names (src/common/roles.cpp).
func checkRole(role string) error {
	if role == "*" {
		return nil
	}
	for _, part := range strings.Split(role, "/") {
		switch {
		case part == "":
			return fmt.Errorf("role %q: it must not be empty, nor begin or end with a slash, nor have two in a row", role)
		case part == "." || part == ".." || part == "*":
			return fmt.Errorf("role %q: %q cannot be a part of a role", role, part)
		case strings.HasPrefix(part, "-"):
			return fmt.Errorf("role %q: a part of a role cannot begin with a dash", role)
		case strings.ContainsAny(part, "\t\n\v\f\r \x7f\\"):
			return fmt.Errorf("role %q: it must not contain blanks or backslashes", role)
		}
	}
	return nil
}

// tlsConfig reads the certificate files.
func (c *Config) tlsConfig() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the CA file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA file %s: it holds no certificate in PEM form", c.CAFile)
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}
