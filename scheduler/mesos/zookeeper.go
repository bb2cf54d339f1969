package mesos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

const (
	// zkSession is how long ZooKeeper keeps a session without hearing from us.
	zkSession = 10 * time.Second
	// zkPause is the pause before a new connection after something went wrong that is not the network's fault.
	zkPause = time.Second
	// zkPrefix begins the znodes in which masters stand for election; the one with the lowest number leads.
	zkPrefix = "json.info_"
)

// zkAddress is "zk://user:password@h1:2181,h2:2181/mesos" in parts.
type zkAddress struct {
	servers []string
	path    string
	auth    []byte // "user:password"; nil if there is none
}

func parseZKAddress(text string) (zkAddress, error) {
	const form = "write zk://host1:2181,host2:2181/mesos"
	var a zkAddress
	rest := strings.TrimPrefix(text, "zk://")
	// A password may hold a slash or an @.
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		a.auth, rest = []byte(rest[:at]), rest[at+1:]
		if !bytes.Contains(a.auth, []byte(":")) {
			return a, errors.New("ZooKeeper address: write the credentials as user:password")
		}
	}
	hosts, path, _ := strings.Cut(rest, "/")
	for _, host := range strings.Split(hosts, ",") {
		if host == "" {
			return a, fmt.Errorf("ZooKeeper address %s lacks a host: %s", redactMasters(text), form)
		}
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(zk.DefaultPort))
		}
		a.servers = append(a.servers, host)
	}
	if path = strings.TrimRight(path, "/"); path == "" {
		return a, fmt.Errorf("ZooKeeper address %s lacks the masters' path: %s", redactMasters(text), form)
	}
	a.path = "/" + path
	return a, nil
}

// zkConn is what the detector needs of ZooKeeper. A connection that was lost comes back by itself.
type zkConn interface {
	AddAuth(scheme string, auth []byte) error
	ExistsW(path string) (bool, *zk.Stat, <-chan zk.Event, error)
	ChildrenW(path string) ([]string, *zk.Stat, <-chan zk.Event, error)
	Get(path string) ([]byte, *zk.Stat, error)
	Close()
}

// zkDetector follows the election of masters in ZooKeeper.
type zkDetector struct {
	address zkAddress
	tls     bool
	log     *slog.Logger
	connect func() (zkConn, error)

	mu      sync.Mutex
	current *url.URL
	lost    chan struct{} // closed when current no longer leads
	known   chan struct{} // closed when there is a current one for the first time
	hosts   map[string]bool
}

func newZKDetector(cfg *Config) (*zkDetector, error) {
	address, err := parseZKAddress(cfg.Masters)
	if err != nil {
		return nil, err
	}
	d := &zkDetector{
		address: address, tls: cfg.TLS, log: cfg.Logger, known: make(chan struct{}), hosts: map[string]bool{},
	}
	d.connect = func() (zkConn, error) {
		// Events of the session are not needed (and dropped when nobody reads them): watches tell all that matters.
		conn, _, err := zk.Connect(address.servers, zkSession, zk.WithLogger(zkLog{cfg.Logger}), zk.WithLogInfo(false))
		return conn, err
	}
	return d, nil
}

// zkLog passes on what the ZooKeeper client reports, which is trouble with connections only.
type zkLog struct{ log *slog.Logger }

func (l zkLog) Printf(format string, args ...any) {
	l.log.Warn("ZooKeeper: " + fmt.Sprintf(format, args...))
}

func (d *zkDetector) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := d.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		d.log.Warn("following the election of masters in ZooKeeper failed, trying again", "path", d.address.path, "error", err)
		sleep(ctx, zkPause)
	}
}

// follow watches the election until something fails.
func (d *zkDetector) follow(ctx context.Context) error {
	conn, err := d.connect()
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	hangUp := sync.OnceFunc(conn.Close)
	context.AfterFunc(ctx, hangUp) // ends calls that wait for a connection
	defer hangUp()
	if d.address.auth != nil {
		if err := conn.AddAuth("digest", d.address.auth); err != nil {
			return fmt.Errorf("authenticating: %w", err)
		}
	}
	for {
		changed, err := d.look(conn)
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look finds the leader of now. It stays the leader while no other one is elected: a master that ZooKeeper has lost
// steps down by itself, and our stream from it ends.
func (d *zkDetector) look(conn zkConn) (changed <-chan zk.Event, err error) {
	children, _, changed, err := conn.ChildrenW(d.address.path)
	if errors.Is(err, zk.ErrNoNode) {
		return d.awaitPath(conn)
	}
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", d.address.path, err)
	}
	node, ok := lowestNode(children)
	if !ok {
		d.log.Warn("no Mesos master stands for election", "path", d.address.path)
		return changed, nil
	}
	data, _, err := conn.Get(d.address.path + "/" + node)
	if errors.Is(err, zk.ErrNoNode) {
		return changed, nil // it has just gone, and the watch has seen that
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", node, err)
	}
	master, err := parseMasterInfo(data, d.tls)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", node, err)
	}
	d.elected(master)
	return changed, nil
}

// awaitPath waits for the first master that stands for election.
func (d *zkDetector) awaitPath(conn zkConn) (created <-chan zk.Event, err error) {
	exists, _, created, err := conn.ExistsW(d.address.path)
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", d.address.path, err)
	}
	if exists { // since a moment ago
		return d.look(conn)
	}
	d.log.Warn("no Mesos master has ever stood for election there; if one should have, the path is wrong", "path", d.address.path)
	return created, nil
}

// lowestNode finds the leader's znode.
func lowestNode(children []string) (node string, ok bool) {
	lowest := int64(0)
	for _, child := range children {
		number, isMaster := strings.CutPrefix(child, zkPrefix)
		n, err := strconv.ParseInt(number, 10, 64)
		if isMaster && err == nil && (!ok || n < lowest) {
			node, lowest, ok = child, n, true
		}
	}
	return node, ok
}

// parseMasterInfo reads the leader's address out of its znode. A certificate is made out to a name, so TLS uses that;
// otherwise the address that Mesos' own parts use is the one that surely can be reached.
func parseMasterInfo(data []byte, tls bool) (*url.URL, error) {
	var info struct {
		Address struct {
			Hostname string `json:"hostname"`
			IP       string `json:"ip"`
			Port     int    `json:"port"`
		} `json:"address"`
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return nil, fmt.Errorf("the master's description is not JSON: %w", err)
	}
	host := info.Address.IP
	if host == "" || tls && info.Address.Hostname != "" {
		host = info.Address.Hostname
	}
	if host == "" || info.Address.Port < 1 || info.Address.Port > 65535 {
		return nil, errors.New("the master's description names no host and port")
	}
	return &url.URL{Scheme: scheme(tls), Host: net.JoinHostPort(host, strconv.Itoa(info.Address.Port))}, nil
}

func (d *zkDetector) elected(master *url.URL) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hosts[master.Host] = true
	if d.current != nil && d.current.Host == master.Host {
		return
	}
	d.log.Info("a Mesos master leads", "master", master.String())
	if d.current == nil {
		close(d.known)
	} else {
		close(d.lost)
	}
	d.current, d.lost = master, make(chan struct{})
}

func (d *zkDetector) leader(ctx context.Context) (*url.URL, <-chan struct{}, error) {
	select {
	case <-d.known:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current, d.lost, nil
}

func (d *zkDetector) failed() (another bool) { return false }

func (d *zkDetector) knows(host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hosts[host]
}

// sleep waits for d or for ctx's end.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
