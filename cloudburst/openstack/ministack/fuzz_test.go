package ministack

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Whatever a body says, a call is answered, and never as a failure of the
// cloud's own.
func FuzzBodies(f *testing.F) {
	c, err := Start(Options{Clock: NewClock(startOfTime), TokenTTL: 1e6 * time.Hour})
	must(f, err)
	f.Cleanup(func() { must(f, c.Close()) })
	c.AddBystander("web", nil)
	token := logIn(f, c).provider.TokenID
	paths := []string{
		"/identity/v3/auth/tokens", "/compute/v2.1/servers", "/compute/v2.1/servers/" + c.servers[0].id + "/action",
		"/compute/v2.1/servers/" + c.servers[0].id + "/metadata", "/compute/v2.1/os-keypairs", "/compute/v2.1/os-server-groups",
		"/networking/v2.0/ports", "/volume/v3/x/volumes",
	}
	for i, body := range []string{
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"burst","password":"x","domain":{"name":"Default"}}}}}}`,
		`{"server":{"name":"one","flavorRef":"` + c.flavors[0].ID + `","imageRef":"` + c.images[0].ID + `","user_data":"aGVsbG8=","networks":"auto","metadata":{"a":"b"}}}`,
		`{"os-getConsoleOutput":{"length":3}}`, `{"metadata":{"a":"b"}}`, `{"keypair":{"name":"a","public_key":"ssh-ed25519 A"}}`,
		`{"server_group":{"name":"g","policies":["affinity"]}}`, `{"port":{"network_id":"` + c.networks[0].id + `","security_groups":[]}}`, `{"volume":{"size":1}}`,
		`{"server":null,"os-stop":[],"metadata":7}`,
	} {
		f.Add(i%len(paths), []byte(body))
	}
	handler := c.handler()
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		if which < 0 {
			which = -(which + 1)
		}
		path := paths[which%len(paths)]
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set("X-Auth-Token", token)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		if answer.Code >= 500 || answer.Code < 200 {
			t.Errorf("%s %q: %d %s", path, body, answer.Code, answer.Body)
		}
		c.opts.Clock.Advance(time.Second)
	})
}
