package ministack

import (
	"net/http"
	"strings"
	"testing"
)

// What Nova and Neutron of the Zed release answered to bad requests is
// answered here as well, word for word.
func TestRefusals(t *testing.T) {
	c := start(t, Options{})
	k := logIn(t, c)
	const stranger = "a3c3a5c2-1111-4444-8888-d1a3c3a5c211"
	words := strings.NewReplacer("$flavor", k.flavor("m1.nano"), "$image", c.images[0].ID, "$net", c.networks[0].id, "$stranger", stranger,
		"$user", c.users[1].id, "$long", strings.Repeat("A", 65536))
	server := func(more string) string {
		return `{"server":{"name":"ms-1","flavorRef":"$flavor","imageRef":"$image"` + more + `}}`
	}
	const ports, networks = "/networking/v2.0/ports", "/networking/v2.0/networks"
	for _, test := range []struct {
		method, path, body string
		code               int
		message            string // how it begins
	}{
		{"POST", "servers", `{x`, 400, "Malformed request body"},
		{"POST", "servers", `{"bogus":1}`, 400, "'server' is a required property"},
		{"POST", "servers", `{"server":{"name":"","flavorRef":"$flavor","imageRef":"$image"}}`, 400, "Invalid input for field/attribute name. Value: . '' is too short"},
		{"POST", "servers", `{"server":{"name":"ms-1","imageRef":"$image"}}`, 400, "Invalid input for field/attribute server. Value: "},
		{"POST", "servers", `{"server":{"name":"ms-1","flavorRef":"nope","imageRef":"$image"}}`, 400, "Flavor nope could not be found."},
		{"POST", "servers", `{"server":{"name":"ms-1","flavorRef":"$flavor","imageRef":"y"}}`, 400, "Invalid input for field/attribute imageRef. Value: y. 'y' is not valid under any of the given schemas"},
		{"POST", "servers", `{"server":{"name":"ms-1","flavorRef":"$flavor","imageRef":"$stranger"}}`, 400, "Can not find requested image"},
		{"POST", "servers", `{"server":{"name":"ms-1","flavorRef":"$flavor","imageRef":""}}`, 400, "Missing imageRef attribute"},
		{"POST", "servers", server(`,"key_name":"nope"`), 400, "Invalid key_name provided."},
		{"POST", "servers", server(`,"availability_zone":"mars"`), 400, "The requested availability zone is not available"},
		{"POST", "servers", server(`,"security_groups":[{"name":"nope"}]`), 400, "Unable to find security_group with name or id 'nope'"},
		{"POST", "servers", server(`,"metadata":{"a":1}`), 400, "Invalid input for field/attribute "},
		{"POST", "servers", server(`,"networks":[{"uuid":"$stranger"}]`), 400, "Network $stranger could not be found."},
		{"POST", "servers", server(`,"networks":[{"port":"$stranger"}]`), 400, "Port id $stranger could not be found."},
		{"POST", "servers", server(`,"networks":[{"uuid":"zz"}]`), 400, "Invalid input for field/attribute uuid. Value: zz."},
		{"POST", "servers", server(`,"min_count":20`), 403, "Quota exceeded for instances: Requested 20, but already used 0 of 10 instances"},
		{"POST", "servers", server(`,"frob":1`), 400, "Invalid input for field/attribute server. Value: "},
		{"POST", "servers", server(`,"tags":["a"]`), 400, "Invalid input for field/attribute server. Value: "},
		{"POST", "servers", server(`,"user_data":"a"`), 400, "Invalid input for field/attribute user_data. Value: a. 'a' is not a 'base64'"},
		{"POST", "servers", server(`,"user_data":"$long"`), 400, "Invalid input for field/attribute user_data. Value: AAAA"},
		{"POST", "servers", `{"server":{"name":"ms-1","flavorRef":"$flavor","imageRef":"$image"},"os:scheduler_hints":{"group":"$stranger"}}`, 400, "Instance group $stranger could not be found."},
		{"GET", "servers/$stranger", ``, 404, "Instance $stranger could not be found."},
		{"DELETE", "servers/$stranger", ``, 404, "Instance $stranger could not be found."},
		{"GET", "servers/detail?all_tenants=1", ``, 403, "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed."},
		{"GET", "servers/detail?changes-since=zz", ``, 400, "Invalid input for query parameters changes-since. Value: zz. 'zz' is not a 'date-time'"},
		{"POST", "servers/$stranger/action", `{"frob":null}`, 400, "There is no such action: frob"},
		{"POST", "servers/$stranger/action", `{"os-stop":null,"os-start":null}`, 400, "Malformed request body"},
		{"GET", "flavors/nope", ``, 404, "Flavor nope could not be found."},
		{"GET", "os-keypairs/nope", ``, 404, "Keypair nope not found for user $user"},
		{"POST", "os-server-groups", `{"server_group":{"name":"g","policies":["soft-anti-affinity"]}}`, 400, "Invalid input for field/attribute 0. Value: soft-anti-affinity. 'soft-anti-affinity' is not one of ['anti-affinity', 'affinity']"},
		{"GET", "os-server-groups/nope", ``, 404, "Instance group nope could not be found."},
		{"POST", ports, `{x`, 400, "Body contains invalid data"},
		{"POST", ports, `{"port":{}}`, 400, "Failed to parse request. Required attribute 'network_id' not specified"},
		{"POST", ports, `{"port":{"network_id":"nope"}}`, 400, "Invalid input for network_id. Reason: 'nope' is not a valid UUID."},
		{"POST", ports, `{"port":{"network_id":"$stranger"}}`, 404, "Network $stranger could not be found."},
		{"POST", ports, `{"port":{"network_id":"$net","security_groups":["nope"]}}`, 400, "Invalid input for security_groups. Reason: 'nope' is not a valid UUID."},
		{"POST", ports, `{"port":{"network_id":"$net","security_groups":["$stranger"]}}`, 404, "Security group $stranger does not exist"},
		{"GET", ports + "/nope", ``, 404, "Port nope could not be found."},
		{"DELETE", ports + "/nope", ``, 404, "Port nope could not be found."},
		{"GET", networks + "/nope", ``, 404, "Network nope could not be found."},
		{"GET", networks + "?foo=bar", ``, 400, "['foo'] is invalid attribute for filtering"},
		{"POST", "/identity/v3/auth/tokens", `{}`, 400, "Expecting to find auth in request body. The server could not comply"},
		{"POST", "/identity/v3/auth/tokens", `{"auth":{"identity":{"methods":["magic"]}}}`, 400, "Expecting to find magic in identity."},
		{"POST", "/identity/v3/auth/tokens", `{"auth":{"identity":{"methods":["token"],"token":{"id":"bad"}}}}`, 404, "Could not recognize Fernet token"},
	} {
		code, body := k.raw(test.method, words.Replace(test.path), words.Replace(test.body))
		if message := messageOf(body); code != test.code || !strings.HasPrefix(message, words.Replace(test.message)) {
			t.Errorf("%s %s %.200s:\n got %d %.300s\nwant %d %s", test.method, test.path, test.body, code, message, test.code, test.message)
		}
	}
	if got := c.Servers(); len(got) != 0 {
		t.Errorf("refused calls made servers: %v", got)
	}
}

// Each service says in its own form that a token is not good.
func TestUnauthorized(t *testing.T) {
	c := start(t, Options{})
	for path, want := range map[string]string{
		"/compute/v2.1/servers":     `{"error":{"code":401,"message":"` + needsAuthentication + `","title":"Unauthorized"}}`,
		"/networking/v2.0/networks": `{"error":{"code":401,"message":"` + needsAuthentication + `","title":"Unauthorized"}}`,
		"/identity/v3/auth/catalog": `{"error":{"code":401,"message":"` + needsAuthentication + `","title":"Unauthorized"}}`,
		"/image/v2/images":          "<html>",
	} {
		k := logIn(t, c)
		k.provider.TokenID = "bad"
		code, body := k.raw(http.MethodGet, path, "")
		if code != http.StatusUnauthorized || !strings.HasPrefix(body, want) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}
