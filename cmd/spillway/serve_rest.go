package main

import (
	"fmt"
	"math"

	"github.com/spf13/pflag"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
)

// restFlags are the limits of what clients may ask.
type restFlags struct{ rate float64 }

func (r *restFlags) flags(f *pflag.FlagSet) {
	f.Float64Var(&r.rate, "rate", httpapi.DefaultRate, "how many requests a second are taken from each client (a token, or else an address) in the long run; 0: any number")
}

// check refuses what makes no sense.
func (r *restFlags) check() error {
	if !(r.rate >= 0) || math.IsInf(r.rate, 0) {
		return fmt.Errorf("--rate %g: it must be a number of requests a second, or 0 for any number", r.rate)
	}
	return nil
}
