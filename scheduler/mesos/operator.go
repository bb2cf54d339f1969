package mesos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// maxOperatorAnswer bounds an answer of the operator API. GET_TASKS is the longest: about 1 KiB a task, ended ones that the
// master remembers included.
const maxOperatorAnswer = 1 << 30

// Refused is the answer of a master that does not do what it was asked for.
type Refused struct {
	Status int
	Text   string // the body's beginning, one line
}

func (r *Refused) Error() string { return (&refusal{status: r.Status, text: r.Text}).Error() }

// Operator speaks with the leading master as operators do (POST /api/v1, in JSON). Its methods may be called from any
// goroutine.
type Operator struct {
	cfg     Config
	masters detector
	client  http.Client

	mu     sync.Mutex
	leader *url.URL // the one that answered last; nil: none has
}

// NewOperator uses the masters, the credentials and the certificates of a driver's configuration. Of a ZooKeeper address
// nothing is known before Run.
func NewOperator(cfg Config) (*Operator, error) {
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	masters, err := newDetector(&cfg)
	if err != nil {
		return nil, err
	}
	tls, err := cfg.tlsConfig()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &Operator{cfg: cfg, masters: masters, client: http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: tls, MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second,
		},
		// Who leads is said by a redirect without a scheme, and the secret is not for everybody: see lead.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Run follows the election of masters until ctx ends, if it is ZooKeeper that tells who leads.
func (o *Operator) Run(ctx context.Context) {
	o.masters.run(ctx)
	o.client.CloseIdleConnections()
}

// Call asks the leading master. Where that is another one than before, or does not answer, it looks for it. A call may reach the
// master though Call fails, and reach it twice.
func (o *Operator) Call(ctx context.Context, call any) ([]byte, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return nil, fmt.Errorf("encoding a call of the operator API: %w", err)
	}
	masters, err := o.candidates(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for the leading master: %w", err)
	}
	for _, master := range masters {
		var answer []byte
		answer, err = o.lead(ctx, master, body)
		if err == nil || ctx.Err() != nil || isFinal(err) {
			return answer, err
		}
	}
	return nil, err
}

// isFinal says whether a leading master has refused: 503 says one that does not lead and knows of none that does.
func isFinal(err error) bool {
	var refused *Refused
	return errors.As(err, &refused) && refused.Status != http.StatusServiceUnavailable
}

// candidates are the masters to be asked one after another: the one that led last, and those that may.
func (o *Operator) candidates(ctx context.Context) ([]*url.URL, error) {
	list, ok := o.masters.(*listDetector)
	if !ok {
		leader, _, err := o.masters.leader(ctx)
		return []*url.URL{leader}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.leader == nil {
		return list.masters, nil
	}
	return append([]*url.URL{o.leader}, list.masters...), nil
}

// lead asks a master, and the one that it names as the leader.
func (o *Operator) lead(ctx context.Context, master *url.URL, body []byte) ([]byte, error) {
	for hops := 0; ; hops++ {
		answer, err := o.post(ctx, master, body)
		var r *refusal
		if !errors.As(err, &r) {
			if err == nil {
				o.remember(master)
			}
			return answer, err
		}
		if r.status != http.StatusTemporaryRedirect || hops == maxRedirects {
			return nil, &Refused{r.status, r.text}
		}
		if master, err = follow(&o.cfg, o.masters, master, r.location); err != nil {
			return nil, err
		}
	}
}

func (o *Operator) remember(leader *url.URL) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.leader = leader
}

func (o *Operator) post(ctx context.Context, master *url.URL, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, master.JoinPath("/api/v1").String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if o.cfg.Secret != "" {
		req.SetBasicAuth(o.cfg.Principal, o.cfg.Secret)
	}
	res, err := o.client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := refusalOf(res); err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxOperatorAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the master's answer: %w", err)
	}
	return answer, nil
}
