package config

import (
	"regexp"
	"strconv"
	"time"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

// Clock is a time of day, since midnight.
type Clock time.Duration

const clockForm = `^([01]?[0-9]|2[0-3]):([0-5][0-9])$|^24:00$`

var clockPattern = regexp.MustCompile(clockForm)

// ReadYAML reads hours and minutes.
func (c *Clock) ReadYAML(d *strictyaml.Decoder, path string, n *yaml.Node) {
	if !d.Want(path, n, `a time of day such as "08:00"`, "!!str") {
		return
	}
	m := clockPattern.FindStringSubmatch(n.Value)
	if m == nil {
		d.Add(path, `such as "08:00" or "17:30"`, "%q is no time of day", strictyaml.Quotable(n.Value))
		return
	}
	*c = Clock(24 * time.Hour)
	if m[1] != "" {
		hours, _ := strconv.Atoi(m[1]) // they are digits
		minutes, _ := strconv.Atoi(m[2])
		*c = Clock(time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute)
	}
}

// JSONSchema says how a time of day is written.
func (Clock) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: clockForm}
}

// Zone is a time zone.
type Zone struct{ *time.Location }

// ReadYAML reads the name of a zone of the IANA's.
func (z *Zone) ReadYAML(d *strictyaml.Decoder, path string, n *yaml.Node) {
	if !d.Want(path, n, "a time zone such as Europe/Paris", "!!str") {
		return
	}
	location, err := time.LoadLocation(n.Value)
	if err != nil || n.Value == "" || n.Value == "Local" {
		d.Add(path, "such as Europe/Paris or UTC", "%q is no time zone", strictyaml.Quotable(n.Value))
		return
	}
	z.Location = location
}

// JSONSchema says that it is text.
func (Zone) JSONSchema() *jsonschema.Schema { return &jsonschema.Schema{Type: "string"} }

// weekdays are the days as burst.yaml writes them, by time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// On tells whether it begins on a day.
func (c *Closed) On(day time.Weekday) bool {
	if c.Days == nil {
		return true
	}
	for _, d := range c.Days {
		if d == weekdays[day] {
			return true
		}
	}
	return false
}

// Span is when it begins and ends, since midnight; the end is after 24 h if it is on the next day.
func (c *Closed) Span() (from, to time.Duration) {
	from, to = time.Duration(c.From), time.Duration(c.To)
	if to <= from {
		to += 24 * time.Hour
	}
	return from, to
}
