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
	named string // what says where to ask: "SPILLWAY_URL or --url say"
	http  http.Client
}

// errUnavailable: the scheduler did not answer, or said that it cannot just now; asking again may help.
var errUnavailable = errors.New("the scheduler does not answer")

// do sends a request and decodes the answer, unless answer is nil; a problem document becomes an error.
func (c *client) do(ctx context.Context, method, path string, body, answer any) error {
	text, err := c.ask(ctx, method, path, body)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%w: reading its answer: %w", errUnavailable, err)
	}
	return nil
}

// ask sends a request, with a body that becomes JSON if there is one, and returns the answer as it is.
func (c *client) ask(ctx context.Context, method, path string, body any) ([]byte, error) {
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	return text, nil
}

// send sends a request and returns the answer, whose body is still to be read and closed, if it is no problem.
func (c *client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, payload)
	if err != nil {
		return nil, fmt.Errorf("asking the scheduler: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	c.sign(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer resp.Body.Close()
		return nil, problem(resp)
	}
	return resp, nil
}

// unanswered is the error of a request that got no answer, or half of one.
func (c *client) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errSentOn) {
		return err
	}
	if hint := tlsHint(err); hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	return fmt.Errorf("%w: %w (is it running there? %s where to ask)", errUnavailable, err, firstOf(c.named, urlNamed))
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
		return &notNow{&p}
	}
	return &p
}

// notNow is the answer of a scheduler, or of what stands before it, that cannot just now: it is told in its own words.
type notNow struct{ *httpapi.Problem }

// Is makes it one of the errors after which asking again may help.
func (*notNow) Is(target error) bool { return target == errUnavailable }

// isRefused reports that nobody listens at the address.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
