package tasklog

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/mesos"
)

var someFile = mesos.SandboxFile{Agent: "http://h1:5051", Framework: "f", Task: "t", Name: "stdout"}

// pattern is n bytes of which each tells its place: text that can be compressed, after which comes what cannot.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		if i < n/2 {
			b[i] = "a line of text\n"[i%15]
			continue
		}
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// assemble puts a log together again from what is kept; what was cut out is zero.
func assemble(t interface{ Fatal(...any) }, k kept) (text []byte, gap int64) {
	text = make([]byte, k.size)
	at := int64(0)
	for _, p := range k.pieces {
		if p.At < at {
			t.Fatal("pieces overlap or are not in order:", k.pieces)
		}
		gap += p.At - at
		data, err := p.text()
		if err != nil {
			t.Fatal(err)
		}
		copy(text[p.At:], data)
		at = p.end()
	}
	return text, gap + k.size - at
}

// TestFetch: whatever the size of a log, what is kept of it is what it holds at these places, no more than the limit
// and, if it is longer, no less; its beginning and its end are there.
func TestFetch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1, 2*mesos.MaxRead).Draw(t, "limit")
		size := rapid.OneOf(rapid.IntRange(0, 3*mesos.MaxRead), rapid.IntRange(max(0, int(limit)-2), int(limit)+2), rapid.IntRange(4*pieceSize-1, 4*pieceSize+1)).Draw(t, "size")
		a := newAgents()
		want := pattern(size)
		a.set(someFile, string(want))
		k, err := fetch(t.Context(), a, someFile, limit)
		if err != nil {
			t.Fatal(err)
		}
		got, gap := assemble(t, k)
		if keep := min(int64(size), limit); k.size != int64(size) || gap != int64(size)-keep {
			t.Fatalf("%d of %d bytes are missing with limit %d", gap, k.size, limit)
		}
		head, tail := int64(size), int64(0)
		if int64(size) > limit {
			head = limit / headShare
			tail = limit - head
		}
		if !bytes.Equal(got[:head], want[:head]) || !bytes.Equal(got[int64(size)-tail:], want[int64(size)-tail:]) {
			t.Fatal("other bytes are kept than there were")
		}
	})
}

// TestFetchLarge reads 100 MiB: only what is kept of it.
func TestFetchLarge(t *testing.T) {
	a := newAgents()
	a.set(someFile, string(pattern(100<<20)))
	k, err := fetch(t.Context(), a, someFile, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, gap := assemble(t, k); gap != 96<<20 || a.reads > 70 {
		t.Errorf("%d bytes are missing after %d reads", gap, a.reads)
	}
}

// TestFetchShrinks cuts a file short while it is read, once and for ever.
func TestFetchShrinks(t *testing.T) {
	a := newAgents()
	a.set(someFile, string(pattern(3*mesos.MaxRead)))
	a.before = func(f mesos.SandboxFile, offset int64) {
		if offset == mesos.MaxRead {
			a.set(someFile, "short")
		}
	}
	k, err := fetch(t.Context(), a, someFile, 1<<20)
	if err != nil || k.size != 5 {
		t.Errorf("%d bytes, %v", k.size, err)
	}
	long := true
	a.before = func(mesos.SandboxFile, int64) {
		a.set(someFile, string(pattern(map[bool]int{true: 2 * mesos.MaxRead, false: 7}[long])))
		long = !long
	}
	if k, err = fetch(t.Context(), a, someFile, 1<<20); err != nil || k.why == "" {
		t.Errorf("a file that never keeps its size: %+v, %v", k, err)
	}
}

func TestFetchErrors(t *testing.T) {
	a := newAgents()
	if _, err := fetch(t.Context(), a, someFile, 10); !errors.Is(err, mesos.ErrNoFile) {
		t.Error(err)
	}
	a.set(someFile, string(pattern(2*mesos.MaxRead)))
	a.before = func(_ mesos.SandboxFile, offset int64) {
		if offset > 0 {
			a.answer(someFile.Agent, errRefused)
		}
	}
	if _, err := fetch(t.Context(), a, someFile, 1<<20); !errors.Is(err, mesos.ErrAgentAway) {
		t.Error(err)
	}
}
