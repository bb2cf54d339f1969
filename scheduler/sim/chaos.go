package sim

import (
	"math/rand/v2"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/spec"
)

// Chaos makes a scenario from a seed in which anything may go wrong: a small cluster, random pipelines, and of all
// faults those that the seed chooses, so that in some scenarios few kinds meet often and in others many. In its last
// part everything is put right, and what was submitted must come to its end.
func Chaos(seed uint64) Scenario {
	c := &chaos{rng: rand.New(rand.NewPCG(seed, 2))}
	sc := Scenario{
		Seed: seed, Config: c.config(), Machines: c.machines(), Timing: DefaultTiming(),
		Length: c.between(2*time.Minute, 25*time.Minute), Patience: 12 * time.Hour,
		Greedy: c.maybe(0.3),
	}
	sc.Config.Seed = seed
	if c.maybe(0.25) {
		sc.Roles = []string{"dpc", "dev"}[:1+c.rng.IntN(2)]
	}
	if c.maybe(0.5) {
		sc.Timing.Ping = c.between(5*time.Second, 75*time.Second)
	}
	if c.maybe(0.3) {
		sc.Timing.Network, sc.Timing.Batch = Span{0, 200 * time.Millisecond}, Span{0, 300 * time.Millisecond}
	}
	c.submissions(&sc)
	c.disorder(&sc)
	c.meddle(&sc)
	sc.Behave = behaviours(seed, c.maybe(0.5))
	c.upkeep(&sc)
	return sc
}

// chaos draws a scenario.
type chaos struct {
	rng  *rand.Rand
	keys int
}

func (c *chaos) maybe(p float64) bool { return c.rng.Float64() < p }

func (c *chaos) between(low, high time.Duration) time.Duration {
	return low + time.Duration(c.rng.Int64N(int64(high-low)+1))
}

// config is sometimes the default, and sometimes one under which rare things happen often.
func (c *chaos) config() scheduler.Config {
	cfg := scheduler.DefaultConfig()
	cfg.Limits.LaunchTimeout = 2 * time.Minute
	cfg.Weights = map[string]float64{"alpha": 2, "gamma": 0.5}
	if c.maybe(0.5) {
		cfg.Limits.UnreachableWait = c.between(20*time.Second, 5*time.Minute)
		cfg.Limits.CancelWait = c.between(5*time.Second, 2*time.Minute)
		cfg.Limits.AvoidFor = c.between(10*time.Second, 10*time.Minute)
	}
	if c.maybe(0.5) {
		cfg.Queue.ReserveAfter = c.between(time.Second, time.Minute)
		cfg.Queue.MaxReservations = c.rng.IntN(4)
	}
	if c.maybe(0.2) {
		cfg.Limits.InfraLimit = c.rng.IntN(4)
	}
	return cfg
}

// machines are a few, of which two could run anything that is submitted.
func (c *chaos) machines() []Machine {
	var all []Machine
	for i := range 2 + c.rng.IntN(8) {
		m := Machine{
			Name:       "a" + string(rune('1'+i)),
			Attributes: map[string]string{"site": "cnes", "rack": pick(c.rng, []string{"r1", "r2", "r3"})},
			Resources:  spec.Resources{CPUs: 8000, Mem: 16 << 10, Disk: 100 << 10, Ports: 100},
		}
		switch {
		case i < 2:
			m.Attributes["rack"], m.Resources.GPUs = "r1", 2
		case c.maybe(0.4):
			m.Resources.CPUs, m.Resources.Mem = 2000, 4<<10
		case c.maybe(0.3):
			m.Attributes["site"] = "hxn"
		}
		if i >= 2 && c.maybe(0.3) {
			m.Attributes["spillway_vm"], m.Attributes["spillway_cloud"] = "vm-"+m.Name, pick(c.rng, []string{"hxn", "ovh"})
		}
		all = append(all, m)
	}
	return all
}

// submissions arrive during the first three quarters of the scenario; some are sent twice.
func (c *chaos) submissions(sc *Scenario) {
	for range 1 + c.rng.IntN(12) {
		s := Submission{At: c.between(0, sc.Length*3/4), Spec: c.pipeline(), Key: c.key()}
		sc.Submissions = append(sc.Submissions, s)
		if s.Key != "" && c.maybe(0.4) {
			again := s
			again.At += pick(c.rng, []time.Duration{0, 0, time.Millisecond, time.Second, 5 * time.Minute})
			if c.maybe(0.2) {
				again.Spec += "# not quite the same\n"
			}
			sc.Submissions = append(sc.Submissions, again)
		}
	}
}

func (c *chaos) key() string {
	c.keys++
	return pick(c.rng, []string{"", "k" + string(rune('0'+c.keys))})
}

// disorder chooses what goes wrong, and how often.
func (c *chaos) disorder(sc *Scenario) {
	rare := func(p, most float64) float64 {
		if !c.maybe(p) {
			return 0
		}
		return c.rng.Float64() * most
	}
	sc.noise = noise{
		duplicate: rare(0.5, 0.3), late: rare(0.4, 0.2), lateBy: Span{0, c.between(time.Second, time.Minute)},
		loss: rare(0.3, 0.05), crash: rare(0.5, 0.05), store: rare(0.2, 0.02), rescind: rare(0.3, 0.2),
		down: Span{0, c.between(100*time.Millisecond, 2*time.Minute)},
	}
	if c.maybe(0.05) {
		return
	}
	chosen := []fault{pick(c.rng, faults)}
	for _, f := range faults {
		if c.maybe(0.35) {
			chosen = append(chosen, f)
		}
	}
	for range c.rng.IntN(1 + int(sc.Length/(15*time.Second))) {
		f := pick(c.rng, chosen)
		sc.actions = append(sc.actions, action{c.between(0, sc.Length*9/10), func(w *world) { f.do(w) }})
	}
}

// meddle lets people cancel and retry, preferably at the wrong moment.
func (c *chaos) meddle(sc *Scenario) {
	for range c.rng.IntN(6) {
		cancel, late := c.maybe(0.4), c.maybe(0.5)
		sc.actions = append(sc.actions, action{c.between(0, sc.Length), func(w *world) {
			id, any := w.people.somebody()
			switch {
			case !any:
			case late:
				w.people.whenEnding(id, cancel)
			case cancel:
				w.people.cancel(id)
			default:
				w.people.retry(id)
			}
		}})
	}
}

// upkeep lets some images be resolved, people store and delete pipelines, and runs be forgotten.
func (c *chaos) upkeep(sc *Scenario) {
	for i := range sc.Submissions {
		if c.maybe(0.4) {
			sc.Submissions[i].Images = map[string]string{"busybox": "busybox@sha256:" + pick(c.rng, []string{"aa", "bb"})}
		}
	}
	if c.maybe(0.3) {
		sc.Config.KeepRuns = c.between(time.Second, 10*time.Minute)
	}
	if c.maybe(0.3) {
		for range 1 + c.rng.IntN(5) {
			sc.actions = append(sc.actions, action{c.between(0, sc.Length), func(w *world) {
				if id, any := w.people.somebody(); any {
					w.people.forget(id)
				}
			}})
		}
	}
	for range c.rng.IntN(8) {
		name, text := pick(c.rng, []string{"nightly", "weekly"}), pick(c.rng, []string{"name: a", "name: b", ""})
		sc.actions = append(sc.actions, action{c.between(0, sc.Length), func(w *world) { w.people.store(name, text) }})
	}
}
