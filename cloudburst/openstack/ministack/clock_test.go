package ministack

import (
	"slices"
	"testing"
	"time"
)

func TestClockKeepsTheOrder(t *testing.T) {
	clock := NewClock(startOfTime)
	var got []string
	note := func(what string) func() {
		return func() { got = append(got, what+" "+clock.Now().Sub(startOfTime).String()) }
	}
	clock.after(3*time.Second, note("last"))
	clock.after(time.Second, func() {
		note("first")()
		clock.after(time.Second, note("third"))
	})
	clock.after(2*time.Second, note("second"))
	clock.after(time.Hour, note("never"))
	clock.Advance(time.Minute)
	want := []string{"first 1s", "second 2s", "third 2s", "last 3s"}
	if !slices.Equal(got, want) || !clock.Now().Equal(startOfTime.Add(time.Minute)) {
		t.Errorf("got %q at %s, want %q", got, clock.Now(), want)
	}
}

// Clouds that share a clock live in one time.
func TestCloudsShareAClock(t *testing.T) {
	clock := NewClock(startOfTime)
	var boots []string
	boot := func(m Machine, _ []byte) (func(), error) {
		boots = append(boots, m.Name+" "+clock.Now().Sub(startOfTime).String())
		return nil, nil
	}
	one := start(t, Options{Clock: clock, Boot: boot, BuildTime: 10 * time.Second})
	other := start(t, Options{Clock: clock, Boot: boot, BuildTime: time.Second})
	a, b := logIn(t, one), logIn(t, other)
	a.create(a.opts("a"))
	b.create(b.opts("b"))
	clock.Advance(time.Hour)
	if want := []string{"b 3s", "a 12s"}; !slices.Equal(boots, want) {
		t.Errorf("got %q, want %q", boots, want)
	}
}
