package sim

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var (
	oneSeed = flag.Uint64("seed", 0, "play this seed only")
	show    = flag.Bool("show", false, "write what happens to the standard output; with -seed")
	seeds   = flag.Int("seeds", 1000, "how many seeds to play")
	first   = flag.Uint64("first", 1, "the first of them")
)

// TestSeeds plays many scenarios in which anything goes wrong, and holds the scheduler to its promises in each.
func TestSeeds(t *testing.T) {
	if *oneSeed != 0 {
		playOne(t, *oneSeed)
		return
	}
	n := *seeds
	if testing.Short() {
		n = min(n, 50)
	}
	const shards = 8
	for shard := range shards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			sum := Report{Faults: map[string]int{}}
			for i := shard; i < n && !t.Failed(); i += shards {
				seed := *first + uint64(i)
				r := Run(Chaos(seed))
				sum.add(&r)
				if r.Err != nil {
					t.Errorf("seed %d: %v\n\nplay it again with:\n  go test ./scheduler/sim -run TestSeeds -seed %d -show\nwhere it ends with:\n%s",
						seed, r.Err, seed, tail(seed, 40))
				}
			}
			t.Logf("%d events, %d steps, %d runs, %d attempts, %d successes in %s; faults: %v",
				sum.Events, sum.Steps, sum.Runs, sum.Attempts, sum.Tasks, sum.Virtual.Round(time.Second), sum.Faults)
		})
	}
}

// TestSameSeedSameTrace plays seeds twice: what happens must be the same to the last byte, so that a seed that failed can
// be played again.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		var first, second bytes.Buffer
		for _, to := range []*bytes.Buffer{&first, &second} {
			sc := Chaos(seed)
			sc.Trace = to
			Run(sc)
		}
		if first.Len() == 0 || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("seed %d plays in two ways:\n%s", seed, firstDifference(first.String(), second.String()))
		}
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d\n%s\n%s", i+1, x[i], y[i])
		}
	}
	return fmt.Sprintf("%d lines, %d lines", len(x), len(y))
}

// add adds up what was played.
func (r *Report) add(o *Report) {
	r.Events += o.Events
	r.Steps += o.Steps
	r.Runs += o.Runs
	r.Attempts += o.Attempts
	r.Tasks += o.Tasks
	r.Virtual += o.Virtual
	for kind, n := range o.Faults {
		r.Faults[kind] += n
	}
}

func playOne(t *testing.T, seed uint64) {
	sc := Chaos(seed)
	if *show {
		sc.Trace = os.Stdout
	}
	r := Run(sc)
	t.Logf("%d events, %d steps, %d attempts, %d runs in %s; faults: %v", r.Events, r.Steps, r.Attempts, r.Runs, r.Virtual, r.Faults)
	if r.Err != nil {
		t.Error(r.Err)
	}
}

// tail is the last lines of a seed's trace.
func tail(seed uint64, n int) string {
	sc := Chaos(seed)
	var b bytes.Buffer
	sc.Trace = &b
	Run(sc)
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
