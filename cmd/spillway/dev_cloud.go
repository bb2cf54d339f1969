package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"text/template"
	"time"

	"github.com/spf13/pflag"

	"github.com/lisa-dpc/spillway/cloudburst/openstack/ministack"
	"github.com/lisa-dpc/spillway/cloudburst/userdata"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// devCloud is the cloud that dev has beside its cluster: an OpenStack whose machines become agents, and the files by which
// any verb that takes --config can use it.
type devCloud struct {
	wanted bool
	vms    int
	boot   time.Duration
	given  *pflag.FlagSet

	stack   *ministack.Cloud
	dir     string
	metrics string // address on which the cloudburst agent's metrics are answered
	agent   sync.WaitGroup
}

func (c *devCloud) flags(f *pflag.FlagSet) {
	c.given = f
	f.BoolVar(&c.wanted, "cloud", false, "have a cloud as well, and a cloudburst agent that boots its machines when tasks wait")
	f.IntVar(&c.vms, "cloud-vms", 6, "how many machines the cloud lets this project have, of at most 4 cpus each")
	f.DurationVar(&c.boot, "cloud-boot", 4*time.Second, "how long a machine of the cloud takes to boot")
}

func (c *devCloud) check() error {
	for _, name := range []string{"cloud-vms", "cloud-boot"} {
		if !c.wanted && c.given.Changed(name) {
			return fmt.Errorf("--%s: it is about the cloud that --cloud starts, which is missing", name)
		}
	}
	if c.vms < 1 {
		return errors.New("--cloud-vms: there must be at least one")
	}
	if c.boot <= 0 {
		return errors.New("--cloud-boot: it takes some time")
	}
	return nil
}

// start starts the cloud, whose machines will be agents of the cluster.
func (c *devCloud) start(dir string, cluster *minimesos.Cluster) (err error) {
	c.dir = dir
	if c.metrics, err = freeLoopback(); err != nil {
		return fmt.Errorf("finding a port for the cloudburst agent's metrics: %w", err)
	}
	quota := ministack.DefaultQuota()
	quota.Instances, quota.Cores = c.vms, 4*c.vms
	c.stack, err = ministack.Start(ministack.Options{
		BuildTime: c.boot / 2, JoinTime: c.boot - c.boot/2, Quota: &quota,
		Boot: ministack.JoinMinimesos(cluster, cluster.Runner(), userdata.Read),
	})
	if err != nil {
		return fmt.Errorf("starting the cloud: %w", err)
	}
	return nil
}

// freeLoopback is an address of this machine's own on which nobody listens at the moment.
func freeLoopback() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// close ends the cloud with its machines.
func (c *devCloud) close() error {
	if c.stack == nil {
		return nil
	}
	return c.stack.Close()
}

// burstFile is where burst.yaml is.
func (c *devCloud) burstFile() string { return filepath.Join(c.dir, "burst.yaml") }

// use has a cloudburst agent use the cloud until ctx ends. If it fails, dev does.
func (c *devCloud) use(ctx context.Context, fail context.CancelCauseFunc, warnings io.Writer, scheduler, master string, log *slog.Logger) {
	if err := c.write(scheduler, master); err != nil {
		fail(err)
		return
	}
	b := bursting{file: c.burstFile()}
	c.agent.Go(func() {
		if err := b.burst(ctx, warnings, log, false); err != nil && ctx.Err() == nil {
			fail(fmt.Errorf("the cloudburst agent: %w", err))
		}
	})
}

// words say that there is a cloud, and how it is looked at.
func (c *devCloud) words() string {
	if !c.wanted {
		return ""
	}
	return fmt.Sprintf("; a cloud of %s beside it, as %s=%s says; the cloudburst agent's metrics are on http://%s/metrics",
		counted(c.vms, "machine"), configVariable, c.burstFile(), c.metrics)
}

// write writes clouds.yaml and burst.yaml for a scheduler and a master.
func (c *devCloud) write(scheduler, master string) error {
	clouds := filepath.Join(c.dir, "clouds.yaml")
	about := struct {
		Auth, ID, Secret, Clouds, Scheduler, Master, Metrics string
		Boot                                                 time.Duration
	}{c.stack.AuthURL(), c.stack.Credentials.ApplicationID, c.stack.Credentials.ApplicationSecret, clouds, scheduler, master, c.metrics,
		max(c.boot, time.Second)}
	for file, text := range map[string]*template.Template{clouds: cloudsTemplate, c.burstFile(): burstTemplate} {
		var b bytes.Buffer
		if err := text.Execute(&b, about); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			return fmt.Errorf("writing the cloud's configuration: %w", err)
		}
	}
	return nil
}

var cloudsTemplate = template.Must(template.New("clouds.yaml").Parse(`clouds:
  dev:
    auth_type: v3applicationcredential
    auth: {auth_url: "{{.Auth}}", application_credential_id: "{{.ID}}", application_credential_secret: "{{.Secret}}"}
`))

var burstTemplate = template.Must(template.New("burst.yaml").Parse(`# The cloud of spillway dev; docs/burst.md says what all this means.
cluster: dev
scheduler: {url: "{{.Scheduler}}"}
mesos: {masters: ["{{.Master}}"]}
listen: "{{.Metrics}}" # where /metrics is; a free port, another one each time
interval: 1s
wait_value: 1
clouds:
  dev: {file: "{{.Clouds}}", vcpu_price: 0.025}
pools:
  burst:
    flavors: [{name: m1.large}, {name: m1.medium}]
    image: {name: tiny}
    networks: [burst-net]
    boot_time: {{.Boot}}
    idle: 3s
    agent: {install: prebuilt, reserve: {mem: 0MiB, disk: 0MiB}} # its machines have no system that wants some
`))
