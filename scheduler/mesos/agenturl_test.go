package mesos

import (
	"testing"

	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
)

func TestAgentURL(t *testing.T) {
	address := func(scheme, ip, host string, port int32) *mesosgo.URL {
		u := &mesosgo.URL{Scheme: scheme, Address: mesosgo.Address{Port: port}, Path: ptr("/slave(1)")}
		if ip != "" {
			u.Address.IP = &ip
		}
		if host != "" {
			u.Address.Hostname = &host
		}
		return u
	}
	for _, c := range []struct {
		url  *mesosgo.URL
		want string
	}{
		{address("http", "10.0.0.7", "node7", 5051), "http://10.0.0.7:5051"},
		{address("https", "10.0.0.7", "node7", 5051), "https://node7:5051"},
		{address("https", "10.0.0.7", "", 5051), "https://10.0.0.7:5051"},
		{address("http", "", "node7", 5051), "http://node7:5051"},
		{address("http", "fd00::7", "", 5051), "http://[fd00::7]:5051"},
		{address("http", "", "", 5051), ""},
		{address("http", "10.0.0.7", "", 0), ""},
		{address("", "10.0.0.7", "", 5051), ""},
		{nil, ""},
	} {
		if got := agentURL(c.url); got != c.want {
			t.Errorf("%v: %q, want %q", c.url, got, c.want)
		}
	}
}
