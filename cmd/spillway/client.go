package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// defaultURL is where a scheduler listens unless told otherwise: Chronos' own port.
const defaultURL = "http://127.0.0.1:4400"

// client asks a scheduler.
type client struct {
	url   string
	token string // says who asks; "" for none
	http  http.Client
}

// errUnavailable: the scheduler did not answer, or said that it cannot just now; asking again may help.
var errUnavailable = errors.New("the scheduler does not answer")

// do sends a request and decodes the answer; a problem document becomes an error.
func (c *client) do(ctx context.Context, method, path string, body, answer any) error {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, payload)
	if err != nil {
		return fmt.Errorf("%w; is %q the scheduler's address?", err, c.url)
	}
	req.Header.Set("Content-Type", "application/json")
	c.sign(req)
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if hint := tlsHint(err); hint != "" {
			return fmt.Errorf("%w: %s", err, hint)
		}
		return fmt.Errorf("%w: %w (is it running there? SPILLWAY_URL or --url say where to ask)", errUnavailable, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return problem(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("%w: reading its answer: %w", errUnavailable, err)
	}
	return nil
}

// sign says who asks.
func (c *client) sign(req *http.Request) {
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
}

// tlsHint says what to do about an error of TLS, or nothing if it is none. To ask again does not help.
func tlsHint(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return "--ca-file or SPILLWAY_CA names the file of the authority that signed the scheduler's certificate"
	case errors.As(err, &name):
		return "ask it under a name that its certificate is for"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its operator must renew it, unless this machine's clock is wrong"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the scheduler there has no TLS: write http:// instead of https://"
	}
	return ""
}

func problem(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("%w: reading its answer: %w", errUnavailable, err)
	}
	var p httpapi.Problem
	if err := json.Unmarshal(text, &p); err != nil || p.Detail == "" {
		// Something that stands before the scheduler, or its TLS, which http:// does not speak to.
		first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		p.Detail = fmt.Sprintf("the scheduler answered %s: %.200q", resp.Status, first)
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		return fmt.Errorf("%w: %s", errUnavailable, p.Detail)
	}
	return &p
}

// isRefused reports that nobody listens at the address.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
