package openstack_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/quotasets"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/lisa-dpc/spillway/cloudburst/openstack"
	"github.com/lisa-dpc/spillway/cloudburst/openstack/cloudtest"
	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
)

const quick = 5 * time.Millisecond

// startMini starts an embedded cloud whose machines do everything at once.
func startMini(t *testing.T, options ministack.Options) *ministack.Cloud {
	t.Helper()
	options.BuildTime = cmp.Or(options.BuildTime, quick)
	options.ActionTime = cmp.Or(options.ActionTime, quick)
	mini, err := ministack.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mini.Close(); err != nil {
			t.Error(err)
		}
	})
	return mini
}

// cloudsYAML writes the file with which one logs in at an embedded cloud.
func cloudsYAML(t *testing.T, mini *ministack.Cloud) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	text := fmt.Sprintf(`clouds:
  burst:
    auth: {auth_url: %[1]q, username: burst, password: %[2]q, project_name: lisa-dpc, user_domain_name: Default, project_domain_id: default}
    region_name: RegionOne
  burst-id:
    auth_type: v3applicationcredential
    auth: {auth_url: %[1]q, application_credential_id: %[4]q, application_credential_secret: %[5]q}
  burst-name:
    auth: {auth_url: %[1]q, application_credential_name: burst-appcred, username: burst, user_domain_name: Default,
           application_credential_secret: %[5]q}
  admin:
    auth: {auth_url: %[1]q, username: admin, password: %[3]q, project_name: service, user_domain_name: Default, project_domain_name: Default}
  stranger:
    auth: {auth_url: %[1]q, username: burst, password: wrong, project_name: lisa-dpc, user_domain_name: Default}
  forgetful:
    auth: {auth_url: %[1]q, username: burst, project_name: lisa-dpc, user_domain_name: Default}
`, mini.AuthURL(), mini.Credentials.Password, mini.Credentials.AdminPassword, mini.Credentials.ApplicationID, mini.Credentials.ApplicationSecret)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// miniConfig is how an ordinary user logs in at an embedded cloud.
func miniConfig(t *testing.T, mini *ministack.Cloud) openstack.Config {
	t.Helper()
	return openstack.Config{Entry: "burst", File: cloudsYAML(t, mini), Poll: quick, UserAgent: "spillway/test"}
}

func connect(t *testing.T, config openstack.Config) *openstack.Cloud {
	t.Helper()
	connected, err := openstack.Connect(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	return connected
}

func TestMinistack(t *testing.T) {
	mini := startMini(t, ministack.Options{MaxLimit: 2})
	config := miniConfig(t, mini)
	admin := config
	admin.Entry = "admin"
	cloudtest.Run(t, cloudtest.Target{
		Config: config, Admin: admin, Others: []string{"burst-id", "burst-name"}, Volumes: true,
		Full: func(t *testing.T) *openstack.Cloud {
			none := startMini(t, ministack.Options{Quota: &ministack.Quota{Instances: 0, Cores: 1, RAM: 1000, Ports: 10}})
			return connect(t, miniConfig(t, none))
		},
	})
}

// TestRealOpenStack runs against the cloud of a clouds.yaml that .ci/openstack makes.
func TestRealOpenStack(t *testing.T) {
	file := os.Getenv("SPILLWAY_TEST_OPENSTACK")
	if file == "" {
		t.Skip("SPILLWAY_TEST_OPENSTACK names no clouds.yaml of a real OpenStack")
	}
	config := openstack.Config{Entry: "burst", File: file, Poll: 200 * time.Millisecond, UserAgent: "spillway/test"}
	admin := config
	admin.Entry = "admin"
	cloudtest.Run(t, cloudtest.Target{
		Config: config, Admin: admin, Others: []string{"burst-appcred"},
		Full: func(t *testing.T) *openstack.Cloud {
			allowNone(t, admin)
			return connect(t, admin)
		},
	})
}

// allowNone lets the administrator's own project, in which there is nothing else, have no server while the test runs.
func allowNone(t *testing.T, admin openstack.Config) {
	t.Helper()
	ctx := context.Background()
	who, where, tls, err := clouds.Parse(clouds.WithCloudName(admin.Entry), clouds.WithLocations(admin.File))
	if err != nil {
		t.Fatal(err)
	}
	client, err := config.NewProviderClient(ctx, who, config.WithTLSConfig(tls))
	if err != nil {
		t.Fatal(err)
	}
	project, err := client.GetAuthResult().(tokens.CreateResult).ExtractProject()
	if err != nil {
		t.Fatal(err)
	}
	compute, err := cloud.NewComputeV2(client, where)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := quotasets.Update(ctx, compute, project.ID, quotasets.UpdateOpts{Instances: gophercloud.IntToPointer(0)}).Extract(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := quotasets.Delete(ctx, compute, project.ID).Err; err != nil {
			t.Error(err)
		}
	})
}
