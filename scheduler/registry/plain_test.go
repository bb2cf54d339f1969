package registry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/registry"
)

// TestCheckOfAServerThatIsNoRegistry: that what answers is no registry is found at the step that asks for one, not at TLS,
// which plain HTTP does not have.
func TestCheckOfAServerThatIsNoRegistry(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	report := newClient(t, registry.Config{}).Check(t.Context(), strings.TrimPrefix(server.URL, "http://")+"/x")
	last := report.Steps[len(report.Steps)-1]
	if report.Fault != registry.NoRegistryFault || last.Name != "registry" || last.OK {
		t.Errorf("%+v", report)
	}
}
