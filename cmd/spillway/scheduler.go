package main

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

func newScheduler() *cobra.Command {
	s := service{config: scheduler.DefaultConfig()}
	var secretFile, logLevel, logFormat string
	cmd := &cobra.Command{
		Use:   "scheduler --master URL --store FILE",
		Short: "Run the scheduler on a Mesos master",
		Long: "Run the scheduler on a Mesos master, until it is interrupted. Tasks go on without it, and it finds them when it is started again.\n\n" +
			"It answers requests on --listen and keeps its state in --store.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if s.log, err = newLogger(logLevel, logFormat); err != nil {
				return err
			}
			if s.driver.FailoverTimeout <= 0 {
				return fmt.Errorf("--failover-timeout %s: it must be over 0, or the master ends all tasks as soon as the scheduler is away", s.driver.FailoverTimeout)
			}
			if secretFile != "" {
				secret, err := os.ReadFile(secretFile)
				if err != nil {
					return fmt.Errorf("reading the secret: %w", err)
				}
				s.driver.Secret = strings.TrimSpace(string(secret))
			}
			return s.run(cmd.Context(), nil)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", defaultListen, "address on which requests are answered")
	f.StringVar(&s.store, "store", "", "file in which the state is kept")
	f.StringVar(&secretFile, "secret-file", "", "file with the principal's secret, for HTTP basic authentication")
	f.StringVar(&logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&logFormat, "log-format", "text", "text or json")
	s.access.flags(f)
	s.logs.flags(f)
	mesosFlags(f, &s.driver)
	policyFlags(f, &s.config)
	s.rest.flags(f)
	s.images.add(f)
	cmd.MarkFlagRequired("master")
	cmd.MarkFlagRequired("store")
	return cmd
}

// mesosFlags are those about the master.
func mesosFlags(f *pflag.FlagSet, d *mesos.Config) {
	f.StringVar(&d.Masters, "master", "", "the Mesos masters: http://a:5050,http://b:5050 or zk://h1:2181,h2:2181/mesos")
	f.StringVar(&d.Name, "framework-name", "spillway", "name of the framework in Mesos")
	f.StringVar(&d.User, "user", "root", "user that tasks run as on the agents")
	f.StringVar(&d.Hostname, "hostname", "", "this host's name as Mesos shows it (default: its own)")
	f.StringSliceVar(&d.Roles, "role", []string{"*"}, "roles that the framework is offered resources for")
	f.DurationVar(&d.FailoverTimeout, "failover-timeout", 7*24*time.Hour, "how long the master keeps the tasks while no scheduler is subscribed")
	f.StringVar(&d.Principal, "principal", "", "principal of the framework")
	f.StringVar(&d.CAFile, "ca-file", "", "certificate authorities (PEM) of the masters' certificates")
	f.StringVar(&d.CertFile, "cert-file", "", "client certificate (PEM) for masters that ask for one")
	f.StringVar(&d.KeyFile, "key-file", "", "key (PEM) of the client certificate")
	f.BoolVar(&d.TLS, "tls", false, "speak HTTPS to masters that are found through ZooKeeper")
	f.StringVar(&d.Codec, "codec", "protobuf", "form of messages to and from the master: protobuf or json")
	f.BoolVar(&d.GPU, "gpu", false, "ask for offers with GPUs")
	f.BoolVar(&d.Revocable, "revocable", false, "ask for revocable resources too")
}

// policyFlags are those about scheduling.
func policyFlags(f *pflag.FlagSet, c *scheduler.Config) {
	l := &c.Limits
	f.Var(weights{c}, "weight", "a project's weight in the fair share, project=number; may be repeated (default 1)")
	f.IntVar(&l.InfraLimit, "infra-limit", l.InfraLimit, "how many attempts of a task may be lost to the infrastructure and made again")
	f.DurationVar(&l.InfraBackoff, "infra-backoff", l.InfraBackoff, "wait before a task that was lost to the infrastructure is tried again; it doubles each time")
	f.DurationVar(&l.InfraMaxBackoff, "infra-max-backoff", l.InfraMaxBackoff, "the longest such wait")
	f.DurationVar(&l.AvoidFor, "avoid-for", l.AvoidFor, "how long a task stays away from an agent that failed it, while there are others")
	f.DurationVar(&l.UnreachableWait, "unreachable-wait", l.UnreachableWait, "how long a task on an unreachable agent is waited for before it is replaced")
	f.DurationVar(&l.LaunchTimeout, "launch-timeout", l.LaunchTimeout, "how much longer than its timeout a task may take to start before it is killed and tried again elsewhere")
	f.DurationVar(&l.KillGrace, "kill-grace", l.KillGrace, "how long a killed task may take to end by itself")
	f.DurationVar(&l.CancelWait, "cancel-wait", l.CancelWait, "how long a cancelled run waits for its tasks to end")
	f.DurationVar(&c.Queue.ReserveAfter, "reserve-after", c.Queue.ReserveAfter, "after how long an agent is kept free for a task that fits nowhere")
	f.IntVar(&c.Queue.MaxReservations, "max-reservations", c.Queue.MaxReservations, "how many agents may be kept free at a time")
	f.DurationVar(&c.RefuseBusy, "refuse-busy", c.RefuseBusy, "how long resources that fit no waiting task are refused")
	f.DurationVar(&c.ReconcileEvery, "reconcile-every", c.ReconcileEvery, "how long nothing may be heard of a running task before the master is asked")
	f.DurationVar(&c.KeepRuns, "keep-runs", c.KeepRuns, "how long after its end a run is kept, with its attempts; 0: for ever")
	f.Uint64Var(&c.Seed, "seed", 0, "decides between placements of which none is better, and how far retries are spread")
}

// weights is the flag that sets projects' weights.
type weights struct{ config *scheduler.Config }

func (w weights) String() string { return "" }
func (w weights) Type() string   { return "project=number" }

// Set takes one project's weight.
func (w weights) Set(text string) error {
	project, number, _ := strings.Cut(text, "=")
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !(value > 0) || math.IsInf(value, 0) || project == "" {
		return fmt.Errorf("weight %q: write it as project=number, with a number over 0", text)
	}
	if w.config.Weights == nil {
		w.config.Weights = map[string]float64{}
	}
	w.config.Weights[project] = value
	return nil
}

func newLogger(level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: it must be debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	}
	return nil, fmt.Errorf("log format %q: it must be text or json", format)
}
