package placement

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A test of a pure room may read files; it may not wait for time, unless the time is its own.
func TestPlace(t *testing.T) {
	if _, err := os.Stat("testdata"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	synctest.Test(t, func(t *testing.T) { time.Sleep(time.Hour) })
}
