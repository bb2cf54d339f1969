package userdata

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Where the files are. The Ansible role knows these places, too.
const (
	libDir   = "/usr/local/lib/spillway/"
	unitDir  = "/etc/systemd/system/"
	etcDir   = "/etc/spillway/"
	agentEnv = etcDir + "agent.env"

	authoritiesFile = "/usr/local/share/ca-certificates/spillway.crt"
	sourceFile      = "/etc/apt/sources.list.d/spillway-mesos.list"
	keyFile         = "/etc/apt/keyrings/spillway-mesos.asc"
)

// Files are what the machine has of its own when it is an agent, however it became one.
func (m Machine) Files() []File {
	files := []File{
		{agentEnv, 0o600, environment(m.agentVariables())},
		{etcDir + "watchdog.env", 0o600, environment(m.watchdogVariables())},
	}
	if m.Region != "" {
		files = append(files, File{etcDir + "domain.json", 0o644, m.domain()})
	}
	if m.DockerConfig != "" {
		files = append(files, File{etcDir + "docker.json", 0o600, endLine(m.DockerConfig)})
	}
	if m.Authorities != "" {
		files = append(files, File{authoritiesFile, 0o644, endLine(m.Authorities)})
	}
	for _, r := range m.Registries {
		files = append(files, File{"/etc/docker/certs.d/" + r.Host + "/ca.crt", 0o644, endLine(r.CA)})
	}
	for _, script := range []string{"address", "prepare", "watchdog"} {
		files = append(files, File{libDir + script, 0o755, roleFile(script)})
	}
	for _, unit := range []string{"spillway-agent.service", "spillway-watchdog.service", "spillway-watchdog.timer"} {
		files = append(files, File{unitDir + unit, 0o644, roleFile(unit)})
	}
	if m.Install != nil && m.Install.Source != "" {
		files = append(files, File{sourceFile, 0o644, m.Install.sourceLine()})
		if m.Install.Key != "" {
			files = append(files, File{keyFile, 0o644, endLine(m.Install.Key)})
		}
	}
	return files
}

// setupFiles are those that cloud-init needs to do what the role does as tasks.
func (m Machine) setupFiles() []File {
	install := Install{}
	yes := "no"
	if m.Install != nil {
		install, yes = *m.Install, "yes"
	}
	return []File{
		{etcDir + "setup.env", 0o600, environment([]variable{
			{"SPILLWAY_ARCHIVE", install.Archive},
			{"SPILLWAY_INSTALL", yes},
			{"SPILLWAY_PACKAGES", strings.Join(install.Packages, " ")},
			{"SPILLWAY_SHA256", strings.ToLower(install.SHA256)},
		})},
		{libDir + "setup", 0o755, setup},
	}
}

// variable is one of an environment. It prints as it stands in a file that both systemd and a shell read.
type variable struct{ name, value string }

func (v variable) String() string {
	return v.name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(v.value) + `"`
}

func environment(variables []variable) string {
	var text strings.Builder
	for _, v := range variables {
		text.WriteString(v.String() + "\n")
	}
	return text.String()
}

// agentVariables are mesos-agent's flags, in order of their names: it reads them from MESOS_ and the name in capitals.
func (m Machine) agentVariables() []variable {
	flags := map[string]string{
		"attributes":                    m.attributes(),
		"containerizers":                "docker,mesos",
		"executor_registration_timeout": seconds(orElse(m.RegistrationTimeout, DefaultRegistrationTimeout)) + "secs",
		"master":                        m.master(),
		"work_dir":                      orElse(m.WorkDir, DefaultWorkDir),
	}
	if m.Hostname != "" {
		flags["hostname"] = m.Hostname
	} else {
		flags["hostname_lookup"] = "false"
	}
	if m.Resources != "" {
		flags["resources"] = m.Resources
	}
	if m.Region != "" {
		flags["domain"] = m.domainFlag()
	}
	if m.DockerConfig != "" && m.Format == CloudConfig {
		flags["docker_config"] = "file://" + etcDir + "docker.json"
	}
	if _, ok := m.Flags["ip"]; !ok && m.Format == CloudConfig {
		flags["ip_discovery_command"] = libDir + "address"
	}
	maps.Copy(flags, m.Flags)

	all := maps.Clone(m.Environment)
	if all == nil {
		all = map[string]string{}
	}
	for name, value := range flags {
		all["MESOS_"+strings.ToUpper(name)] = value
	}
	return sorted(all)
}

func (m Machine) watchdogVariables() []variable {
	all := map[string]string{
		"SPILLWAY_LEASE":   seconds(m.Lease),
		"SPILLWAY_SILENCE": seconds(orElse(m.Silence, DefaultSilence)),
	}
	if len(m.MasterURLs) > 0 {
		all["SPILLWAY_MASTERS"] = strings.Join(m.MasterURLs, " ")
	}
	return sorted(all)
}

func sorted(all map[string]string) []variable {
	var variables []variable
	for _, name := range slices.Sorted(maps.Keys(all)) {
		variables = append(variables, variable{name, all[name]})
	}
	return variables
}

func (m Machine) master() string {
	var masters []string
	for _, master := range m.Masters {
		masters = append(masters, bareMaster(master))
	}
	return strings.Join(masters, ",")
}

// bareMaster is a master as mesos-agent takes it, without the scheme and the slash at the end that URLs have.
func bareMaster(master string) string {
	for _, scheme := range []string{"http://", "https://"} {
		if rest, ok := strings.CutPrefix(master, scheme); ok {
			return strings.TrimSuffix(rest, "/")
		}
	}
	return master
}

// attributes are the agent's, as --attributes takes them: Spillway's first, further ones in order of their names.
func (m Machine) attributes() string {
	ours := []variable{{AttributeVM, m.VM}, {AttributePool, m.Pool}, {AttributeCloud, m.Cloud}}
	var pairs []string
	for _, a := range append(ours, sorted(m.Attributes)...) {
		if a.value != "" {
			pairs = append(pairs, a.name+":"+a.value)
		}
	}
	return strings.Join(pairs, ";")
}

// domainFlag is the fault domain: in a file where there are files, else in the flag itself.
func (m Machine) domainFlag() string {
	if m.Format == Script {
		return strings.TrimSpace(m.domain())
	}
	return "file://" + etcDir + "domain.json"
}

// domain is the fault domain as --domain takes it (DomainInfo in mesos.proto).
func (m Machine) domain() string {
	type name struct {
		Name string `json:"name"`
	}
	var domain struct {
		FaultDomain struct {
			Region name `json:"region"`
			Zone   name `json:"zone"`
		} `json:"fault_domain"`
	}
	domain.FaultDomain.Region.Name = m.Region
	domain.FaultDomain.Zone.Name = m.Zone
	text, err := json.Marshal(domain)
	if err != nil {
		panic(fmt.Sprintf("userdata: encoding a domain: %v", err)) // strings in structs
	}
	return string(text) + "\n"
}

// sourceLine is the APT source, told which key it is signed with, unless it says so itself.
func (i Install) sourceLine() string {
	kind, rest, _ := strings.Cut(strings.TrimSpace(i.Source), " ")
	rest = strings.TrimSpace(rest)
	signed := "signed-by=" + keyFile
	switch {
	case i.Key == "" || strings.Contains(rest, "signed-by="):
	case strings.HasPrefix(rest, "["):
		rest = "[" + signed + " " + strings.TrimSpace(rest[1:])
	default:
		rest = "[" + signed + "] " + rest
	}
	return kind + " " + rest + "\n"
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

func endLine(text string) string { return strings.TrimRight(text, "\n") + "\n" }

// orElse is a value, or another one if it is its type's zero.
func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
