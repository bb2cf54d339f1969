package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// devAgents says which agents dev has.
type devAgents struct {
	count      int
	resources  string
	attributes []string
}

func (a *devAgents) flags(f *pflag.FlagSet) {
	f.IntVar(&a.count, "agents", 3, "how many agents there are; they are called agent-1, agent-2 …")
	f.StringVar(&a.resources, "resources", minimesos.DefaultResources, "what each agent has, as mesos-agent's --resources; the ports are shared out among them, being those of this machine")
	f.StringArrayVar(&a.attributes, "attributes", nil, "attributes, as mesos-agent's --attributes (rack:a;zone:b); given several times, the agents take them in turn")
}

// options describes the agents to the cluster.
func (a *devAgents) options() ([]minimesos.AgentOptions, error) {
	if a.count < 1 {
		return nil, errors.New("--agents: there must be at least one")
	}
	var attributes []map[string]string
	for _, text := range a.attributes {
		parsed, err := parseAttributes(text)
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, parsed)
	}
	agents := make([]minimesos.AgentOptions, a.count)
	for i := range agents {
		name := fmt.Sprintf("agent-%d", i+1)
		agents[i] = minimesos.AgentOptions{Name: name, Hostname: name, Resources: sharePorts(a.resources, i, a.count)}
		if len(attributes) > 0 {
			agents[i].Attributes = attributes[i%len(attributes)]
		}
	}
	return agents, nil
}

func parseAttributes(text string) (map[string]string, error) {
	parsed := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		name, value, found := strings.Cut(part, ":")
		if name, value = strings.TrimSpace(name), strings.TrimSpace(value); !found || name == "" || value == "" {
			return nil, fmt.Errorf("--attributes %q: write them as name:value, with ; between two", text)
		}
		parsed[name] = value
	}
	return parsed, nil
}

var portSpan = regexp.MustCompile(`ports\s*:\s*\[\s*(\d{1,5})\s*-\s*(\d{1,5})\s*\]`)

// sharePorts gives an agent its part of the ports, which are those of one machine: two agents that offer the same port
// would give it to two tasks. Ports in several ranges are left as they are.
func sharePorts(resources string, agent, agents int) string {
	return portSpan.ReplaceAllStringFunc(resources, func(text string) string {
		m := portSpan.FindStringSubmatch(text)
		from, _ := strconv.Atoi(m[1]) // they are digits
		to, _ := strconv.Atoi(m[2])
		count := (to - from + 1) / agents
		if count < 1 {
			return text
		}
		return fmt.Sprintf("ports:[%d-%d]", from+agent*count, from+(agent+1)*count-1)
	})
}
