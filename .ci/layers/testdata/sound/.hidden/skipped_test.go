package hidden

import "time"

func wait() { time.Sleep(time.Second) }
