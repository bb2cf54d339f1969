package userdata

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What the parts of a machine's description may look like.
var (
	// A text of Mesos' attributes (docs/attributes-resources.md): what may stand in it, and never ends it.
	attributeText = regexp.MustCompile(`^[A-Za-z0-9_/.-]+$`)
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	hostPort      = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}$`)
	zkURL         = regexp.MustCompile(`^zk://([^@/\s]+@)?[A-Za-z0-9.-]+(:[0-9]{1,5})?(,[A-Za-z0-9.-]+(:[0-9]{1,5})?)*/[^\s]+$`)
	httpURL       = regexp.MustCompile(`^https?://[A-Za-z0-9.:-]+$`)
	registryHost  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
	hostName      = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	folder        = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+)+$`)
	ipv4          = regexp.MustCompile(`^[0-9]{1,3}(\.[0-9]{1,3}){3}$`)
	flagName      = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	variableName  = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	packageName   = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?$`)
	sourceText    = regexp.MustCompile(`^deb(\s+\[[^\]]*\])?\s+[a-z]+:\S+\s+\S+(\s+\S+)*$`)
	archiveURL    = regexp.MustCompile(`^https?://\S+\.(deb|tgz|tar\.[a-z0-9]+|tar)$`)
	sha256Digits  = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)
)

// fieldFlags are the flags of mesos-agent that fields of Machine say.
var fieldFlags = []string{"attributes", "docker_config", "domain", "executor_registration_timeout", "hostname", "master", "resources", "work_dir"}

// check finds what is missing or would be read otherwise than it is meant.
func (m Machine) check() error {
	errs := []error{m.checkMasters(), m.checkAttributes(), m.checkPlace(), m.checkFlags(), m.checkTimes()}
	if m.Format == Script {
		if strings.TrimSpace(m.Command) == "" {
			errs = append(errs, errors.New("command: missing: a script does nothing else"))
		}
	} else {
		errs = append(errs, m.checkInstall(), m.checkRegistries(), m.checkWatchdog())
	}
	return errors.Join(errs...)
}

func (m Machine) checkMasters() error {
	if len(m.Masters) == 0 {
		return errors.New("masters: missing: name host:port of the master, or zk://host:port,.../path")
	}
	for _, master := range m.Masters {
		bare := bareMaster(master)
		switch {
		case strings.HasPrefix(master, "zk://") && zkURL.MatchString(master):
		case !strings.HasPrefix(master, "zk://") && hostPort.MatchString(bare):
		default:
			return fmt.Errorf("masters: %q is neither host:port nor zk://host:port,.../path", master)
		}
	}
	if len(m.Masters) > 1 && (m.Format == CloudConfig || strings.Contains(m.master(), "zk://")) {
		return errors.New("masters: several: a mesos-agent finds the leading one of several masters by ZooKeeper only (zk://host:port,.../path)")
	}
	return nil
}

func (m Machine) checkAttributes() error {
	if m.VM == "" {
		return fmt.Errorf("VM: missing: by its attribute %s an agent is known again", AttributeVM)
	}
	all := map[string]string{AttributeVM: m.VM}
	if m.Pool != "" {
		all[AttributePool] = m.Pool
	}
	if m.Cloud != "" {
		all[AttributeCloud] = m.Cloud
	}
	for name, value := range m.Attributes {
		switch name {
		case AttributeVM, AttributePool, AttributeCloud:
			return fmt.Errorf("attribute %s: it is Spillway's own", name)
		}
		all[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !attributeName.MatchString(name) {
			return fmt.Errorf("attribute %q: a name has letters, digits and any of _ . - only", name)
		}
		if !attributeText.MatchString(all[name]) {
			return fmt.Errorf("attribute %s: %q: a value has letters, digits and any of _ / . - only", name, all[name])
		}
	}
	return nil
}

func (m Machine) checkPlace() error {
	if (m.Region == "") != (m.Zone == "") {
		return fmt.Errorf("fault domain: region %q, zone %q: give both or none", m.Region, m.Zone)
	}
	if err := plain("fault domain", m.Region+m.Zone); err != nil {
		return err
	}
	if m.Hostname != "" && !hostName.MatchString(m.Hostname) {
		return fmt.Errorf("hostname: %q is no name and no address", m.Hostname)
	}
	if m.WorkDir != "" && (!folder.MatchString(m.WorkDir) || strings.Contains(m.WorkDir, "/..")) {
		return fmt.Errorf("work dir: %q: an absolute path with letters, digits and any of _ . - only", m.WorkDir)
	}
	return plain("resources", m.Resources)
}

func (m Machine) checkFlags() error {
	for _, name := range slices.Sorted(maps.Keys(m.Flags)) {
		switch {
		case !flagName.MatchString(name):
			return fmt.Errorf("flag %q: give the name without dashes, and a switch as true or false", name)
		case slices.Contains(fieldFlags, name):
			return fmt.Errorf("flag %s: it is set by what else is said of the machine", name)
		}
		if err := plain("flag "+name, m.Flags[name]); err != nil {
			return err
		}
	}
	if ip, ok := m.Flags["ip"]; ok && !ipv4.MatchString(ip) {
		return fmt.Errorf("flag ip: %q is no IPv4 address", ip)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Environment)) {
		if !variableName.MatchString(name) || strings.HasPrefix(name, "MESOS_") {
			return fmt.Errorf("environment: %q: a name has capitals, digits and _ only, and what begins with MESOS_ is a flag", name)
		}
		if err := plain("environment "+name, m.Environment[name]); err != nil {
			return err
		}
	}
	return nil
}

func (m Machine) checkTimes() error {
	for _, t := range []struct {
		name    string
		time    time.Duration
		atLeast time.Duration
		atZero  time.Duration
	}{
		{"executor registration timeout", m.RegistrationTimeout, time.Second, DefaultRegistrationTimeout},
		{"silence", m.Silence, time.Minute, DefaultSilence},
		{"lease", m.Lease, time.Minute, time.Minute},
	} {
		if orElse(t.time, t.atZero) < t.atLeast {
			return fmt.Errorf("%s: %v is too short: at least %v", t.name, t.time, t.atLeast)
		}
	}
	return nil
}

func (m Machine) checkInstall() error {
	i := m.Install
	if i == nil {
		return nil
	}
	switch {
	case i.Archive == "" && len(i.Packages) == 0:
		return errors.New("install: neither packages nor an archive: name those of Mesos, or take an image that has it")
	case i.Key != "" && i.Source == "":
		return errors.New("install: a key without a source that it signs")
	case i.Source != "" && (!sourceText.MatchString(i.Source) || plain("", i.Source) != nil):
		return fmt.Errorf("install: source %q is not of the form: deb URL SUITE COMPONENT", i.Source)
	case i.Key != "" && !strings.Contains(i.Key, "-----BEGIN PGP PUBLIC KEY BLOCK-----"):
		return errors.New("install: the key is no armoured public key (gpg --export --armor makes one)")
	case i.Archive != "" && (!archiveURL.MatchString(i.Archive) || plain("", i.Archive) != nil):
		return fmt.Errorf("install: archive %q is no http:// or https:// URL of a .deb or .tar.*", i.Archive)
	case i.Archive != "" && !sha256Digits.MatchString(i.SHA256):
		return fmt.Errorf("install: the archive's SHA-256 is %q, and not 64 hexadecimal digits", i.SHA256)
	case i.Archive == "" && i.SHA256 != "":
		return errors.New("install: a SHA-256 without an archive")
	}
	for _, name := range i.Packages {
		if !packageName.MatchString(name) {
			return fmt.Errorf("install: %q is no name of a package", name)
		}
	}
	return nil
}

func (m Machine) checkRegistries() error {
	if err := checkCertificates("authorities", m.Authorities); m.Authorities != "" && err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, r := range m.Registries {
		if !registryHost.MatchString(r.Host) {
			return fmt.Errorf("registry: %q is neither a host nor host:port", r.Host)
		}
		if seen[r.Host] {
			return fmt.Errorf("registry %s: named twice", r.Host)
		}
		seen[r.Host] = true
		if err := checkCertificates("registry "+r.Host, r.CA); err != nil {
			return err
		}
	}
	if m.DockerConfig == "" {
		return nil
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal([]byte(m.DockerConfig), &config); err != nil {
		return errors.New("docker config: it is no JSON object") // the error might quote a secret
	}
	for _, key := range []string{"credsStore", "credHelpers"} {
		if _, ok := config[key]; ok {
			return fmt.Errorf("docker config: it leaves credentials to a helper (%s), which the machine does not have: make one with docker --config DIR login on a machine without helpers", key)
		}
	}
	if _, ok := config["auths"]; !ok {
		return errors.New("docker config: it has no credentials (auths)")
	}
	return nil
}

// checkCertificates wants certificates, and no key that somebody has left beside them.
func checkCertificates(name, text string) error {
	rest := []byte(text)
	count := 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("%s: there is a %s among the certificates", name, block.Type)
		}
		count++
	}
	if count == 0 {
		return fmt.Errorf("%s: there is no certificate (PEM)", name)
	}
	return nil
}

func (m Machine) checkWatchdog() error {
	for _, url := range m.MasterURLs {
		if !httpURL.MatchString(url) {
			return fmt.Errorf("master URL %q: not of the form http://host:port", url)
		}
	}
	return nil
}

// plain keeps out what a line of an environment file cannot hold.
func plain(name, text string) error {
	for _, r := range text {
		if r < ' ' || r == 0x7f {
			return fmt.Errorf("%s: there is a line break or another control character in %q", name, text)
		}
	}
	return nil
}
