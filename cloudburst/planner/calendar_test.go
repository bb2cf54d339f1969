package planner

import (
	"testing"
	"time"
)

func TestCalendar(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	workdays := [7]bool{time.Monday: true, time.Tuesday: true, time.Wednesday: true, time.Thursday: true, time.Friday: true}
	days := Calendar{{Days: workdays, From: 8 * time.Hour, To: 18 * time.Hour, Zone: paris}}
	nights := Calendar{{Days: workdays, From: 22 * time.Hour, To: 30 * time.Hour}, {Days: workdays, From: 6 * time.Hour, To: 7 * time.Hour}}
	sundays := Calendar{{Days: [7]bool{time.Sunday: true}, From: 0, To: 5 * time.Hour, Zone: paris}}
	always := Calendar{{Days: [7]bool{true, true, true, true, true, true, true}, From: 0, To: 24 * time.Hour}}
	for _, c := range []struct {
		name     string
		calendar Calendar
		now      string
		opens    string // empty: it is open
	}{
		{"none", nil, "2034-10-25T12:00:00Z", ""},
		{"by day, in the zone's hours", days, "2034-10-25T06:30:00Z", "2034-10-25T16:00:00Z"},
		{"before they begin", days, "2034-10-25T05:59:59Z", ""},
		{"when they have ended", days, "2034-10-25T16:00:00Z", ""},
		{"at the weekend", days, "2034-10-28T12:00:00Z", ""},
		{"in the evening", nights, "2034-10-25T23:00:00Z", "2034-10-26T07:00:00Z"},
		{"after midnight, and stretches that touch", nights, "2034-10-26T05:00:00Z", "2034-10-26T07:00:00Z"},
		{"after Friday's night", nights, "2034-10-28T05:00:00Z", "2034-10-28T06:00:00Z"},
		{"after a Sunday", nights, "2034-10-30T05:00:00Z", ""},
		{"on the night on which clocks go back", sundays, "2034-10-29T00:00:00Z", "2034-10-29T04:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			at, closed := c.calendar.opens(now)
			if got := at.UTC().Format(time.RFC3339); closed != (c.opens != "") || closed && got != c.opens {
				t.Errorf("closed %v until %s, want %q", closed, got, c.opens)
			}
		})
	}
	if _, closed := always.opens(noon); !closed {
		t.Error("open, though all hours are closed")
	}
}
