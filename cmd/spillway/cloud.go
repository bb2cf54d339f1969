package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // calendars name time zones, on machines that may have none

	"github.com/spf13/cobra"

	"github.com/lisa-dpc/spillway/cloudburst"
	"github.com/lisa-dpc/spillway/cloudburst/config"
	"github.com/lisa-dpc/spillway/cloudburst/master"
	"github.com/lisa-dpc/spillway/cloudburst/site"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

func newCloud() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cloud",
		Short: "Look at cloud machines, and look after them",
		Long: "Look at cloud machines, and look after them, as burst.yaml describes them.\n\n" +
			"The verbs read what is there from the clouds, the Mesos master and the scheduler, with the same code as the cloudburst agent, " +
			"which need not run. What they change the agent finds in its next round.",
	}
	groupOnly(cmd)
	cmd.AddCommand(newCloudVMs(), newCloudPlan(), newCloudWhy(), newCloudDrain(), newCloudSweep(), newCloudInventory(), newCloudCheck())
	return cmd
}

// bursting is what the verbs about clouds have in common: burst.yaml, and who is asked as it says.
type bursting struct {
	file   string
	format string
}

// configVariable names burst.yaml where --config does not.
const configVariable = "SPILLWAY_BURST"

func (b *bursting) flags(cmd *cobra.Command, forms ...string) {
	cmd.Flags().StringVar(&b.file, "config", "", "burst.yaml, see docs/burst.md (default "+configVariable+", else burst.yaml)")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml") // the flag is there
	if len(forms) > 0 {
		formatFlag(cmd, &b.format, forms...)
	}
}

// read reads burst.yaml.
func (b *bursting) read() (*config.Config, error) {
	file := firstOf(b.file, os.Getenv(configVariable), "burst.yaml")
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w (--config or %s names it)", err, configVariable)
	}
	text, err := io.ReadAll(io.LimitReader(f, strictyaml.MaxBytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return config.Parse(file, text)
}

// open reads burst.yaml and the files that it names. Nobody has been asked anything then.
func (b *bursting) open() (*site.Site, error) {
	c, err := b.read()
	if err != nil {
		return nil, err
	}
	return site.New(c, "spillway/"+version)
}

// schedulerOf is the scheduler that burst.yaml names.
func schedulerOf(c *config.Config, warnings io.Writer) (*overREST, error) {
	to := connection{url: c.Scheduler.URL, tokenFile: c.Scheduler.TokenFile, caFile: c.Scheduler.CAFile, warnings: warnings, named: "scheduler.url of burst.yaml says"}
	client, err := to.newClient()
	switch {
	case errors.Is(err, errToken):
		return nil, fmt.Errorf("scheduler: %w (scheduler.token_file of burst.yaml names the file)", err)
	case err != nil:
		return nil, fmt.Errorf("scheduler: %w", err)
	}
	return &overREST{client}, nil
}

// masterOf is the Mesos masters that burst.yaml names. Its Run follows their elections.
func masterOf(c *config.Config, log *slog.Logger) (*master.Client, error) {
	m := &c.Mesos
	cfg := mesos.Config{Masters: strings.Join(m.Masters, ","), Principal: m.Principal, CAFile: m.CAFile, TLS: m.TLS, Logger: log}
	if m.SecretFile != "" {
		secret, err := os.ReadFile(m.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("reading the secret: %w", err)
		}
		cfg.Secret = strings.TrimSpace(string(secret))
	}
	return master.New(cfg)
}

// How long a verb waits for what it asks.
const (
	askSlowly     = 20 * time.Second // the scheduler and the master
	resolvedFresh = 10 * time.Minute
)

// agent makes an agent of burst.yaml that only looks, after the clouds were connected as far as they can be.
func (b *bursting) agent(ctx context.Context, cmd *cobra.Command) (*cloudburst.Agent, *site.Site, error) {
	s, err := b.open()
	if err != nil {
		return nil, nil, err
	}
	log := slog.New(slog.DiscardHandler)
	cfg := s.Agent()
	if cfg.Scheduler, err = schedulerOf(s.Config(), cmd.ErrOrStderr()); err != nil {
		return nil, nil, err
	}
	m, err := masterOf(s.Config(), log)
	if err != nil {
		return nil, nil, err
	}
	go m.Run(ctx)
	s.Connect(ctx, time.Now(), resolvedFresh)
	fresh := s.Agent() // now the flavors are known
	fresh.Scheduler, fresh.Master, fresh.Log, fresh.DryRun = cfg.Scheduler, m, log, true
	fresh.CallTimeout = askSlowly
	for _, c := range s.Clouds() {
		fresh.Patience = max(fresh.Patience, 2*c.CallTimeout())
	}
	return cloudburst.New(fresh), s, nil
}

// preview looks and plans as the agent would.
func (b *bursting) preview(cmd *cobra.Command) (*cloudburst.Preview, *site.Site, error) {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	agent, s, err := b.agent(ctx, cmd)
	if err != nil {
		return nil, nil, err
	}
	p := agent.Preview(ctx, time.Now())
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	for _, c := range s.Clouds() {
		for _, pool := range s.Config().Pools {
			problems, err := c.Trouble(pool.Name)
			if err != nil {
				continue // it does not answer, which the preview says
			}
			for _, x := range problems {
				p.Trouble = append(p.Trouble, fmt.Errorf("pool %s on cloud %s: %s", pool.Name, c.Name, x))
			}
		}
	}
	return p, s, nil
}

// unknown is who has not answered, as sentences, the clouds alone or all; what only they know must not be told as if it were
// known.
func unknown(p *cloudburst.Preview, cloudsOnly bool) []string {
	var all []string
	for _, s := range p.Silent {
		if s.Cloud != "" || !cloudsOnly {
			all = append(all, s.Words)
		}
	}
	return all
}

// printUnknown says what is not known and why, or nothing if all have answered.
func printUnknown(s *sheet, what string, silent []string) {
	if len(silent) > 0 {
		fmt.Fprintf(s, "not known%s: %s\n", what, harmless(strings.Join(silent, "; ")))
	}
}

// complain tells on the standard error what did not answer.
func complain(cmd *cobra.Command, trouble []error) {
	for _, line := range sentences(trouble) {
		fmt.Fprintf(cmd.ErrOrStderr(), "spillway: warning: %s\n", harmless(line))
	}
}
