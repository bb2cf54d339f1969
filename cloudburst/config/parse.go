package config

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// Parse reads burst.yaml. file is used in messages only. The error, if there is one, is strictyaml.Problems: everything that
// is wrong, not only the first.
func Parse(file string, text []byte) (*Config, error) {
	c := &checker{Decoder: language.NewDecoder(file, text), config: &Config{}}
	if !c.Read(c.config) {
		return nil, c.Err()
	}
	c.NextPhase()
	c.check()
	if err := c.Err(); err != nil {
		return nil, err
	}
	return c.config, nil
}

// checker checks what the types do not say.
type checker struct {
	*strictyaml.Decoder
	config *Config
}

func (c *checker) check() {
	c.address("scheduler.url", c.config.Scheduler.URL)
	c.masters()
	if len(c.config.Clouds) == 0 && c.config.Clouds != nil {
		c.Add("clouds", "", "there is no cloud")
	}
	if len(c.config.Pools) == 0 && c.config.Pools != nil {
		c.Add("pools", "", "there is no pool")
	}
	if c.config.Listen != "" {
		if _, port, err := net.SplitHostPort(c.config.Listen); err != nil || port == "" {
			c.Add("listen", "such as 127.0.0.1:4401", "%q has no port", strictyaml.Quotable(c.config.Listen))
		}
	}
	for i, closed := range c.config.Calendar.Closed {
		if path := strictyaml.Item("calendar.closed", i); closed.Days != nil && len(closed.Days) == 0 {
			c.Add(strictyaml.Join(path, "days"), "leave it out for all days", "names no day")
		}
	}
	for _, e := range c.config.Clouds {
		c.cloud(strictyaml.Join("clouds", e.Name), &e.Value)
	}
	for _, e := range c.config.Pools {
		c.pool(strictyaml.Join("pools", e.Name), &e.Value)
	}
}

// address wants an http:// or https:// URL without a path.
func (c *checker) address(path, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		c.Add(path, "such as https://spillway.example.org:4400", "%q is no address", strictyaml.Quotable(text))
	case u.User != nil:
		c.Add(path, "say who asks with token_file or principal and secret_file", "an address has no user in it")
	}
}

var zkURL = regexp.MustCompile(`^zk://([^@/\s]+@)?[A-Za-z0-9.-]+(:[0-9]{1,5})?(,[A-Za-z0-9.-]+(:[0-9]{1,5})?)*/[^\s]+$`)

func (c *checker) masters() {
	m := &c.config.Mesos
	if m.Masters != nil && len(m.Masters) == 0 {
		c.Add("mesos.masters", "", "names no master")
	}
	for i, text := range m.Masters {
		path := strictyaml.Item("mesos.masters", i)
		switch {
		case !strings.HasPrefix(text, "zk://"):
			c.address(path, text)
		case len(m.Masters) > 1:
			c.Add(path, "name all of ZooKeeper's servers in one: zk://h1:2181,h2:2181/mesos", "zk:// stands alone")
		case !zkURL.MatchString(text):
			c.Add(path, "such as zk://h1:2181,h2:2181/mesos", "%q is no address of masters in ZooKeeper", strictyaml.Quotable(text))
		}
	}
	c.together("mesos", "principal", m.Principal, "secret_file", m.SecretFile)
}

// together notes one of two fields without the other.
func (c *checker) together(path, a, aValue, b, bValue string) {
	if (aValue == "") == (bValue == "") {
		return
	}
	given, missing := a, b
	if aValue == "" {
		given, missing = b, a
	}
	c.Add(path, "", "%s without %s", given, missing)
}

func (c *checker) cloud(path string, x *Cloud) {
	if x.Credentials == "env" {
		for _, f := range []struct{ name, value string }{{"file", x.File}, {"entry", x.Entry}} {
			if f.value != "" {
				c.Add(strictyaml.Join(path, f.name), "leave it out, or write credentials: file", "credentials come from the environment")
			}
		}
	}
	c.machine(path, &x.Machine)
}

func (c *checker) machine(path string, m *Machine) {
	if i := m.Image; i != nil {
		c.oneOf(strictyaml.Join(path, "image"), option{"name", i.Name != ""}, option{"tag", i.Tag != ""}, option{"family", i.Family != ""})
	}
	if v := m.Volume; v != nil && v.Size == 0 && !c.Faulty(strictyaml.Join(path, "volume")) && !c.Shaken(strictyaml.Join(path, "volume")) {
		c.Add(strictyaml.Join(path, "volume.size"), "such as 40GiB", "should be more than 0")
	}
	for _, list := range []struct {
		name  string
		names []string
	}{{"networks", m.Networks}, {"security_groups", m.SecurityGroups}, {"zones", m.Zones}} {
		c.names(strictyaml.Join(path, list.name), list.names, nil, "")
	}
}

// option is one of several fields, of which one is to be given.
type option struct {
	name  string
	given bool
}

// oneOf wants exactly one of some fields.
func (c *checker) oneOf(path string, options ...option) {
	var names []string
	found := 0
	for _, o := range options {
		names = append(names, o.name)
		if o.given {
			found++
		}
	}
	last := len(names) - 1
	if found > 1 || found == 0 && !c.Shaken(path) {
		c.Add(path, "", "should have one of %s and %s, not %d", strings.Join(names[:last], ", "), names[last], found)
	}
}

// names notes names in a list that stand there twice, are empty or are none of the known ones, if it is known which there are.
func (c *checker) names(path string, list, known []string, kind string) {
	if list != nil && len(list) == 0 {
		c.Add(path, "leave it out, or name one", "is empty")
	}
	for i, name := range list {
		at := strictyaml.Item(path, i)
		switch {
		case name == "":
			c.Add(at, "", "is empty, should be a name or an id")
		case slices.Contains(list[:i], name):
			c.Add(at, "", "%q stands in it twice", strictyaml.Quotable(name))
		case known != nil && !slices.Contains(known, name):
			hint := c.DidYouMean(name, known)
			if hint == "" {
				hint = "there are: " + strings.Join(known, ", ")
			}
			c.Add(at, hint, "there is no %s %q", kind, strictyaml.Quotable(name))
		}
	}
}
