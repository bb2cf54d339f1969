package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

func newDev() *cobra.Command {
	s := service{config: scheduler.DefaultConfig(), access: accessFlags{local: true}}
	var agents devAgents
	var master devMaster
	var cloud devCloud
	var dir, runner, logLevel, logFormat string
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything in one process: a Mesos master, agents and the scheduler",
		Long: "Run everything in one process, to try specs out: a Mesos master, agents and the scheduler.\n\n" +
			"Tasks run in Docker if an engine answers on this machine, as plain processes if none does. All ends, tasks included, when it is interrupted.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if s.log, err = newLogger(logLevel, logFormat); err != nil {
				return err
			}
			if dir == "" {
				if dir, err = os.MkdirTemp("", "spillway-dev-"); err != nil {
					return fmt.Errorf("creating a folder: %w", err)
				}
				defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			}
			return dev(cmd, s, master, agents, &cloud, dir, minimesos.Runner(runner))
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", defaultListen, "address of this machine's own on which requests are answered")
	master.flags(f)
	agents.flags(f)
	cloud.flags(f)
	f.StringVar(&runner, "runner", string(minimesos.Auto), "how tasks run: auto, docker, process, or instant (not at all)")
	f.StringVar(&dir, "dir", "", "folder for state and sandboxes; kept (default: a temporary one, removed at the end)")
	f.StringVar(&logLevel, "log-level", "warn", "debug, info, warn or error")
	f.StringVar(&logFormat, "log-format", "text", "text or json")
	policyFlags(f, &s.config)
	s.rest.flags(f)
	s.logs.limits(f)
	s.images.add(f)
	cmd.AddCommand(newDevJoin())
	return cmd
}

func dev(cmd *cobra.Command, s service, master devMaster, agents devAgents, cloud *devCloud, dir string, runner minimesos.Runner) (err error) {
	_, err = s.access.check(s.listen) // before anything is started
	if err = errors.Join(err, cloud.check()); err != nil {
		return err
	}
	if err := master.check(); err != nil {
		return err
	}
	described, err := agents.options()
	if err != nil {
		return err
	}
	options := minimesos.Options{
		Addr:   master.listen,
		Runner: runner, WorkDir: filepath.Join(dir, "agents"), Logger: s.log,
		AllocationInterval: 100 * time.Millisecond, Agents: described,
	}
	cluster, err := minimesos.Start(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	s.store = filepath.Join(dir, "spillway.db")
	s.driver.Masters = cluster.URL()
	closeEngine, err := s.images.forDev(cluster.Runner())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeEngine()) }()
	if cloud.wanted {
		if err := cloud.start(dir, cluster); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, cloud.close()) }()
	}
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	err = s.run(ctx, func(addr string) {
		if cloud.wanted {
			cloud.use(ctx, cancel, cmd.ErrOrStderr(), "http://"+addr, cluster.URL(), s.log)
		}
		words := runnerWords[cluster.Runner()]
		if why := cluster.NoDocker(); why != nil {
			words += ", because " + engineTrouble(why)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "spillway answers on http://%s: a Mesos master on %s with %s; tasks run as %s%s\n",
			addr, cluster.URL(), counted(agents.count, "agent"), words, cloud.words())
	})
	cancel(nil)
	cloud.agent.Wait()
	if cause := context.Cause(ctx); cmd.Context().Err() == nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	return err
}

// runnerWords say how tasks run.
var runnerWords = map[minimesos.Runner]string{
	minimesos.Docker:  "Docker containers",
	minimesos.Process: "plain processes (no images, no memory limits)",
	minimesos.Instant: "nothing at all: they finish at once",
}

// engineTrouble says why there is no Docker engine for the tasks.
func engineTrouble(err error) string {
	if text := err.Error(); strings.Contains(text, "permission denied") {
		return "this user may not use the Docker engine (" + text + ")"
	}
	return "no Docker engine answers"
}
