package planner

import "time"

// opens tells whether a moment is in hours without bursting, and when they end.
func (c Calendar) opens(now time.Time) (at time.Time, closed bool) {
	for at = now; ; closed = true { // stretches that touch or overlap are one
		until, in := c.end(at)
		if !in || until.Sub(now) > 8*24*time.Hour { // closed all week
			return at, closed || in
		}
		at = until
	}
}

// end gives the latest end of the stretches that a moment is in.
func (c Calendar) end(now time.Time) (until time.Time, in bool) {
	for _, closed := range c {
		for back := range 2 { // one that began yesterday may last until after midnight
			if end, during := closed.during(now, back); during && end.After(until) {
				until, in = end, true
			}
		}
	}
	return until, in
}

// during tells whether a moment is in the stretch that began so many days before, and when that ends. Times of day are those
// that clocks show, also on days on which clocks are changed.
func (c *Closed) during(now time.Time, daysAgo int) (end time.Time, during bool) {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	local := now.In(zone)
	clock := func(since time.Duration) time.Time {
		return time.Date(local.Year(), local.Month(), local.Day()-daysAgo, 0, 0, int(since/time.Second), 0, zone)
	}
	begin, end := clock(c.From), clock(c.To)
	day := time.Weekday((int(local.Weekday()) - daysAgo + 7) % 7)
	return end, c.Days[day] && !now.Before(begin) && now.Before(end)
}
