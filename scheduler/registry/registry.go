// Package registry asks image registries which digest a tag stands for, and finds out why one cannot be asked.
//
// It speaks to registries over HTTPS as Docker does: with the credentials of a Docker configuration file, and with further
// certificate authorities for private ones. What it says, in errors, warnings and reports, never contains a credential, nor
// anything that a registry has answered in words of its own.
package registry

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"
)

// Config is what a Client needs to know. Its zero value is good for public registries.
type Config struct {
	// DockerConfig is a Docker configuration file (config.json) with credentials or credential helpers, read whenever a
	// registry is asked. Empty: the one that `docker login` writes for this process's user, if there is one.
	DockerConfig string
	// CAs are files of certificate authorities (PEM), or folders with such files, that are trusted besides the system's.
	CAs []string
	// PlainHTTP are registries, host or host:port, that may be spoken to without TLS. Those on loopback always may.
	PlainHTTP []string
	// Timeout bounds one call of Resolve. 0: DefaultTimeout.
	Timeout time.Duration
	// Local tells whether an image is there already where tasks run; such images are used as they are. Nil: none is.
	Local func(ctx context.Context, image string) bool
	// UserAgent is what registries see; it may be empty.
	UserAgent string
	// Log hears of registries that cannot be asked. Nil: nobody does.
	Log *slog.Logger
}

// DefaultTimeout is for how long a registry that does not answer can hold a submission.
const DefaultTimeout = 4 * time.Second

// Client asks registries. It may be used by several goroutines at once.
type Client struct {
	trust       *trust
	http        http.RoundTripper
	plain       plainHTTP
	credentials credentials
	timeout     time.Duration
	local       func(ctx context.Context, image string) bool
	log         *slog.Logger
	memory      memory
	flight      singleflight.Group
}

// New reads the authorities' certificates, and looks whether a Docker configuration that is named can be read. It asks
// nobody.
func New(cfg Config) (*Client, error) {
	trust, err := newTrust(cfg.CAs)
	if err != nil {
		return nil, err
	}
	keys, err := newCredentials(cfg.DockerConfig)
	if err != nil {
		return nil, err
	}
	plain, err := newPlainHTTP(cfg.PlainHTTP)
	if err != nil {
		return nil, err
	}
	c := &Client{
		trust:       trust,
		http:        newTransport(trust, plain, cfg.UserAgent),
		plain:       plain,
		credentials: keys,
		timeout:     cfg.Timeout,
		local:       cfg.Local,
		log:         cfg.Log,
	}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	if c.local == nil {
		c.local = func(context.Context, string) bool { return false }
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
