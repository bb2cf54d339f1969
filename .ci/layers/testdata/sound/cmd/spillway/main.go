// Command spillway ties everything together.
package main

import (
	"github.com/lisa-dpc/spillway/cmd/spillway/follow"
	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

func Main() {}
