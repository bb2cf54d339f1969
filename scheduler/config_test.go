package scheduler

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"infra-limit -1":        func(c *Config) { c.Limits.InfraLimit = -1 },
		"infra-backoff 0s":      func(c *Config) { c.Limits.InfraBackoff = 0 },
		"infra-max-backoff 1ms": func(c *Config) { c.Limits.InfraMaxBackoff = time.Millisecond },
		"avoid-for -1s":         func(c *Config) { c.Limits.AvoidFor = -time.Second },
		"unreachable-wait 0s":   func(c *Config) { c.Limits.UnreachableWait = 0 },
		"launch-timeout 0s":     func(c *Config) { c.Limits.LaunchTimeout = 0 },
		"kill-grace -1s":        func(c *Config) { c.Limits.KillGrace = -time.Second },
		"cancel-wait -1s":       func(c *Config) { c.Limits.CancelWait = -time.Second },
		"reserve-after -1s":     func(c *Config) { c.Queue.ReserveAfter = -time.Second },
		"max-reservations -1":   func(c *Config) { c.Queue.MaxReservations = -1 },
		"refuse-busy -1s":       func(c *Config) { c.RefuseBusy = -time.Second },
		"reconcile-every 1ms":   func(c *Config) { c.ReconcileEvery = time.Millisecond },
		"keep-runs -1h0m0s":     func(c *Config) { c.KeepRuns = -time.Hour },
		"weight lpf=-1":         func(c *Config) { c.Weights = map[string]float64{"lisa": 2, "lpf": -1} },
		"weight lpf=NaN":        func(c *Config) { c.Weights = map[string]float64{"lpf": math.NaN()} },
		"weight lpf=+Inf":       func(c *Config) { c.Weights = map[string]float64{"lpf": math.Inf(1)} },
	} {
		c := DefaultConfig()
		if err := c.Validate(); err != nil {
			t.Fatalf("the defaults: %v", err)
		}
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), name+":") {
			t.Errorf("error %v; want one that begins with %q", err, name)
		}
	}
}

// TestSeedReachesBackoffs checks that a seed decides about the jitter of retries too.
func TestSeedReachesBackoffs(t *testing.T) {
	c := DefaultConfig()
	c.Seed = 7
	if got := c.limited().Seed; got != 7 {
		t.Errorf("the limits' seed is %d, want 7", got)
	}
}
