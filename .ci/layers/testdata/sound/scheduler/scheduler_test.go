package scheduler

import "github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
