package picture

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func sec(n float64) time.Time { return noon.Add(time.Duration(n * float64(time.Second))) }

// small is a run of three steps on three agents, in which something fails, something is lost, and something goes on.
func small() *Timeline {
	bar := func(agent, step string, index int, launched, started, ended float64, outcome string) Bar {
		b := Bar{Agent: agent, Step: step, Label: fmt.Sprintf("%s[%d]", step, index), Launched: sec(launched), Outcome: outcome}
		if started >= 0 {
			b.Started = sec(started)
		}
		if ended >= 0 {
			b.Ended = sec(ended)
		}
		return b
	}
	t := &Timeline{Title: "demo/strain 01jn <&\">", Steps: []string{"fetch", "whiten", "plot", "never"}, From: noon, To: sec(32), Bars: []Bar{
		bar("agent-2", "fetch", 0, 0.5, 1.5, 6, "succeeded"),
		bar("agent-10", "whiten", 0, 6.1, 8, 14, "author_failed"),
		bar("agent-10", "whiten", 1, 6.1, 8, 19, "succeeded"),
		bar("agent-2", "whiten", 2, 6.2, 7, 11, "infra_failed"),
		bar("agent-1", "whiten", 3, 6.3, 7, 9.5, "cancelled"),
		bar("agent-10", "whiten", 0, 15, 15.3, 21, "succeeded"),
		bar("agent-1", "whiten", 2, 14, -1, 15, "infra_failed"),
		bar("agent-1", "plot", 0, 22, 23, -1, ""),
	}}
	t.Bars[1].Failure = "Container exited with status 1 & more"
	return t
}

// large is a day's run of n attempts.
func large(n int) *Timeline {
	rng := rand.New(rand.NewPCG(1, 2))
	t := &Timeline{Title: "demo/large", Steps: []string{"fetch", "whiten", "search", "plot"}, From: noon, To: noon}
	outcomes := []string{"succeeded", "succeeded", "succeeded", "succeeded", "author_failed", "infra_failed"}
	for i := range n {
		launched := noon.Add(time.Duration(i) * 24 * time.Hour / time.Duration(n))
		started := launched.Add(time.Duration(rng.IntN(60)) * time.Second)
		b := Bar{Agent: fmt.Sprintf("node-%d", rng.IntN(100)), Step: t.Steps[i*4/n], Label: fmt.Sprint(i), Launched: launched,
			Started: started, Ended: started.Add(time.Duration(10+rng.IntN(50)) * time.Minute), Outcome: outcomes[rng.IntN(6)]}
		if b.Ended.After(t.To) {
			t.To = b.Ended
		}
		t.Bars = append(t.Bars, b)
	}
	return t
}

func TestTimeline(t *testing.T) {
	golden(t, "timeline.svg", small().SVG())
	golden(t, "timeline-empty.svg", (&Timeline{Title: "demo/none", From: noon, To: noon}).SVG())
}

func TestTimelineOfThousands(t *testing.T) {
	drawing := large(5000)
	svg := drawing.SVG()
	if groups := wellFormed(t, svg)["title"]; groups != 5000 {
		t.Errorf("%d attempts are drawn", groups)
	}
	if kb := len(svg) >> 10; kb > 2500 {
		t.Errorf("the drawing has %d KiB", kb)
	}
}

// TestLanes: no two attempts of a lane overlap, and an agent has as many lanes as it had attempts at a time.
func TestLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tl := &Timeline{Title: rapid.String().Draw(t, "title"), From: noon, To: sec(100)}
		for range rapid.IntRange(0, 60).Draw(t, "attempts") {
			from := rapid.Float64Range(0, 100).Draw(t, "from")
			tl.Bars = append(tl.Bars, Bar{Agent: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "agent"), Label: rapid.String().Draw(t, "label"),
				Launched: sec(from), Ended: sec(from + rapid.Float64Range(0, 30).Draw(t, "length"))})
		}
		for _, a := range tl.agents() {
			most := 0
			for _, l := range a.lanes {
				for i, b := range l.bars {
					if i > 0 && b.Launched.Before(l.bars[i-1].Ended) {
						t.Fatalf("%v and %v overlap in a lane", l.bars[i-1], b)
					}
					most = max(most, atATime(tl.Bars, a.name, b.Launched))
				}
			}
			if len(a.lanes) > most {
				t.Fatalf("%d lanes for %d attempts at a time", len(a.lanes), most)
			}
		}
		wellFormed(t, tl.SVG())
	})
}

func atATime(bars []Bar, agent string, at time.Time) int {
	n := 0
	for _, b := range bars {
		if b.Agent == agent && !b.Launched.After(at) && (b.Ended.After(at) || b.Launched.Equal(at)) {
			n++
		}
	}
	return n
}

func TestTicks(t *testing.T) {
	for span, want := range map[time.Duration]time.Duration{
		0: time.Millisecond, 3 * time.Second: 500 * time.Millisecond, 32 * time.Second: 5 * time.Second, 100 * time.Second: 10 * time.Second,
		time.Hour: 10 * time.Minute, 7 * time.Hour: time.Hour, 25 * time.Hour: 3 * time.Hour, 100 * time.Hour: 12 * time.Hour,
		8 * 24 * time.Hour: 24 * time.Hour, 365 * 24 * time.Hour: 50 * 24 * time.Hour,
	} {
		if got := tickStep(span); got != want {
			t.Errorf("in %v there is a tick every %v, want %v", span, got, want)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 90 * time.Second: "1m30s", time.Minute: "1m", 2 * time.Hour: "2h", 2*time.Hour + time.Second: "2h0m1s",
		26 * time.Hour: "1d2h", 48 * time.Hour: "2d", 1500 * time.Millisecond: "1.5s", -time.Minute: "-1m", 10 * time.Minute: "10m", 20 * time.Hour: "20h",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func TestCompareNatural(t *testing.T) {
	sorted := []string{"", "agent", "agent-1", "agent-2", "agent-2a", "agent-10", "node-007", "node-8", "z"}
	for i, a := range sorted {
		for j, b := range sorted {
			if got, want := compareNatural(a, b), cmpInt(i, j); got != want {
				t.Errorf("%q, %q: %d, want %d", a, b, got, want)
			}
		}
	}
	if compareNatural("a-01", "a-1") == 0 {
		t.Error("different names are equal")
	}
}

func cmpInt(i, j int) int { return map[bool]int{true: 1}[i > j] - map[bool]int{true: 1}[i < j] }

func TestEscape(t *testing.T) {
	if diff := cmp.Diff("&lt;a&amp;b&gt; &quot;\ufffd\ufffd", escape("<a&b> \"\x1b\xff")); diff != "" {
		t.Error(diff)
	}
	if strings.ContainsRune(escape("\x00"), 0) {
		t.Error("NUL goes through")
	}
}
