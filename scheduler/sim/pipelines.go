package sim

import (
	"fmt"
	"strings"
	"time"
)

// pipeline writes a random spec. Two of the machines could run any of its tasks.
func (c *chaos) pipeline() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: p%d\nproject: %s\npriority: %d\n", c.rng.IntN(100), pick(c.rng, []string{"alpha", "beta", "gamma"}), c.rng.IntN(5)*25)
	if c.maybe(0.3) {
		fmt.Fprintf(&b, "params:\n  n: {type: int, default: %d}\n", c.rng.IntN(9))
	} else {
		b.WriteString("params:\n  n: {type: int, default: 2}\n")
	}
	if c.maybe(0.5) {
		fmt.Fprintf(&b, "burst: {%s}\n", pick(c.rng, []string{"allow: false", "after: 20s", "after: 2m", "clouds: [hxn]", "after: 40s, clouds: [ovh, other]"}))
	}
	b.WriteString("defaults: {image: busybox, run: work}\nsteps:\n")
	if c.maybe(0.05) {
		b.WriteString("  nothing: {array: 0}\n")
		return b.String()
	}
	steps := 1 + c.rng.IntN(6)
	for i := range steps {
		fmt.Fprintf(&b, "  s%d:\n", i)
		c.needs(&b, i)
		c.size(&b)
		c.rules(&b)
	}
	return b.String()
}

func (c *chaos) needs(b *strings.Builder, step int) {
	var needs []string
	for k := range step {
		if c.maybe(0.45) {
			needs = append(needs, fmt.Sprintf("s%d", k))
		}
	}
	if len(needs) == 0 {
		return
	}
	fmt.Fprintf(b, "    needs: [%s]\n", strings.Join(needs, ", "))
	if c.maybe(0.35) {
		fmt.Fprintf(b, "    when: %s\n", pick(c.rng, []string{"success", "failure", "always"}))
	}
}

// size says how many tasks there are, and how large they are.
func (c *chaos) size(b *strings.Builder) {
	switch {
	case c.maybe(0.15):
		b.WriteString("    array: \"{{ params.n }}\"\n")
	case c.maybe(0.4):
		fmt.Fprintf(b, "    array: %d\n", c.rng.IntN(13))
	case c.maybe(0.2):
		b.WriteString("    array: {from: 10, to: 16, step: 3}\n")
	}
	if c.maybe(0.15) {
		b.WriteString("    matrix: {channel: [x, y]}\n")
	}
	if c.maybe(0.3) {
		fmt.Fprintf(b, "    max_parallel: %d\n", 1+c.rng.IntN(4))
	}
	cpus := pick(c.rng, []string{"0.1", "0.5", "1", "1", "2", "4", "8"})
	fmt.Fprintf(b, "    resources: {cpus: %s, mem: %dMiB", cpus, 64<<c.rng.IntN(8))
	if c.maybe(0.1) {
		b.WriteString(", gpus: 1")
	}
	b.WriteString("}\n")
}

// rules says what happens after failures, and where tasks may run.
func (c *chaos) rules(b *strings.Builder) {
	if c.maybe(0.6) {
		fmt.Fprintf(b, "    retries: {limit: %d, backoff: %s, max_backoff: 40s", c.rng.IntN(4), pick(c.rng, []string{"0s", "1s", "10s", "30s"}))
		if c.maybe(0.2) {
			b.WriteString(", exit_codes: [75, 137]")
		}
		b.WriteString("}\n")
	}
	if c.maybe(0.4) {
		fmt.Fprintf(b, "    timeout: %s\n", c.between(2*time.Second, 2*time.Minute).Round(time.Second))
	}
	if c.maybe(0.15) {
		b.WriteString(pick(c.rng, []string{
			"    where: [{attribute: site, equals: cnes}]\n",
			"    where: [{attribute: rack, matches: \"r[12]\"}]\n",
			"    where: [{attribute: rack, not_matches: \"r3\"}, {attribute: site, equals: cnes}]\n",
		}))
	}
	if c.maybe(0.2) {
		fmt.Fprintf(b, "    spread: %s\n", pick(c.rng, []string{"rack", "hostname"}))
	}
}
