package registry

import (
	"testing"
	"time"
)

func TestMemory(t *testing.T) {
	parsed := func(written string) image {
		img, fault := parse(written, nil)
		if fault != nil {
			t.Fatal(fault)
		}
		return img
	}
	a1, a2, b1 := parsed("reg.example/a:1"), parsed("reg.example/a:2"), parsed("other.example/b:1")
	start := time.Unix(1_800_000_000, 0)
	good := answer{digest: "sha256:x"}
	fails := func(k Kind) answer { return answer{fault: &Fault{Kind: k}} }

	for name, tc := range map[string]struct {
		answer answer
		others bool // the answer counts for the registry's other images as well
		first  bool // it is news that the registry fails
		lasts  time.Duration
	}{
		"a digest":      {good, false, false, keepAnswer},
		"a missing tag": {fails(TagFault), false, false, keepAnswer},
		"a refusal":     {fails(UnauthorizedFault), false, false, keepAnswer},
		"no connection": {fails(ConnectionFault), true, true, keepFault},
		"an own error":  {fails(ServerFault), true, true, keepFault},
		"too often":     {fails(BusyFault), true, true, keepBusy},
	} {
		t.Run(name, func(t *testing.T) {
			var m memory
			if got := m.keep(a1, tc.answer, start); got != tc.first {
				t.Errorf("keep: %v", got)
			}
			if m.keep(a1, tc.answer, start) {
				t.Error("the second time is news as well")
			}
			last := start.Add(tc.lasts - 1)
			if got, known := m.recall(a1, last); !known || got != tc.answer {
				t.Errorf("recalled %v, %v", got, known)
			}
			if _, known := m.recall(a2, last); known != tc.others {
				t.Errorf("another image of the registry: %v", known)
			}
			if _, known := m.recall(b1, last); known {
				t.Error("an image of another registry")
			}
			if _, known := m.recall(a1, start.Add(tc.lasts)); known {
				t.Error("it is kept for too long")
			}
			if m.keep(b1, good, start.Add(tc.lasts)); len(m.answers)+len(m.faults) != 1 {
				t.Errorf("old answers stay: %v %v", m.answers, m.faults)
			}
		})
	}
}

// TestFailingIsToldOnce: a registry that goes on failing is news when it begins, and not each time it is asked.
func TestFailingIsToldOnce(t *testing.T) {
	img, fault := parse("reg.example/a:1", nil)
	if fault != nil {
		t.Fatal(fault)
	}
	bad, good := answer{fault: &Fault{Kind: ConnectionFault}}, answer{digest: "sha256:x"}
	now := time.Unix(1_800_000_000, 0)
	var m memory
	for i, step := range []struct {
		after  time.Duration
		answer answer
		news   bool
	}{
		{0, bad, true}, {time.Minute, bad, false}, {40 * time.Minute, bad, false}, {40 * time.Minute, bad, false},
		{time.Minute, good, false}, {time.Minute, bad, true}, {2 * keepFailing, bad, true},
	} {
		now = now.Add(step.after)
		if got := m.keep(img, step.answer, now); got != step.news {
			t.Errorf("answer %d: news %v, want %v", i, got, step.news)
		}
	}
}
