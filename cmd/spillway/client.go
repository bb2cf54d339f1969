package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// defaultURL is where a scheduler listens unless told otherwise: Chronos' own port.
const defaultURL = "http://127.0.0.1:4400"

// client asks a scheduler.
type client struct {
	url  string
	http http.Client
}

// newClient returns a client of the scheduler at url, or at SPILLWAY_URL, or on this machine.
func newClient(url string) *client {
	for _, u := range []string{url, os.Getenv("SPILLWAY_URL"), defaultURL} {
		if u != "" {
			return &client{url: strings.TrimSuffix(u, "/"), http: http.Client{Timeout: time.Minute}}
		}
	}
	panic("unreachable")
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
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
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

func problem(resp *http.Response) error {
	var p httpapi.Problem
	err := json.NewDecoder(resp.Body).Decode(&p)
	switch {
	case resp.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %s", errUnavailable, resp.Status)
	case err != nil || p.Detail == "":
		return fmt.Errorf("the scheduler answered %s", resp.Status)
	}
	return &p
}

// isRefused reports that nobody listens at the address.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
