package mesos

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestConfigErrors(t *testing.T) {
	cases := []struct {
		cfg  Config
		want string
	}{
		{Config{}, "no Mesos master is given"},
		{Config{Masters: "ftp://m"}, "write http://"},
		{Config{Masters: "http://"}, "has no host"},
		{Config{Masters: "http://m:5050/path"}, "only scheme, host and port"},
		{Config{Masters: "http://user:s3cret@m"}, "by their own settings"},
		{Config{Masters: "http://m:port"}, "is not a URL"},
		{Config{Masters: "zk://h:2181"}, "lacks the masters' path"},
		{Config{Masters: "zk://user:s3cret@/mesos"}, "lacks a host"},
		{Config{Masters: "zk://user@h/mesos"}, "user:password"},
		{Config{Masters: "m", Codec: "xml"}, "protobuf or json"},
		{Config{Masters: "m", FailoverTimeout: -1}, "failover timeout"},
		{Config{Masters: "m", BackoffMin: time.Hour}, "backoff"},
		{Config{Masters: "m", AckLanes: -1}, "lanes"},
		{Config{Masters: "m", Secret: "s3cret"}, "without a principal"},
		{Config{Masters: "m", CertFile: "c"}, "key file"},
		{Config{Masters: "m", CAFile: "/nowhere"}, "reading the CA file"},
		{Config{Masters: "m", CAFile: "config_test.go"}, "holds no certificate"},
		{Config{Masters: "m", CertFile: "/nowhere", KeyFile: "/nowhere"}, "client certificate"},
		{Config{Masters: "m", Roles: []string{"a", "a"}}, "given twice"},
		{Config{Masters: "m", Roles: []string{"a/../b"}}, `".." cannot be a part`},
		{Config{Masters: "m", Roles: []string{"a//b"}}, "slash"},
		{Config{Masters: "m", Roles: []string{"a/*"}}, `"*" cannot be a part`},
		{Config{Masters: "m", Roles: []string{"-a"}}, "dash"},
		{Config{Masters: "m", Roles: []string{"a b"}}, "blanks"},
	}
	for _, c := range cases {
		_, err := New(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want one with %q", c.cfg, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("a secret is in the error: %v", err)
		}
	}
}

func TestConfigHidesSecrets(t *testing.T) {
	cfg := Config{Masters: "zk://user:s3/c@ret@h:2181/mesos", Principal: "p", Secret: "s3cret"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("settings", "cfg", cfg)
	for _, text := range []string{log.String(), fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg)} {
		if strings.Contains(text, "s3") || strings.Contains(text, "ret@") || !strings.Contains(text, "h:2181/mesos") {
			t.Errorf("written as %s", text)
		}
	}
}

func TestMasterAddresses(t *testing.T) {
	cases := []struct {
		masters string
		tls     bool
		want    string
	}{
		{"m", false, "http://m:5050"},
		{"m:80", true, "https://m:80"},
		{"http://m/", true, "http://m:5050"},
		{"https://[::1]:443, http://10.0.0.1", false, "https://[::1]:443 http://10.0.0.1:5050"},
	}
	for _, c := range cases {
		d, err := newListDetector(&Config{Masters: c.masters, TLS: c.tls})
		if err != nil {
			t.Errorf("%s: %v", c.masters, err)
			continue
		}
		var got []string
		for _, m := range d.masters {
			got = append(got, m.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.masters, got, c.want)
		}
	}
}
