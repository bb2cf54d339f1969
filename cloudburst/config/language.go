package config

import (
	_ "embed"
	"reflect"
	"regexp"

	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// language is what burst.yaml can say.
var language = strictyaml.Language{
	Forms: map[string]strictyaml.Form{
		"short": {Pattern: regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$`),
			Words: "a name has 1 to 20 lower-case letters, digits and '-', and begins and ends with a letter or digit"},
		"attribute": {Pattern: regexp.MustCompile(`^[A-Za-z0-9_.-]{1,255}$`),
			Words: "an attribute's name has letters, digits and any of . _ -"},
		"flag": {Pattern: regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`),
			Words: "a flag's name has lower-case letters, digits and '_', and no dashes before it"},
		"env": {Pattern: regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,254}$`),
			Words: "a variable's name has capitals, digits and '_', and begins with a capital"},
		"sha256": {Pattern: regexp.MustCompile(`^[0-9A-Fa-f]{64}$`),
			Words: "a SHA-256 has 64 hexadecimal digits"},
	},
	Homes: []strictyaml.Home{
		{Words: "the file as a whole", Type: reflect.TypeFor[Config]()},
		{Words: "a cloud or a pool", Type: reflect.TypeFor[Machine]()},
		{Words: "a pool", Type: reflect.TypeFor[Pool]()},
		{Words: "a cloud", Type: reflect.TypeFor[Cloud]()},
		{Words: "a pool's agent", Type: reflect.TypeFor[Agent]()},
		{Words: "a pool's drain", Type: reflect.TypeFor[Drain]()},
		{Words: "caps", Type: reflect.TypeFor[Caps]()},
		{Words: "a flavor", Type: reflect.TypeFor[Flavor]()},
		{Words: "a pool's warm", Type: reflect.TypeFor[Warm]()},
		{Words: "mesos", Type: reflect.TypeFor[Mesos]()},
		{Words: "scheduler", Type: reflect.TypeFor[Scheduler]()},
		{Words: "deadlines", Type: reflect.TypeFor[Deadlines]()},
	},
	// The other systems are clouds.yaml, OpenStack's clients and APIs, and other autoscalers.
	Elsewhere: map[string]string{
		"cloud": "entry", "clouds_yaml": "file", "region_name": "region", "region_id": "region", "key_name": "keypair", "ssh_key": "keypair",
		"availability_zone": "zones", "availability_zones": "zones", "az": "zones", "nics": "networks", "subnets": "networks",
		"instance_type": "flavors", "instance_types": "flavors", "flavor": "flavors", "image_name": "image", "image_id": "image",
		"limits": "caps", "max": "caps", "max_size": "caps", "quota": "caps", "min": "warm", "min_size": "warm", "min_idle": "warm",
		"instances": "vms", "servers": "vms", "cores": "vcpus", "cpus": "vcpus", "ram": "mem", "memory": "mem",
		"ttl": "lease", "max_age": "lease", "cooldown": "idle", "idle_timeout": "idle", "scale_down": "afterwards", "on_idle": "afterwards",
		"budget": "money_per_day", "cost": "price", "master": "masters", "zookeeper": "masters", "token": "token_file",
		"secret": "secret_file", "ca": "ca_file", "cacert": "ca_file", "windows": "closed", "hours": "closed", "tz": "timezone",
		"server_group_name": "server_group", "boot_volume": "volume", "root_volume": "volume", "name": "cluster", "labels": "attributes",
		"metadata": "attributes", "cloud_init": "extra_file", "user_data": "extra_file", "userdata": "extra_file",
		"kill": "kill_after", "limit": "kill_after", "timeout": "kill_after",
	},
	InFull: inFull,
}

func init() {
	language.Describe(Config{}, Scheduler{}, Mesos{}, Cloud{}, Machine{}, Image{}, Volume{}, Caps{}, Calendar{}, Closed{}, Sweep{},
		Pool{}, Flavor{}, AtLeast{}, Warm{}, Deadlines{}, StageDeadlines{}, Drain{}, Agent{}, Packages{}, Reserve{}, Registry{})
}

// inFull says how what could be written in short elsewhere is written here.
func inFull(section reflect.Type, n *yaml.Node) string {
	value := strictyaml.Quotable(n.Value)
	switch section {
	case reflect.TypeFor[Image](), reflect.TypeFor[Flavor]():
		return "write {name: " + value + "}"
	case reflect.TypeFor[Caps]():
		return "write {vms: " + value + "}"
	case reflect.TypeFor[Scheduler]():
		return "write {url: " + value + "}"
	case reflect.TypeFor[Volume]():
		return "write {size: " + value + "}"
	case reflect.TypeFor[Warm]():
		return "write {ready: " + value + "}"
	case reflect.TypeFor[Mesos]():
		return "write {masters: [" + value + "]}"
	case reflect.TypeFor[Registry]():
		return "write {host: " + value + ", ca_file: FILE}"
	}
	return ""
}

// The files whose comments describe the fields.
var (
	//go:embed config.go
	configSource string
	//go:embed pool.go
	poolSource string
	//go:embed machine.go
	machineSource string
)

// Schema gives the JSON Schema (draft 2020-12) of burst.yaml, by which editors complete and check it. What it cannot say,
// such as that a pool's cloud exists, only Parse checks.
func Schema() []byte {
	return language.Schema("Spillway cloudburst", comments(), Config{})
}

func comments() map[string]string {
	return strictyaml.Comments(configSource, poolSource, machineSource)
}
