package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	moby "github.com/moby/moby/client"
	"github.com/spf13/pflag"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
	"github.com/lisa-dpc/spillway/scheduler/registry"
)

// registryFlags are those about how registries are asked.
func registryFlags(f *pflag.FlagSet, c *registry.Config) {
	f.StringVar(&c.DockerConfig, "registry-config", "",
		"Docker configuration file (config.json) with credentials for registries (default: the one that docker login writes)")
	f.StringArrayVar(&c.CAs, "registry-ca", nil,
		"certificate authorities (PEM) of private registries, a file or a folder such as /etc/docker/certs.d; may be repeated")
	f.StringArrayVar(&c.PlainHTTP, "registry-http", nil, "a registry, host or host:port, that may be asked without TLS; may be repeated")
}

// imageFlags say whether and how the tags of images are resolved to digests.
type imageFlags struct {
	pin    bool
	config registry.Config
}

func (i *imageFlags) add(f *pflag.FlagSet) {
	f.BoolVar(&i.pin, "pin-images", true, "when a run is accepted, ask the registries for the digests of its images, and run these")
	registryFlags(f, &i.config)
}

// resolver is nil if images run as they are written.
func (i *imageFlags) resolver(log *slog.Logger) (httpapi.Images, error) {
	if !i.pin {
		return nil, nil
	}
	cfg := i.config
	cfg.Log, cfg.UserAgent = log, userAgent()
	resolver, err := registry.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("%w (--registry-config, --registry-ca and --registry-http say how registries are asked)", err)
	}
	return resolver, nil
}

func userAgent() string { return "spillway/" + version }

// devTimeout is how long a submission to `spillway dev`, where somebody sits at the terminal, waits for registries.
const devTimeout = 2 * time.Second

// forDev makes the flags fit for the embedded cluster. If its tasks use no images, none is looked up. If they run on this
// machine's Docker engine, an image that this has is taken as it is, so that nobody needs a network for it, and registries
// get no long time to answer.
func (i *imageFlags) forDev(runner minimesos.Runner) (closeEngine func() error, err error) {
	if runner != minimesos.Docker {
		i.pin = false
	}
	if !i.pin {
		return func() error { return nil }, nil
	}
	engine, err := moby.New(moby.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("connecting to the Docker engine: %w", err)
	}
	i.config.Timeout = devTimeout
	i.config.Local = func(ctx context.Context, image string) bool {
		_, err := engine.ImageInspect(ctx, image)
		return err == nil
	}
	return engine.Close, nil
}
