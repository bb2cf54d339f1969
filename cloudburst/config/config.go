package config

import (
	"time"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// The types of this file, pool.go and machine.go are the language of burst.yaml: each field once, under its name (tag
// yaml), with its bounds (tag jsonschema) and the form that its text or keys must have (tags form and keys). The comments
// are what operators read in their editor and in the reference. Defaults that they name are there when Parse is done.

// Config is what burst.yaml says: whose machines they are, where they may come from, and how many of them.
type Config struct {
	// Name under which the machines are this agent's, on all clouds. It is part of their names and tags, so that several
	// agents can share a project. Whoever changes it loses sight of the machines that carry the old one: drain them first.
	Cluster string `yaml:"cluster" form:"short" jsonschema:"required"`
	// The scheduler whose queue overflows.
	Scheduler Scheduler `yaml:"scheduler"`
	// The Mesos masters at which the machines' agents register.
	Mesos Mesos `yaml:"mesos" jsonschema:"required"`
	// Address on which metrics are answered; empty means nowhere.
	Listen string `yaml:"listen" default:"127.0.0.1:4401" jsonschema:"maxLength=300"`
	// The clouds, each under the name that it has here, in machines' attributes and in specs.
	Clouds strictyaml.Entries[Cloud] `yaml:"clouds" keys:"short" jsonschema:"required"`
	// Which of several clouds is taken first: that which comes first by preference, or that where the hour is cheapest.
	Order string `yaml:"order" default:"preference" jsonschema:"enum=preference,enum=price"`
	// The pools: machines of one kind, each under the pool's name.
	Pools strictyaml.Entries[Pool] `yaml:"pools" keys:"short" jsonschema:"required"`
	// What all pools together may have and use.
	Caps Caps `yaml:"caps"`
	// Hours without bursting.
	Calendar Calendar `yaml:"calendar"`
	// What it is worth that a task waits an hour less, in the currency of the prices. The higher, the sooner machines are
	// booted for short waits. 0 means half of what an hour of the task costs on the cheapest machine that holds it.
	WaitValue float64 `yaml:"wait_value" default:"0" jsonschema:"minimum=0,maximum=1000000"`
	// Looking for what belongs to nobody any more.
	Sweep Sweep `yaml:"sweep"`
	// How long at most between two rounds; a change of the queue begins one at once.
	Interval time.Duration `yaml:"interval" default:"5s" min:"1s" max:"1h"`
}

// Scheduler is how the scheduler is asked.
type Scheduler struct {
	// Its address, https:// unless it is on this machine.
	URL string `yaml:"url" default:"http://127.0.0.1:4400" jsonschema:"maxLength=1000"`
	// File with a token of the role operator, for all projects. Default: none.
	TokenFile string `yaml:"token_file" jsonschema:"maxLength=4096"`
	// Certificate authorities (PEM) of its certificate. Default: the system's.
	CAFile string `yaml:"ca_file" jsonschema:"maxLength=4096"`
}

// Mesos is how the masters are asked, which takes an operator's rights: to deactivate, drain and mark gone an agent.
type Mesos struct {
	// The masters, such as [http://m1:5050, http://m2:5050], or [zk://h1:2181,h2:2181/mesos].
	Masters []string `yaml:"masters" jsonschema:"required,maxLength=1000"`
	// Principal for HTTP basic authentication. Default: none.
	Principal string `yaml:"principal" jsonschema:"maxLength=200"`
	// File with the principal's secret. Default: none.
	SecretFile string `yaml:"secret_file" jsonschema:"maxLength=4096"`
	// Certificate authorities (PEM) of the masters' certificates. Default: the system's.
	CAFile string `yaml:"ca_file" jsonschema:"maxLength=4096"`
	// Speak HTTPS to masters that are found through ZooKeeper.
	TLS bool `yaml:"tls" default:"false"`
	// The masters have a fault domain (--domain), so that agents may have one: the cloud as region, the availability zone.
	// A master without one refuses agents that have one.
	FaultDomain bool `yaml:"fault_domain" default:"false"`
}

// Cloud is one project on an OpenStack cloud, with what holds there for machines of all pools.
type Cloud struct {
	// Where the credentials are: in a file clouds.yaml (`file`), or in the environment's variables OS_* (`env`).
	Credentials string `yaml:"credentials" default:"file" jsonschema:"enum=file,enum=env"`
	// The file. Default: clouds.yaml in the working folder, ~/.config/openstack or /etc/openstack.
	File string `yaml:"file" jsonschema:"maxLength=4096"`
	// The entry of that file. Default: the cloud's name.
	Entry string `yaml:"entry" jsonschema:"maxLength=200"`
	// The region. Default: what the credentials say.
	Region string `yaml:"region" jsonschema:"maxLength=200"`
	// Which endpoints are used: public, internal or admin. Default: what the credentials say, else public.
	Interface string `yaml:"interface" jsonschema:"enum=public,enum=internal,enum=admin"`
	// Certificate authorities (PEM) of its endpoints' certificates. Default: what the credentials say, else the system's.
	CAFile string `yaml:"ca_file" jsonschema:"maxLength=4096"`
	// Place among the clouds where order is preference: the lowest goes first, those of equal preference in their order here.
	Preference int64 `yaml:"preference" default:"100" jsonschema:"minimum=0,maximum=1000"`
	// What an hour of one vcpu costs, for flavors whose price is not given.
	VCPUPrice float64 `yaml:"vcpu_price" default:"0" jsonschema:"minimum=0,maximum=1000000"`
	// What an hour of one GiB of memory costs, for flavors whose price is not given.
	MemPrice float64 `yaml:"mem_price" default:"0" jsonschema:"minimum=0,maximum=1000000"`
	// The time that is charged for as a whole once it has begun, such as 1h; 0s means that seconds are charged.
	Billing time.Duration `yaml:"billing" default:"0s" max:"24h"`
	// What the pools together may have and use there.
	Caps Caps `yaml:"caps"`
	// How long one call may take until it counts as unanswered.
	CallTimeout time.Duration `yaml:"call_timeout" default:"30s" min:"1s" max:"10m"`
	// How long making, starting, stopping or deleting a machine may take until that is given up and looked at anew.
	WorkTimeout time.Duration `yaml:"work_timeout" default:"5m" min:"10s" max:"1h"`
	// How many machines may be in the making at a time.
	BootsAtOnce int64 `yaml:"boots_at_once" default:"20" jsonschema:"minimum=1,maximum=1000"`
	Machine
}

// Caps is what there may be at a time, and what may be used in a day (UTC). What is not given has no bound.
type Caps struct {
	// Machines at a time, stopped ones not counted.
	VMs int64 `yaml:"vms" jsonschema:"minimum=1,maximum=100000"`
	// Their vcpus.
	VCPUs int64 `yaml:"vcpus" jsonschema:"minimum=1,maximum=10000000"`
	// Hours of vcpus a day.
	VCPUHours float64 `yaml:"vcpu_hours_per_day" jsonschema:"exclusiveMinimum=0,maximum=1000000000"`
	// What a day may cost, in the currency of the prices.
	Money float64 `yaml:"money_per_day" jsonschema:"exclusiveMinimum=0,maximum=1000000000"`
}

// Calendar is when no machine is booted or started. Those that serve go on.
type Calendar struct {
	// Time zone of the hours, such as Europe/Paris.
	Timezone Zone `yaml:"timezone" default:"UTC"`
	// Stretches of time, each week anew.
	Closed []Closed `yaml:"closed"`
}

// Closed is a stretch of time on some days of the week.
type Closed struct {
	// Days on which it begins: mon, tue, wed, thu, fri, sat, sun. Default: all.
	Days []string `yaml:"days" jsonschema:"enum=mon,enum=tue,enum=wed,enum=thu,enum=fri,enum=sat,enum=sun"`
	// When it begins, such as "08:00".
	From Clock `yaml:"from" jsonschema:"required"`
	// When it ends; not after from means on the next day, and 24:00 is the end of the day.
	To Clock `yaml:"to" jsonschema:"required"`
}

// Sweep is how servers, ports and volumes are found that carry the cluster's tag and belong to nobody.
type Sweep struct {
	// How long something must have existed before it can be taken for left behind.
	Grace time.Duration `yaml:"grace" default:"15m" min:"1m"`
	// How often they are looked for and removed; 0s means only when an operator says so.
	Every time.Duration `yaml:"every" default:"10m"`
}
