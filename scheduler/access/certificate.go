package access

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// soon is how long before a certificate's end the log begins to tell of it.
const soon = 14 * 24 * time.Hour

// Certificate is the one under which the scheduler answers. It is read again when its files change.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu         sync.Mutex
	now        *tls.Certificate
	seen       [2]stamp
	read       time.Time
	said       string
	saidEnding time.Time // when the log was last told that the certificate ends
}

// OpenCertificate reads a certificate, with those that lead to its authority, and its key, both PEM. The key must be
// its owner's only.
func OpenCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	c.tellOfEnd(time.Now())
	return c, nil
}

// Config returns the settings of the listener.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}
}

// current returns the certificate as its files hold it. Files that cannot be used leave it as it was: a certificate and
// its key are replaced one after the other, and in between they do not belong together.
func (c *Certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.tellOfEnd(now)
	stamps, newest, err := c.stamps()
	if err == nil && stamps == c.seen && c.read.Sub(newest) > settled {
		return c.now
	}
	before := c.now
	if err == nil {
		err = c.load()
	}
	switch {
	case err != nil && err.Error() != c.said:
		c.said = err.Error()
		c.log.Error("the certificate cannot be read again, so the one from before still counts", "error", err)
	case err == nil:
		c.said = ""
		if string(before.Certificate[0]) != string(c.now.Certificate[0]) {
			c.log.Info("the certificate has changed", "file", c.certFile, "until", c.now.Leaf.NotAfter)
			c.saidEnding = time.Time{}
			c.tellOfEnd(now)
		}
	}
	return c.now
}

func (c *Certificate) stamps() (s [2]stamp, newest time.Time, err error) {
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return s, newest, err
		}
		s[i] = stampOf(info)
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return s, newest, nil
}

func (c *Certificate) load() error {
	started := time.Now()
	stamps, _, err := c.stamps()
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	key, _, err := readPrivate(c.keyFile)
	if err != nil {
		return fmt.Errorf("reading the certificate's key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.now, c.seen, c.read = &pair, stamps, started
	return nil
}

// End returns when the certificate that its files hold now is no longer valid.
func (c *Certificate) End() time.Time { return c.current().Leaf.NotAfter }

// tellOfEnd says once a day that a certificate ends soon, or has ended.
func (c *Certificate) tellOfEnd(now time.Time) {
	end := c.now.Leaf.NotAfter
	if end.Sub(now) > soon || now.Sub(c.saidEnding) < 24*time.Hour {
		return
	}
	c.saidEnding = now
	if now.After(end) {
		c.log.Error("the certificate has ended, so clients refuse it: replace its files, which needs no restart", "file", c.certFile, "until", end)
		return
	}
	c.log.Warn("the certificate ends soon: replace its files, which needs no restart", "file", c.certFile, "until", end)
}
