package ministack

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Options says what Start starts. The zero value is a cloud on a free port of
// the loopback with what DefaultFlavors and its like name, whose servers are
// ACTIVE after three seconds and run nothing.
type Options struct {
	Addr   string // listen address; default "127.0.0.1:0"
	Region string // default "RegionOne"
	Clock  *Clock // default: real time
	Seed   uint64 // of ids and of faults by chance

	// BuildTime is how long a server is in BUILD (default 3 s), JoinTime how
	// long after that Boot is called (default 2 s), ActionTime how long a
	// stop, start, shelving or deletion takes (default 0.5 s), TokenTTL how
	// long a token is good for (default 1 h).
	BuildTime, JoinTime, ActionTime, TokenTTL time.Duration

	// Boot starts what runs on a machine: it is called when a server has
	// booted, with its decoded user-data, and returns what ends that when the
	// machine loses its power. Its error goes to the server's console; Nova
	// knows nothing of it. Boot and off are called one at a time and must not
	// call the Cloud. nil: machines run nothing.
	Boot func(m Machine, userData []byte) (off func(), err error)

	Zones   []Zone   // availability zones; default one, "nova", with much room
	Flavors []Flavor // default DefaultFlavors
	Images  []Image  // default DefaultImages
	Quota   *Quota   // of the project; default DefaultQuota

	// MaxLimit is how many servers or volumes a list shows at most at a time;
	// default 1000 (Nova's [api]max_limit, Cinder's osapi_max_limit).
	MaxLimit int
}

// Machine is the server that Boot starts something on.
type Machine struct {
	ID, Name string
	Boot     int // counts the server's boots, from 1
	Flavor   Flavor
	Zone     string
	Metadata map[string]string
	Address  string // its first address, as Neutron knows it
}

// Zone is an availability zone and the room that its hosts have; a server
// that does not fit any more ends in ERROR with "No valid host".
type Zone struct {
	Name             string
	VCPUs, RAM, Disk int // cores, MiB, GiB
}

func (o Options) withDefaults() (Options, error) {
	o.Addr = cmp.Or(o.Addr, "127.0.0.1:0")
	o.Region = cmp.Or(o.Region, "RegionOne")
	o.BuildTime = cmp.Or(o.BuildTime, 3*time.Second)
	o.JoinTime = cmp.Or(o.JoinTime, 2*time.Second)
	o.ActionTime = cmp.Or(o.ActionTime, time.Second/2)
	o.TokenTTL = cmp.Or(o.TokenTTL, time.Hour)
	o.MaxLimit = cmp.Or(o.MaxLimit, 1000)
	if o.BuildTime < 0 || o.JoinTime < 0 || o.ActionTime < 0 || o.TokenTTL < 0 || o.MaxLimit < 0 {
		return o, errors.New("ministack: a time or the limit in Options is negative")
	}
	if o.Zones == nil {
		o.Zones = []Zone{{Name: "nova", VCPUs: 2000, RAM: 1600000, Disk: 900000}}
	}
	for _, z := range o.Zones {
		if z.Name == "" {
			return o, fmt.Errorf("ministack: a zone in Options has no name")
		}
	}
	if o.Flavors == nil {
		o.Flavors = DefaultFlavors()
	}
	if o.Images == nil {
		o.Images = DefaultImages()
	}
	if o.Quota == nil {
		quota := DefaultQuota()
		o.Quota = &quota
	}
	return o, nil
}
