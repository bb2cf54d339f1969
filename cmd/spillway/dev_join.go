package main

import (
	"fmt"
	"net"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// devMaster says where dev's Mesos master listens.
type devMaster struct{ listen string }

func (m *devMaster) flags(f *pflag.FlagSet) {
	f.StringVar(&m.listen, "master-listen", "127.0.0.1:0", "address of this machine on which the Mesos master listens, for machines that join it (spillway dev join); "+
		"nobody is asked who they are: who reaches it can run anything here, in your name")
}

// check refuses an address that others could not call the agents by.
func (m *devMaster) check() error {
	host, _, err := net.SplitHostPort(m.listen)
	if err != nil {
		return fmt.Errorf("--master-listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		return fmt.Errorf("--master-listen %q: name one IP address of this machine, such as 10.0.0.1:5050", m.listen)
	}
	return nil
}

func newDevJoin() *cobra.Command {
	var o minimesos.JoinOptions
	var runner, attributes, logLevel, logFormat string
	cmd := &cobra.Command{
		Use:   "join MASTER",
		Short: "Add this machine to a dev cluster elsewhere, as an agent that runs tasks",
		Long: "Add this machine to a dev cluster elsewhere, as an agent that runs tasks. MASTER is where its Mesos master listens (spillway dev --master-listen), such as http://10.0.0.1:5050.\n\n" +
			"It ends when the master marks the agent gone, when the cluster ends, or when it is interrupted; its tasks end with it. " +
			"A broken connection is opened again; the master gives the agent up when that takes longer than 75 s.\n\n" +
			"Whoever has the master can run anything here, in your name. A real Mesos takes no such agents: it has mesos-agent.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Logger, err = newLogger(logLevel, logFormat); err != nil {
				return err
			}
			if attributes != "" {
				if o.Attributes, err = parseAttributes(attributes); err != nil {
					return err
				}
			}
			o.Master, o.Runner = args[0], minimesos.Runner(runner)
			return devJoin(cmd, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Hostname, "hostname", "", "what the agent's machine is called (default: this machine's name)")
	f.StringVar(&o.Resources, "resources", "", "what the agent has, as mesos-agent's --resources (default: what this machine has, but for a quarter of its memory and free disk)")
	f.StringVar(&attributes, "attributes", "", "attributes, as mesos-agent's --attributes (rack:a;zone:b)")
	f.StringVar(&runner, "runner", string(minimesos.Auto), "how tasks run: auto, docker, process, or instant (not at all)")
	f.StringVar(&o.WorkDir, "dir", "", "folder for sandboxes; kept (default: a temporary one, removed at the end)")
	f.StringVar(&logLevel, "log-level", "warn", "debug, info, warn or error")
	f.StringVar(&logFormat, "log-format", "text", "text or json")
	return cmd
}

func devJoin(cmd *cobra.Command, o minimesos.JoinOptions) error {
	var once sync.Once
	o.Joined = func(id, resources string, runner minimesos.Runner) {
		once.Do(func() {
			fmt.Fprintf(cmd.OutOrStdout(), "this machine is agent %s of the Mesos master on %s, with %s; tasks run as %s\n",
				id, o.Master, resources, runnerWords[runner])
		})
	}
	why, err := minimesos.Join(cmd.Context(), o)
	if err != nil {
		return err
	}
	if why != "" {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "this machine has left the cluster: %s\n", why)
	}
	return err
}
