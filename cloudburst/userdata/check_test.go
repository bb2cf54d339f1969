package userdata_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/userdata"
)

func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *userdata.Machine)
		want   string // part of the error
	}{
		"no masters":                  {func(m *userdata.Machine) { m.Masters = nil }, "masters: missing"},
		"a master without a port":     {func(m *userdata.Machine) { m.Masters = []string{"m1"} }, `masters: "m1" is neither`},
		"a master with two lines":     {func(m *userdata.Machine) { m.Masters = []string{"m1:5050\nFOO=1"} }, "is neither"},
		"a ZooKeeper without a path":  {func(m *userdata.Machine) { m.Masters = []string{"zk://h:2181"} }, "is neither"},
		"masters without a ZooKeeper": {func(m *userdata.Machine) { m.Masters = []string{"m1:5050", "m2:5050"} }, "by ZooKeeper only"},
		"masters in both ways":        {func(m *userdata.Machine) { m.Masters = []string{"m1:5050", "zk://h:1/p"} }, "by ZooKeeper only"},
		"no name":                     {func(m *userdata.Machine) { m.VM = "" }, "VM: missing"},
		"a name with a semicolon":     {func(m *userdata.Machine) { m.VM = "a;b" }, `attribute spillway_vm: "a;b"`},
		"a pool with a colon":         {func(m *userdata.Machine) { m.Pool = "a:b" }, `attribute spillway_pool: "a:b"`},
		"a cloud with a line break":   {func(m *userdata.Machine) { m.Cloud = "a\nb" }, `attribute spillway_cloud: "a\nb"`},
		"an attribute with a space":   {func(m *userdata.Machine) { m.Attributes = map[string]string{"x": "a b"} }, "attribute x"},
		"an attribute with a quote":   {func(m *userdata.Machine) { m.Attributes = map[string]string{"x": `a"`} }, "attribute x"},
		"an attribute of nothing":     {func(m *userdata.Machine) { m.Attributes = map[string]string{"x": ""} }, "attribute x"},
		"an attribute's name":         {func(m *userdata.Machine) { m.Attributes = map[string]string{"x:y": "a"} }, `attribute "x:y"`},
		"an attribute of Spillway's":  {func(m *userdata.Machine) { m.Attributes = map[string]string{"spillway_vm": "a"} }, "Spillway's own"},
		"a region without a zone":     {func(m *userdata.Machine) { m.Region = "r" }, "both or none"},
		"a zone with a line break":    {func(m *userdata.Machine) { m.Region, m.Zone = "r", "z\n" }, "line break"},
		"a hostname":                  {func(m *userdata.Machine) { m.Hostname = "a b" }, `hostname: "a b"`},
		"a relative work dir":         {func(m *userdata.Machine) { m.WorkDir = "mesos" }, "work dir"},
		"a work dir that climbs":      {func(m *userdata.Machine) { m.WorkDir = "/var/../.." }, "work dir"},
		"resources of two lines":      {func(m *userdata.Machine) { m.Resources = "cpus:1\nmem:2" }, "resources: there is a line break"},
		"a flag with dashes":          {func(m *userdata.Machine) { m.Flags = map[string]string{"--ip": "1.2.3.4"} }, `flag "--ip"`},
		"a flag that is a field":      {func(m *userdata.Machine) { m.Flags = map[string]string{"work_dir": "/x"} }, "flag work_dir: it is set"},
		"a flag of two lines":         {func(m *userdata.Machine) { m.Flags = map[string]string{"x": "a\nb"} }, "flag x: there is a line break"},
		"an address that is none":     {func(m *userdata.Machine) { m.Flags = map[string]string{"ip": "$(reboot)"} }, "no IPv4 address"},
		"a flag in the environment":   {func(m *userdata.Machine) { m.Environment = map[string]string{"MESOS_IP": "1.2.3.4"} }, "is a flag"},
		"a variable's name":           {func(m *userdata.Machine) { m.Environment = map[string]string{"A B": "1"} }, `environment: "A B"`},
		"hardly any silence":          {func(m *userdata.Machine) { m.Silence = time.Second }, "silence: 1s is too short"},
		"a lease that is over":        {func(m *userdata.Machine) { m.Lease = -time.Hour }, "lease: -1h0m0s is too short"},
		"no time to register":         {func(m *userdata.Machine) { m.RegistrationTimeout = time.Millisecond }, "executor registration timeout"},
		"a master's URL":              {func(m *userdata.Machine) { m.MasterURLs = []string{"m1:5050"} }, `master URL "m1:5050"`},
		"a registry's host":           {func(m *userdata.Machine) { m.Registries = []userdata.Registry{{Host: "../x", CA: certificate}} }, `registry: "../x"`},
		"a registry without a CA":     {func(m *userdata.Machine) { m.Registries = []userdata.Registry{{Host: "r"}} }, "registry r: there is no certificate"},
		"a registry twice": {func(m *userdata.Machine) {
			m.Registries = []userdata.Registry{{Host: "r", CA: certificate}, {Host: "r", CA: certificate}}
		}, "registry r: named twice"},
		"a key among the certificates": {func(m *userdata.Machine) {
			m.Authorities = certificate + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
		}, "there is a PRIVATE KEY"},
		"a docker config that is none":      {func(m *userdata.Machine) { m.DockerConfig = "secret" }, "docker config: it is no JSON object"},
		"a docker config with a helper":     {func(m *userdata.Machine) { m.DockerConfig = `{"auths":{},"credsStore":"pass"}` }, "helper (credsStore)"},
		"a docker config of something else": {func(m *userdata.Machine) { m.DockerConfig = `{}` }, "no credentials"},
		"nothing to install":                {func(m *userdata.Machine) { m.Install = &userdata.Install{} }, "neither packages nor an archive"},
		"a package with a space":            {func(m *userdata.Machine) { m.Install = packages("mesos; reboot") }, `"mesos; reboot" is no name`},
		"an option as a package":            {func(m *userdata.Machine) { m.Install = packages("--force-yes") }, "is no name of a package"},
		"a source that is none": {func(m *userdata.Machine) {
			m.Install = packages("mesos")
			m.Install.Source = "https://apt.example.org/mesos"
		}, "is not of the form"},
		"a source of two lines": {func(m *userdata.Machine) {
			m.Install = packages("mesos")
			m.Install.Source = "deb https://a b c\ndeb https://d e f"
		}, "is not of the form"},
		"a key without a source": {func(m *userdata.Machine) { m.Install = packages("mesos"); m.Install.Key = key }, "a key without a source"},
		"a key that is none": {func(m *userdata.Machine) {
			m.Install = packages("mesos")
			m.Install.Source, m.Install.Key = "deb https://a b c", "\x99\x01"
		}, "no armoured public key"},
		"an archive of another kind":  {func(m *userdata.Machine) { m.Install = &userdata.Install{Archive: "https://a/b.rpm"} }, "is no http"},
		"an archive without checksum": {func(m *userdata.Machine) { m.Install = &userdata.Install{Archive: "https://a/b.deb"} }, "64 hexadecimal digits"},
		"an extra that is no YAML":    {func(m *userdata.Machine) { m.Extra = "a: [" }, "extra cloud-config"},
		"an extra that is a list":     {func(m *userdata.Machine) { m.Extra = "- a" }, "no mapping"},
		"an extra that takes over":    {func(m *userdata.Machine) { m.Extra = "runcmd: reboot" }, "line 1: runcmd is no list"},
		"a script without a command":  {func(m *userdata.Machine) { m.Format = userdata.Script }, "command: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			m := small()
			c.change(&m)
			text, err := userdata.Render(m)
			if err == nil {
				t.Fatalf("it is rendered:\n%s", text)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %q, want in it %q", err, c.want)
			}
		})
	}
}

func packages(names ...string) *userdata.Install { return &userdata.Install{Packages: names} }

// TestNoSecretInErrors looks for what a file of credentials holds in what is said of it.
func TestNoSecretInErrors(t *testing.T) {
	m := small()
	m.DockerConfig = `{"auths": {"r": {"auth": "aHVudGVyMg=="}`
	if _, err := userdata.Render(m); err == nil || strings.Contains(err.Error(), "aHVudGVyMg") {
		t.Errorf("error: %v", err)
	}
}

// TestLimit fills user-data with what cannot be made smaller up to what Nova takes, and then with a little more.
func TestLimit(t *testing.T) {
	with := func(lines int) ([]byte, error) {
		m := small()
		extra := strings.Builder{}
		extra.WriteString("bootcmd:\n")
		for i := range lines {
			digest := sha256.Sum256(fmt.Append(nil, i))
			fmt.Fprintf(&extra, "  - [true, %s]\n", hex.EncodeToString(digest[:]))
		}
		m.Extra = extra.String()
		return userdata.Render(m)
	}
	lines := 0
	for {
		text, err := with(lines + 1)
		if err != nil {
			if !strings.Contains(err.Error(), "and Nova takes 65535") {
				t.Fatal(err)
			}
			break
		}
		if got := base64.StdEncoding.EncodedLen(len(text)); got > userdata.Limit {
			t.Fatalf("%d bytes in Base64 are rendered", got)
		}
		lines++
	}
	if lines < 300 {
		t.Errorf("%d lines of 75 bytes are too much already", lines)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":             {"", "neither"},
		"something else":      {"Content-Type: multipart/mixed", "neither"},
		"a script of others":  {"#!/bin/sh\necho MESOS_MASTER=x\n", "no MESOS_MASTER"},
		"a config of others":  {"#cloud-config\npackages: [vim]\n", "writes no /etc/spillway/agent.env"},
		"a config that is no": {"#cloud-config\na: [\n", "reading user-data"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := userdata.Read([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want in it %q", err, c.want)
			}
		})
	}
}

// FuzzRead reads anything; what it takes for user-data of an agent has a master.
func FuzzRead(f *testing.F) {
	for _, m := range []userdata.Machine{small(), scripted()} {
		text, err := userdata.Render(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("#cloud-config\nwrite_files: [{path: /etc/spillway/agent.env, content: 'MESOS_MASTER=\"a\\\\'}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		masters, attributes, err := userdata.Read(text)
		if err == nil && (len(masters) == 0 || attributes == nil) {
			t.Errorf("masters %q, attributes %v, and no error", masters, attributes)
		}
	})
}
