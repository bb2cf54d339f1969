package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/site"
	"github.com/lisa-dpc/spillway/scheduler/metrics"
)

func newCloudburst() *cobra.Command {
	var b bursting
	var once, dryRun bool
	var logLevel, logFormat string
	cmd := &cobra.Command{
		Use:   "cloudburst --config FILE",
		Short: "Boot cloud machines for what waits in the queue, and take them away again",
		Long: "Boot cloud machines for what waits in the queue, and take them away again, until it is interrupted. It keeps nothing that could be lost: " +
			"whatever is under way when it ends, or is killed, the next one finds on the clouds and goes on with.\n\n" +
			"docs/bursting.md says how to begin, docs/burst.md what FILE says. With --dry-run the plan of one round is printed, and nothing is changed.",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dryRun {
				p, _, err := b.preview(cmd)
				if err != nil {
					return err
				}
				return showCloud(cmd, asTable, planView(p, time.Now()), p.Trouble, printPlan)
			}
			log, err := newLogger(logLevel, logFormat)
			if err != nil {
				return err
			}
			return b.burst(cmd.Context(), cmd.ErrOrStderr(), log, once)
		},
	}
	b.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&once, "once", false, "make one round, wait until what it began is over, and end")
	f.BoolVar(&dryRun, "dry-run", false, "print what a round would do, and change nothing")
	f.StringVar(&logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&logFormat, "log-format", "text", "text or json")
	return cmd
}

// How often the clouds are asked again for what names stand for: soon while one does not answer, now and then because the
// newest image of a family changes.
const (
	resolveSoon = 30 * time.Second
	resolveAnew = 10 * time.Minute
)

// burst runs the agent until ctx ends.
func (b *bursting) burst(outer context.Context, warnings io.Writer, log *slog.Logger, once bool) (err error) {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	s, err := b.open()
	if err != nil {
		return err
	}
	c := s.Config()
	rest, err := schedulerOf(c, warnings)
	if err != nil {
		return err
	}
	m, err := masterOf(c, log)
	if err != nil {
		return err
	}
	go m.Run(ctx)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	meter := cloudburst.NewMetrics(registry)
	if !once && c.Listen != "" {
		closeListener, err := listenMetrics(c.Listen, registry, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeListener()) }()
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("finding this host's name: %w", err)
	}
	log.Info("starting", "version", version, "pid", os.Getpid(), "cluster", c.Cluster, "scheduler", c.Scheduler.URL, "metrics", c.Listen)
	began := time.Now().UTC()
	configure := func() cloudburst.Config {
		cfg := s.Agent()
		cfg.Began = began
		cfg.Holder, cfg.Scheduler, cfg.Master, cfg.Metrics, cfg.Log = host+"/"+c.Cluster, rest, m, meter, log
		return cfg
	}
	s.Connect(ctx, time.Now(), 0)
	tellTrouble(s, log)
	if once {
		return burstOnce(ctx, configure(), log)
	}
	err = burstOn(ctx, s, configure, log)
	if outer.Err() != nil {
		log.Info("stopping, as it was told; machines go on", "pid", os.Getpid())
		return nil
	}
	return err
}

// burstOnce makes one round, for which it waits longer than a loop would, and waits for what it began.
func burstOnce(ctx context.Context, cfg cloudburst.Config, log *slog.Logger) error {
	for _, x := range cfg.Clouds {
		cfg.Patience = max(cfg.Patience, x.CallTimeout)
	}
	agent := cloudburst.New(cfg)
	err := agent.Round(ctx, time.Now())
	agent.Settle()
	log.Info("the round is over, and so is what it began", "complete", err == nil, "pid", os.Getpid())
	return err
}

// burstOn makes rounds until ctx ends. When the clouds have something else than before for what the pools name, such as when
// one of them answers at last, the agent goes on with that.
func burstOn(ctx context.Context, s *site.Site, configure func() cloudburst.Config, log *slog.Logger) error {
	agent := cloudburst.New(configure())
	var looking sync.WaitGroup
	looking.Go(func() {
		for waitForChange(ctx, s) {
			log.Info("the clouds have other flavors or zones than before for what the pools name")
			tellTrouble(s, log)
			agent.Use(configure().Pools)
		}
	})
	defer looking.Wait()
	return agent.Run(ctx)
}

// waitForChange looks from time to time for what the names in the pools stand for, and returns when that has changed; false if
// ctx has ended.
func waitForChange(ctx context.Context, s *site.Site) bool {
	tick := time.NewTicker(resolveSoon)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
			if s.Connect(ctx, time.Now(), resolveAnew) && ctx.Err() == nil {
				return true
			}
		}
	}
}

// tellTrouble logs what keeps pools from being used on clouds.
func tellTrouble(s *site.Site, log *slog.Logger) {
	for _, c := range s.Clouds() {
		for _, e := range s.Config().Pools {
			problems, err := c.Trouble(e.Name)
			if err != nil {
				log.Warn("a cloud cannot be used yet", "cloud", c.Name, "pool", e.Name, "error", strings.ReplaceAll(err.Error(), "\n", "; "))
				continue
			}
			for _, p := range problems {
				log.Warn("a pool is not as it was wanted on a cloud; `spillway cloud check` says more", "cloud", c.Name, "pool", e.Name, "problem", p.String())
			}
		}
	}
}

// listenMetrics answers scrapes.
func listenMetrics(address string, registry *prometheus.Registry, log *slog.Logger) (closeListener func() error, err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.Handler(registry, log))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are not answered any more", "error", err)
		}
	}()
	return server.Close, nil
}
