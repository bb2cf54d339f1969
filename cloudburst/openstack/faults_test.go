package openstack_test

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
)

// TestBootAmongFaults has one thing go wrong at a time, and always ends with what it says: a server, and only one, or none
// and an error, and nothing left of it.
func TestBootAmongFaults(t *testing.T) {
	unavailable, broken := ministack.Fault{Effect: ministack.Unavailable}, ministack.Fault{Effect: ministack.Break}
	done := func(f ministack.Fault) ministack.Fault { f.Done = true; return f }
	rate := ministack.Fault{Effect: ministack.TooMany, RetryAfter: 7 * time.Second}
	for _, each := range []struct {
		name  string
		kind  ministack.Kind
		times int
		fault ministack.Fault
		want  openstack.Kind // empty: it boots
		posts int            // servers that were asked for
	}{
		{"503 though it was made", ministack.CreateServer, 1, done(unavailable), "", 1},
		{"connection broken after it was made", ministack.CreateServer, 1, done(broken), "", 1},
		{"503 and not made", ministack.CreateServer, 1, unavailable, openstack.Unclear, 1},
		{"connection broken before", ministack.CreateServer, 1, broken, openstack.Unclear, 1},
		{"quota of servers", ministack.CreateServer, 1, ministack.Fault{Effect: ministack.OverQuota}, openstack.Quota, 1},
		{"rate of servers", ministack.CreateServer, 1, rate, openstack.RateLimit, 1},
		{"port's 503 though it was made", ministack.CreatePort, 1, done(unavailable), "", 1},
		{"port's connection broken", ministack.CreatePort, 1, broken, "", 1},
		{"port's 503 for long", ministack.CreatePort, 9, unavailable, openstack.Unclear, 0},
		{"quota of ports", ministack.CreatePort, 1, ministack.Fault{Effect: ministack.OverQuota}, openstack.Quota, 0},
		{"rate of ports", ministack.CreatePort, 1, rate, openstack.RateLimit, 0},
		{"volume's 503 though it was made", ministack.CreateVolume, 1, done(unavailable), "", 1},
		{"volume's connection broken", ministack.CreateVolume, 2, broken, "", 1},
		{"quota of volumes", ministack.CreateVolume, 1, ministack.Fault{Effect: ministack.OverQuota}, openstack.Quota, 0},
		{"no look at all", ministack.ListServers, 9, unavailable, openstack.Unclear, 0},
		{"token expired at the port", ministack.CreatePort, 1, ministack.Fault{Effect: ministack.Expire}, "", 1},
		{"token expired at the server", ministack.CreateServer, 1, ministack.Fault{Effect: ministack.Expire}, "", 1},
		{"no host", ministack.CreateServer, 1, ministack.Fault{Effect: ministack.NoHost}, "", 1},
	} {
		t.Run(each.name, func(t *testing.T) {
			mini := startMini(t, ministack.Options{})
			cloud := connect(t, miniConfig(t, mini))
			machine := machineOn(t, cloud)
			machine.Volume = &openstack.Volume{SizeGiB: 1}
			mini.ForgetCalls()
			mini.Fail(each.kind, each.times, each.fault)
			server, err := cloud.Boot(context.Background(), openstack.Boot{Cluster: ours, Intent: "a-0000000001", Machine: machine})
			mini.Heal()
			if openstack.KindOf(err) != each.want || each.want == "" && server.ID == "" {
				t.Fatalf("server %+v, error %v", server, err)
			}
			if posts := mini.Count(ministack.CreateServer); each.fault.Effect != ministack.Expire && posts != each.posts {
				t.Errorf("%d servers were asked for, want %d", posts, each.posts)
			}
			left, err := cloud.Leftovers(context.Background(), ours)
			if want := map[bool]int{true: 3, false: 0}[each.want == ""]; err != nil || len(left) != want {
				t.Errorf("there are %+v, %v", left, err)
			}
		})
	}
}

// TestRateLimit says when to come back, and is not asked again before.
func TestRateLimit(t *testing.T) {
	mini := startMini(t, ministack.Options{})
	cloud := connect(t, miniConfig(t, mini))
	mini.ForgetCalls()
	mini.FailAtRandom(1, []ministack.Fault{{Effect: ministack.TooMany, RetryAfter: 7 * time.Second}})
	_, err := cloud.Servers(context.Background(), ours)
	if typed, ok := err.(*openstack.Error); !ok || typed.Kind != openstack.RateLimit || typed.After != 7*time.Second {
		t.Errorf("%#v", err)
	}
	if n := mini.Count(ministack.ListServers); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestDeleteAmongFaults deletes in the end what does not go at first.
func TestDeleteAmongFaults(t *testing.T) {
	for name, fault := range map[string]ministack.Fault{
		"ignored":           {Effect: ministack.Ignore},
		"busy":              {Effect: ministack.Conflict},
		"503":               {Effect: ministack.Unavailable},
		"503 though it was": {Effect: ministack.Unavailable, Done: true},
		"broken":            {Effect: ministack.Break},
		"expired":           {Effect: ministack.Expire},
		"port stays":        {Effect: ministack.PortStays},
	} {
		t.Run(name, func(t *testing.T) {
			mini := startMini(t, ministack.Options{})
			cloud := connect(t, miniConfig(t, mini))
			machine := machineOn(t, cloud)
			machine.Volume = &openstack.Volume{SizeGiB: 1}
			server, err := cloud.Boot(context.Background(), openstack.Boot{Cluster: ours, Intent: "a-0000000001", Machine: machine})
			if err != nil {
				t.Fatal(err)
			}
			times := 2
			if fault.Effect == ministack.Expire {
				times = 1 // a call is made again once
			}
			mini.Fail(ministack.DeleteServer, times, fault)
			if fault.Effect != ministack.PortStays {
				mini.Fail(ministack.DeletePort, times, fault)
				mini.Fail(ministack.DeleteVolume, times, fault)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := cloud.Delete(ctx, ours, "a-0000000001", server.ID); err != nil {
				t.Error(err)
			}
			mini.Heal()
			if left, err := cloud.Leftovers(context.Background(), ours); err != nil || len(left) > 0 {
				t.Errorf("left: %+v, %v", left, err)
			}
		})
	}
}

// TestTokensThatExpire has 200 calls at a time, and tokens that are good for two seconds of the cloud's clock.
func TestTokensThatExpire(t *testing.T) {
	clock := ministack.NewClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	mini := startMini(t, ministack.Options{Clock: clock, TokenTTL: 2 * time.Second})
	cloud := connect(t, miniConfig(t, mini))
	mini.ForgetCalls()
	for expiry := 1; expiry <= 10; expiry++ {
		clock.Advance(2 * time.Second)
		var calls sync.WaitGroup
		for range 200 {
			calls.Go(func() {
				if _, err := cloud.Servers(context.Background(), ours); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if n := mini.Count(ministack.CreateToken); n != expiry {
			t.Fatalf("%d token requests after %d expiries", n, expiry)
		}
	}
}

// TestTokensThatExpireAtAnyTime lets the clock go on while 200 callers ask as fast as they can.
func TestTokensThatExpireAtAnyTime(t *testing.T) {
	clock := ministack.NewClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	mini := startMini(t, ministack.Options{Clock: clock, TokenTTL: 2 * time.Second})
	cloud := connect(t, miniConfig(t, mini))
	mini.ForgetCalls()
	const callers, each, expiries = 200, 10, 5
	done := make(chan struct{}, callers*each)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				// A call is made again once only, so one whose two tokens both expire on the way is denied.
				if _, err := cloud.Servers(context.Background(), ours); err != nil && openstack.KindOf(err) != openstack.Denied {
					t.Error(err)
				}
				done <- struct{}{}
			}
		})
	}
	for n := 1; n <= callers*each; n++ {
		<-done
		if n%(callers*each/expiries) == 0 {
			clock.Advance(2 * time.Second)
		}
	}
	all.Wait()
	if n := mini.Count(ministack.CreateToken); n == 0 || n > expiries {
		t.Errorf("%d token requests in %d expiries", n, expiries)
	}
}

func TestKeystoneAway(t *testing.T) {
	mini := startMini(t, ministack.Options{})
	config := miniConfig(t, mini)
	cloud := connect(t, config)
	mini.Fail(ministack.CreateToken, 1, ministack.Fault{Effect: ministack.Unavailable})
	mini.Fail(ministack.ListServers, 1, ministack.Fault{Effect: ministack.Expire})
	if _, err := cloud.Servers(context.Background(), ours); openstack.KindOf(err) != openstack.Unclear || !strings.Contains(err.Error(), "renewing the token") {
		t.Errorf("%v", err)
	}
	mini.Fail(ministack.CreateToken, 1, ministack.Fault{Effect: ministack.Break})
	if _, err := openstack.Connect(context.Background(), config); openstack.KindOf(err) != openstack.Unclear {
		t.Errorf("%v", err)
	}
}

func TestLogins(t *testing.T) {
	mini := startMini(t, ministack.Options{})
	config := miniConfig(t, mini)
	with := func(change func(*openstack.Config)) openstack.Config {
		c := config
		change(&c)
		return c
	}
	for _, each := range []struct {
		name   string
		config openstack.Config
		kind   openstack.Kind
		part   string
	}{
		{"wrong password", with(func(c *openstack.Config) { c.Entry = "stranger" }), openstack.Denied, "requires authentication"},
		{"no password", with(func(c *openstack.Config) { c.Entry = "forgetful" }), openstack.Invalid, "password"},
		{"no such entry", with(func(c *openstack.Config) { c.Entry = "nobody" }), openstack.Invalid, `"nobody" not found`},
		{"no such file", with(func(c *openstack.Config) { c.File = "/nonexistent/clouds.yaml" }), openstack.Invalid, "/nonexistent/clouds.yaml"},
		{"no such region", with(func(c *openstack.Config) { c.Region = "Atlantis" }), openstack.NotFound, "Atlantis"},
		{"no such authority", with(func(c *openstack.Config) { c.CAFile = "/nonexistent/ca.pem" }), openstack.Invalid, "/nonexistent/ca.pem"},
	} {
		_, err := openstack.Connect(context.Background(), each.config)
		if openstack.KindOf(err) != each.kind || err != nil && !strings.Contains(err.Error(), each.part) {
			t.Errorf("%s: %v", each.name, err)
		}
	}
	gone := startMini(t, ministack.Options{})
	config = miniConfig(t, gone)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openstack.Connect(context.Background(), config); openstack.KindOf(err) != openstack.Unclear {
		t.Errorf("no server: %v", err)
	}
}

// TestEnvironment logs in by the variables of an openrc file: those of Horizon's, and an application credential's.
func TestEnvironment(t *testing.T) {
	mini := startMini(t, ministack.Options{})
	for name, variables := range map[string]map[string]string{
		"Horizon's": {
			"OS_USERNAME": "burst", "OS_PASSWORD": mini.Credentials.Password, "OS_PROJECT_NAME": "lisa-dpc",
			"OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_ID": "default", "OS_REGION_NAME": "RegionOne", "OS_INTERFACE": "public",
		},
		"a credential's": {
			"OS_AUTH_TYPE": "v3applicationcredential", "OS_APPLICATION_CREDENTIAL_ID": mini.Credentials.ApplicationID,
			"OS_APPLICATION_CREDENTIAL_SECRET": mini.Credentials.ApplicationSecret,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OS_CLOUD", "")
			t.Setenv("OS_AUTH_URL", mini.AuthURL())
			for key, value := range variables {
				t.Setenv(key, value)
			}
			if _, err := connect(t, openstack.Config{}).Limits(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	t.Setenv("OS_CLOUD", "")
	t.Setenv("OS_AUTH_URL", "")
	if _, err := openstack.Connect(context.Background(), openstack.Config{}); openstack.KindOf(err) != openstack.Invalid || !strings.Contains(err.Error(), "OS_AUTH_URL") {
		t.Errorf("nothing said: %v", err)
	}
	t.Setenv("OS_CLIENT_CONFIG_FILE", cloudsYAML(t, mini))
	t.Setenv("OS_CLOUD", "burst")
	connect(t, openstack.Config{})
}

// TestCertificates has a Keystone behind a proxy whose certificate is not of a known authority.
func TestCertificates(t *testing.T) {
	mini := startMini(t, ministack.Options{})
	behind, err := url.Parse(mini.AuthURL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: behind.Scheme, Host: behind.Host}))
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that fail on purpose
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	folder := t.TempDir()
	authority := filepath.Join(folder, "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `clouds: {burst: {auth: {auth_url: "` + proxy.URL + behind.Path + `", username: burst, password: "` + mini.Credentials.Password +
		`", project_name: lisa-dpc, user_domain_name: Default, user_domain_id: default}}}`
	config := openstack.Config{Entry: "burst", File: filepath.Join(folder, "clouds.yaml")}
	if err := os.WriteFile(config.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openstack.Connect(context.Background(), config); openstack.KindOf(err) != openstack.Invalid || !strings.Contains(err.Error(), "cacert") {
		t.Errorf("unknown authority: %v", err)
	}
	config.CAFile = authority
	connect(t, config)
}
