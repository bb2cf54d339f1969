package placement

import (
	"fmt"
	"strconv"
)

// choose gives the word for one thing or for several.
func choose[N int | int64](n N, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// amount writes a quantity of a resource with its name: "1.5 cpus", "4GiB mem", "1 gpu".
func amount(k kind, n int64) string {
	switch k {
	case cpus:
		if n == 1000 {
			return "1 cpu"
		}
		return quantity(k, n) + " cpus"
	case mem:
		return quantity(k, n) + " mem"
	case disk:
		return quantity(k, n) + " disk"
	case gpus:
		return quantity(k, n) + choose(n, " gpu", " gpus")
	default:
		return quantity(k, n) + choose(n, " port", " ports")
	}
}

// quantity writes a quantity of a resource with its unit only.
func quantity(k kind, n int64) string {
	switch k {
	case cpus:
		return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64)
	case mem, disk:
		return size(n)
	default:
		return strconv.FormatInt(n, 10)
	}
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
