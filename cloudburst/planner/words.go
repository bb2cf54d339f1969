package planner

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// count writes a number of things: "1 VM", "3 VMs".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// figure writes a number with two decimals at most, or what is less than one with three digits.
func figure(x float64) string {
	unit := 100.
	if small := math.Abs(x); small > 0 && small < 1 {
		unit = math.Pow(10, 2-math.Floor(math.Log10(small))) // three digits that say something
	}
	return strconv.FormatFloat(math.Round(x*unit)/unit, 'f', -1, 64)
}

// span writes how long something takes, as exactly as one wants to know it: "40s", "2m10s", "3h20m".
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return "1s"
	case d < time.Hour:
		d = d.Round(time.Second)
	default:
		d = d.Round(time.Minute)
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// cpus writes thousandths of cpus.
func cpus(n int64) string {
	if n == 1000 {
		return "1 cpu"
	}
	return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64) + " cpus"
}

// size writes MiB in the largest unit that needs no fraction.
func size(mib int64) string {
	switch {
	case mib != 0 && mib%(1<<20) == 0:
		return fmt.Sprintf("%dTiB", mib>>20)
	case mib != 0 && mib%(1<<10) == 0:
		return fmt.Sprintf("%dGiB", mib>>10)
	}
	return fmt.Sprintf("%dMiB", mib)
}
