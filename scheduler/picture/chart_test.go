package picture

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// peak is a queue that fills and is emptied with the help of two machines.
func peak() *Chart {
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	series := func(name string, pairs ...float64) Series {
		s := Series{Name: name}
		for i := 0; i < len(pairs); i += 2 {
			s.Points = append(s.Points, Point{from.Add(time.Duration(pairs[i] * float64(time.Second))), pairs[i+1]})
		}
		return s
	}
	return &Chart{
		Title: "A peak", Subtitle: "40 tasks <on> 2 agents", From: from, To: from.Add(time.Minute),
		Panels: []Panel{
			{Label: "tasks", Series: []Series{series("running", 0, 0, 5, 8, 20, 16, 50, 0), series("waiting", 5, 32, 20, 20, 30, 10, 40, 0)}},
			{Label: "agents", Series: []Series{series("cluster", 0, 2), series("cloud", 20, 2, 55, 0)}},
		},
	}
}

func TestChart(t *testing.T) {
	text := peak().SVG()
	golden(t, "chart.svg", text)
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSeriesKeepsItsValue(t *testing.T) {
	s := peak().Panels[0].Series[1]
	for second, want := range map[int]float64{0: 0, 4: 0, 5: 32, 19: 32, 20: 20, 39: 10, 40: 0, 60: 0} {
		if got := s.at(peak().From.Add(time.Duration(second) * time.Second)); got != want {
			t.Errorf("after %d s: %g, want %g", second, got, want)
		}
	}
}

// TestChartOfNothing draws what has neither length nor values.
func TestChartOfNothing(t *testing.T) {
	now := time.Unix(0, 0)
	c := Chart{From: now, To: now, Panels: []Panel{{Label: "tasks", Series: []Series{{Name: "waiting"}}}}}
	if text := c.SVG(); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error(text)
	}
}
