package mesos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/mesos/mesos-go/api/v1/lib/agent"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
)

// MaxRead is the most bytes that an agent gives in one answer: 16 pages (FilesProcess::_read in src/files/files.cpp).
const MaxRead = 16 * 4096

var (
	// ErrNoFile: the agent answers, and has no such file: the task has not made it yet, or its sandbox was removed.
	ErrNoFile = errors.New("the agent has no such file")
	// ErrAgentRefuses: the agent answers, but not to us; asking again does not help before its settings or ours change.
	ErrAgentRefuses = errors.New("the agent refuses to show its files")
	// ErrAgentAway: the agent does not answer, or cannot just now; it may be asked again.
	ErrAgentAway = errors.New("the agent does not answer")
)

// SandboxFile names a file of a task's sandbox.
type SandboxFile struct {
	// Agent is where the agent's API is, "http://10.0.0.7:5051". The principal's secret is sent there, so it must
	// come from an offer.
	Agent     string
	Framework string
	Task      string
	Name      string // such as "stdout"
}

// path is the one under which an agent shows the sandbox of an executor's latest run (getExecutorVirtualPath in
// src/slave/paths.cpp). The executor that an agent starts for a task has the task's id.
func (f SandboxFile) path() string {
	return "/frameworks/" + f.Framework + "/executors/" + f.Task + "/runs/latest/" + f.Name
}

// Sandboxes reads the files of tasks from their agents. Its methods may be called from any goroutine.
type Sandboxes struct {
	client    http.Client
	principal string
	secret    string
}

// NewSandboxes returns a reader that uses the credentials and certificates that the driver uses with the master.
func NewSandboxes(cfg Config) (*Sandboxes, error) {
	tls, err := cfg.tlsConfig()
	if err != nil {
		return nil, fmt.Errorf("reading sandboxes: %w", err)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &Sandboxes{
		principal: cfg.Principal, secret: cfg.Secret,
		client: http.Client{
			Transport: &http.Transport{
				DialContext: dialer.DialContext, TLSClientConfig: tls, DisableCompression: true,
				MaxIdleConns: 512, MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second,
			},
			Timeout: 20 * time.Second,
			// An agent does not send its callers elsewhere, and the secret is meant for nobody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close gives idle connections back.
func (s *Sandboxes) Close() { s.client.CloseIdleConnections() }

// Read returns at most length bytes (and never more than MaxRead) of a file from offset on, and the size that the
// file has. At the file's end and beyond it returns no bytes. Its errors are ErrNoFile, ErrAgentRefuses, ErrAgentAway,
// each with more words, or the context's.
func (s *Sandboxes) Read(ctx context.Context, f SandboxFile, offset int64, length int) ([]byte, int64, error) {
	n := uint64(length)
	call := &agent.Call{Type: agent.Call_READ_FILE, ReadFile: &agent.Call_ReadFile{
		Path: f.path(), Offset: uint64(offset), Length: &n,
	}}
	body, err := s.call(ctx, f.Agent, call)
	if err != nil {
		return nil, 0, err
	}
	data, size, err := decodeRead(body)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrAgentAway, err)
	}
	return data, size, nil
}

// decodeRead reads the answer to READ_FILE.
func decodeRead(body []byte) (data []byte, size int64, err error) {
	// The generated decoders are careful, but no foreign byte may ever end the scheduler.
	defer func() {
		if r := recover(); r != nil {
			data, size, err = nil, 0, fmt.Errorf("decoding its answer: %v", r)
		}
	}()
	var response agent.Response
	if err := proto.Unmarshal(body, &response); err != nil {
		return nil, 0, fmt.Errorf("decoding its answer: %w", err)
	}
	read := response.ReadFile
	if read == nil || len(read.Data) > MaxRead || int64(read.Size_) < int64(len(read.Data)) {
		return nil, 0, errors.New("its answer makes no sense; is it a Mesos agent?")
	}
	return read.Data, int64(read.Size_), nil
}

// call asks an agent's API, in protobuf: JSON has no bytes that are not text.
func (s *Sandboxes) call(ctx context.Context, base string, call *agent.Call) ([]byte, error) {
	payload, err := proto.Marshal(call)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", call.Type, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(base, "/")+"/api/v1", bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAgentAway, err)
	}
	req.Header.Set("Content-Type", codecs.MediaTypeProtobuf.ContentType())
	req.Header.Set("Accept", codecs.MediaTypeProtobuf.ContentType())
	if s.secret != "" {
		req.SetBasicAuth(s.principal, s.secret)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, away(ctx, err)
	}
	defer res.Body.Close()
	if err := answerOf(res); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxRead+maxRefusal))
	if err != nil {
		return nil, away(ctx, err)
	}
	return body, nil
}

// answerOf sorts an agent's answers (Http::readFile in src/slave/http.cpp).
func answerOf(res *http.Response) error {
	err := refusalOf(res)
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	said := strings.Replace(r.Error(), "the master answered", "it answered", 1)
	switch {
	case r.status == http.StatusNotFound:
		return ErrNoFile
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden, r.status == http.StatusBadRequest, r.status/100 == 3:
		return fmt.Errorf("%w: %s", ErrAgentRefuses, said)
	}
	return fmt.Errorf("%w: %s", ErrAgentAway, said)
}

// away says shortly why an agent does not answer: its address is no news to an operator and none of an author's business.
func away(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var errno syscall.Errno
	var dns *net.DNSError
	var timeout net.Error
	var wrapped *url.Error
	switch {
	case errors.As(err, &errno):
		err = errno
	case errors.As(err, &dns):
		err = errors.New(dns.Err)
	case errors.As(err, &timeout) && timeout.Timeout():
		err = errors.New("no answer in time")
	case errors.As(err, &wrapped):
		err = wrapped.Err
	}
	return fmt.Errorf("%w: %w", ErrAgentAway, err)
}
