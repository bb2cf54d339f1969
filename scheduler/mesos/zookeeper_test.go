package mesos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/google/go-cmp/cmp"
)

func TestParseZKAddress(t *testing.T) {
	cases := []struct {
		text string
		want zkAddress
	}{
		{"zk://h1:2181,h2/mesos", zkAddress{servers: []string{"h1:2181", "h2:2181"}, path: "/mesos"}},
		{"zk://user:pa/ss@w:rd@h1/a/b/", zkAddress{servers: []string{"h1:2181"}, path: "/a/b", auth: []byte("user:pa/ss@w:rd")}},
		{"zk://[::1],[::2]:99/m", zkAddress{servers: []string{"[::1]:2181", "[::2]:99"}, path: "/m"}},
	}
	for _, c := range cases {
		got, err := parseZKAddress(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(zkAddress{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestLowestNode(t *testing.T) {
	cases := []struct {
		children []string
		want     string
	}{
		{nil, ""},
		{[]string{"log_replicas", "info_0000000000", "json.info_x"}, ""},
		{[]string{"json.info_0000000012", "json.info_0000000009", "log_replicas"}, "json.info_0000000009"},
		{[]string{"json.info_9999999999", "json.info_10000000000"}, "json.info_9999999999"},
	}
	for _, c := range cases {
		if got, ok := lowestNode(c.children); got != c.want || ok != (c.want != "") {
			t.Errorf("%v: %q, want %q", c.children, got, c.want)
		}
	}
}

// masterInfo is what a real master writes into its znode.
func masterInfo(hostname, ip string, port int) []byte {
	return fmt.Appendf(nil, `{"address":{"hostname":%q,"ip":%q,"port":%d},"capabilities":[{"type":"AGENT_UPDATE"},`+
		`{"type":"QUOTA_V2"}],"hostname":%q,"id":"9ec4f750","ip":16777343,"pid":"master@%s:%d","port":%d,"version":"1.12.0"}`,
		hostname, ip, port, hostname, ip, port, port)
}

func TestParseMasterInfo(t *testing.T) {
	cases := []struct {
		data []byte
		tls  bool
		want string
	}{
		{masterInfo("m1.cnes", "10.0.0.1", 5050), false, "http://10.0.0.1:5050"},
		{masterInfo("m1.cnes", "10.0.0.1", 5050), true, "https://m1.cnes:5050"},
		{masterInfo("m1.cnes", "", 5050), false, "http://m1.cnes:5050"},
		{masterInfo("m1.cnes", "fd00::1", 5050), false, "http://[fd00::1]:5050"},
		{masterInfo("", "", 5050), false, ""},
		{masterInfo("m1", "", 0), false, ""},
		{[]byte("\x0a\x01x"), false, ""},
	}
	for _, c := range cases {
		got, err := parseMasterInfo(c.data, c.tls)
		if (err == nil) != (c.want != "") || err == nil && got.String() != c.want {
			t.Errorf("%s: %v, %v; want %q", c.data, got, err, c.want)
		}
	}
}

// fakeZK is a ZooKeeper with one folder.
type fakeZK struct {
	mu     sync.Mutex
	nodes  map[string][]byte // nil: the folder does not exist
	watch  []chan zk.Event
	auth   []string
	conns  int
	closed int
}

func (z *fakeZK) AddAuth(scheme string, auth []byte) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.auth = append(z.auth, scheme+" "+string(auth))
	return nil
}

func (z *fakeZK) ExistsW(path string) (bool, *zk.Stat, <-chan zk.Event, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	w := make(chan zk.Event, 1)
	z.watch = append(z.watch, w)
	return path == "/mesos" && z.nodes != nil, nil, w, nil
}

func (z *fakeZK) ChildrenW(path string) ([]string, *zk.Stat, <-chan zk.Event, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if path != "/mesos" || z.nodes == nil {
		return nil, nil, nil, zk.ErrNoNode
	}
	var names []string
	for name := range z.nodes {
		names = append(names, name)
	}
	w := make(chan zk.Event, 1)
	z.watch = append(z.watch, w)
	return names, nil, w, nil
}

func (z *fakeZK) Get(path string) ([]byte, *zk.Stat, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	data, ok := z.nodes[strings.TrimPrefix(path, "/mesos/")]
	if !ok {
		return nil, nil, zk.ErrNoNode
	}
	return data, nil, nil
}

func (z *fakeZK) Close() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.closed++
}

// set changes the folder and lets the watches fire.
func (z *fakeZK) set(nodes map[string][]byte, event zk.Event) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.nodes = nodes
	for _, w := range z.watch {
		w <- event
	}
	z.watch = nil
}

func TestZKDetector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := newZKDetector(&Config{Masters: "zk://u:p@h/mesos", Logger: newLogger(t)})
		if err != nil {
			t.Fatal(err)
		}
		z := &fakeZK{}
		d.connect = func() (zkConn, error) {
			z.mu.Lock()
			defer z.mu.Unlock()
			if z.conns++; z.conns == 1 {
				return nil, errors.New("no route to host")
			}
			return z, nil
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); d.run(ctx) }()

		// Nothing there yet: the driver waits, and the detector looks again.
		leaders := make(chan *url.URL)
		next := func() (*url.URL, <-chan struct{}) {
			m, lost, err := d.leader(ctx)
			if err != nil {
				t.Error(err)
			}
			return m, lost
		}
		go func() { m, _ := next(); leaders <- m }()
		time.Sleep(time.Minute)
		select {
		case m := <-leaders:
			t.Errorf("leader %v", m)
		default:
		}

		m1, m2, m3 := masterInfo("m1", "10.0.0.1", 5050), masterInfo("m2", "10.0.0.2", 5050), masterInfo("m3", "10.0.0.3", 5060)
		child := zk.Event{Type: zk.EventNodeChildrenChanged}
		z.set(map[string][]byte{"json.info_0000000007": m2, "json.info_0000000003": m1, "log_replicas": nil}, child)
		if m := <-leaders; m.String() != "http://10.0.0.1:5050" {
			t.Errorf("leader %v", m)
		}
		_, lost := next()

		// Neither a new candidate nor an empty election nor a lost session ends the leader's subscription.
		z.set(map[string][]byte{"json.info_0000000007": m2, "json.info_0000000003": m1, "json.info_0000000009": m3}, child)
		z.set(map[string][]byte{}, child)
		z.set(map[string][]byte{"json.info_0000000003": m1, "json.info_0000000007": m2}, zk.Event{Type: zk.EventNotWatching, Err: zk.ErrSessionExpired})
		synctest.Wait()
		select {
		case <-lost:
			t.Error("the leader counts as lost")
		default:
		}

		z.set(map[string][]byte{"json.info_0000000007": m2}, child)
		<-lost
		if m, _ := next(); m.String() != "http://10.0.0.2:5050" {
			t.Errorf("leader %v", m)
		}
		if !d.knows("10.0.0.1:5050") || !d.knows("10.0.0.2:5050") || d.knows("10.0.0.3:5060") {
			t.Error("the masters that may see credentials are those that have led")
		}
		cancel()
		<-done
		if diff := cmp.Diff([]string{"digest u:p"}, z.auth); diff != "" || z.conns != 2 || z.closed != 1 {
			t.Errorf("%d connections, %d closed, credentials (-want +got):\n%s", z.conns, z.closed, diff)
		}
	})
}

// TestLeaderChange: a new leader ends the subscription with the old one, without waiting for its silence.
func TestLeaderChange(t *testing.T) {
	first, second := newScriptedMaster(t), newScriptedMaster(t)
	z := &fakeZK{nodes: map[string][]byte{}}
	d := startWith(t, Config{Masters: "zk://h/mesos"}, "", func(d *Driver) {
		d.masters.(*zkDetector).connect = func() (zkConn, error) { return z, nil }
	})
	node := func(m *scriptedMaster) []byte {
		u, _ := url.Parse(m.url)
		port, _ := strconv.Atoi(u.Port())
		return masterInfo("localhost", "127.0.0.1", port)
	}
	child := zk.Event{Type: zk.EventNodeChildrenChanged}
	z.set(map[string][]byte{"json.info_0": node(first), "json.info_1": node(second)}, child)
	first.next().send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: first.url})
	z.set(map[string][]byte{"json.info_1": node(second)}, child)
	if err := d.disconnected(); !errors.Is(err, errLeaderChanged) {
		t.Errorf("disconnected: %v", err)
	}
	second.next().send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: second.url})
}

// TestRealZooKeeper follows an election in the ZooKeeper that SPILLWAY_TEST_ZOOKEEPER names ("host:2181").
func TestRealZooKeeper(t *testing.T) {
	server := os.Getenv("SPILLWAY_TEST_ZOOKEEPER")
	if server == "" {
		t.Skip("no ZooKeeper: SPILLWAY_TEST_ZOOKEEPER names one, such as 127.0.0.1:2181")
	}
	conn, _, err := zk.Connect([]string{server}, 5*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	path := fmt.Sprintf("/spillway-test-%d", time.Now().UnixNano())
	acl := zk.DigestACL(zk.PermAll, "u", "p/@:")
	if err := conn.AddAuth("digest", []byte("u:p/@:")); err != nil {
		t.Fatal(err)
	}
	stand := func(m *scriptedMaster) string {
		u, _ := url.Parse(m.url)
		port, _ := strconv.Atoi(u.Port())
		node, err := conn.Create(path+"/"+zkPrefix, masterInfo("localhost", "127.0.0.1", port), zk.FlagEphemeral|zk.FlagSequence, acl)
		if err != nil {
			t.Fatal(err)
		}
		return node
	}
	first, second := newScriptedMaster(t), newScriptedMaster(t)
	line := newCuttable(t, server)
	// ZooKeeper's client logs even after it was closed, when the test's own log is.
	d := start(t, Config{Masters: "zk://u:p/@:@" + line.address() + path, Logger: slog.New(slog.DiscardHandler)}, "")
	if _, err := conn.Create(path, nil, 0, acl); err != nil {
		t.Fatal(err)
	}
	defer conn.Delete(path, -1)
	node := stand(first)
	defer conn.Delete(stand(second), -1)
	first.next().send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: first.url})
	line.cut() // the connection comes back, with its credentials and its watch
	if err := conn.Delete(node, -1); err != nil {
		t.Fatal(err)
	}
	if err := d.disconnected(); !errors.Is(err, errLeaderChanged) {
		t.Errorf("disconnected: %v", err)
	}
	second.next().send(t, subscribedEvent("f-1"))
	d.expect(Subscribed{FrameworkID: "f-1", Master: second.url})
}

// cuttable passes connections on to a server, until they are cut.
type cuttable struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newCuttable(t *testing.T, server string) *cuttable {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cuttable{Listener: l}
	t.Cleanup(func() { l.Close(); c.cut() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				near.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, near, far)
			c.mu.Unlock()
			go func() { _, _ = io.Copy(far, near); far.Close() }()
			go func() { _, _ = io.Copy(near, far); near.Close() }()
		}
	}()
	return c
}

func (c *cuttable) address() string { return c.Addr().String() }

func (c *cuttable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}
