package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// finding is what the search found.
type finding struct {
	GPS       float64            `json:"gps_seconds"` // when it was strongest at Hanford
	UTC       time.Time          `json:"utc"`
	SNR       float64            `json:"snr"` // of both detectors together
	By        map[string]float64 `json:"snr_by_detector"`
	Delay     float64            `json:"hanford_after_livingston_ms"`
	ChirpMass float64            `json:"chirp_mass_suns"`
	Template  int                `json:"template"`
	Templates int                `json:"templates"`
	// Bank is the loudest pair of each template.
	Bank []tried `json:"bank"`
	// Background is, for each slide, how loud noise got.
	Background []float64 `json:"snr_of_slides,omitempty"`
	// Minutes is how much time the slides amount to.
	Minutes   float64   `json:"minutes_of_slides,omitempty"`
	Published published `json:"published"`
}

// tried is the loudest pair of one template.
type tried struct {
	ChirpMass float64 `json:"chirp_mass_suns"`
	SNR       float64 `json:"snr"`
	GPS       float64 `json:"gps_seconds"`
}

// published is what LIGO and Virgo said of GW150914: Abbott et al., Phys. Rev. Lett. 116, 061102 (2016), from 16 days of
// data. The chirp mass follows from the masses there, 36 and 29 suns in their own frame at a redshift of 0.09.
type published struct {
	UTC       time.Time `json:"utc"`
	SNR       float64   `json:"snr"`
	Delay     float64   `json:"hanford_after_livingston_ms"`
	ChirpMass float64   `json:"chirp_mass_suns"`
	Source    string    `json:"source"`
}

func gw150914() published {
	chirp := math.Pow(36*29, 0.6) / math.Pow(36+29, 0.2) * 1.09
	return published{
		UTC: time.Date(2015, 9, 14, 9, 50, 45, 0, time.UTC), SNR: 24, Delay: 6.9, ChirpMass: math.Round(chirp*10) / 10,
		Source: "Abbott et al., Phys. Rev. Lett. 116, 061102 (2016)",
	}
}

// utc is the time at which clocks of GPS show so many seconds, during the years 2015 and 2016: GPS counts from the
// beginning of 6 January 1980 without leap seconds, of which there had been 17 since.
func utc(gps float64) time.Time {
	const leaps = 17
	begin := time.Date(1980, 1, 6, 0, 0, 0, 0, time.UTC)
	return begin.Add(time.Duration((gps - leaps) * float64(time.Second))).Round(time.Millisecond)
}

// gps is the time of a sample.
func gps(sample float64) float64 { return epoch + sample/rate }

// newFinding is the loudest of the loudest pairs of all templates.
func newFinding(pairs []pair) finding {
	f := finding{Templates: len(pairs), By: map[string]float64{}, Published: gw150914()}
	var best pair
	for n, p := range pairs {
		f.Bank = append(f.Bank, tried{chirpMass(n, len(pairs)), p.combined(), gps(p.at[0])})
		if p.combined() > best.combined() {
			best = p
		}
	}
	for d, name := range detectors {
		f.By[name] = best.snr[d]
	}
	f.GPS, f.SNR = gps(best.at[0]), best.combined()
	f.UTC, f.Delay = utc(f.GPS), (best.at[0]-best.at[1])/rate*1e3
	f.Template, f.ChirpMass = best.template, chirpMass(best.template, len(pairs))
	return f
}

// words say what was found and how it compares, for people.
func (f finding) words() string {
	s := fmt.Sprintf("A gravitational wave passed on %s UTC (GPS %.3f): %.1f times as loud as the noise (Hanford %.1f, Livingston %.1f).\n",
		f.UTC.Format("2 January 2006 at 15:04:05.000"), f.GPS, f.SNR, f.By["H1"], f.By["L1"])
	s += fmt.Sprintf("It reached Hanford %.1f ms after Livingston; light takes up to 10 ms.\n", f.Delay)
	s += fmt.Sprintf("It fits two black holes of a chirp mass of %.1f suns best, of %d templates.\n", f.ChirpMass, f.Templates)
	if len(f.Background) > 0 {
		s += fmt.Sprintf("In %.0f minutes of data slid against each other, noise alone reached %.1f at most.\n", f.Minutes, greatest(f.Background))
	}
	p := f.Published
	return s + fmt.Sprintf("Published of GW150914: %s UTC, %.0f times the noise, %.1f ms, %.1f suns (%s).\n",
		p.UTC.Format("15:04:05"), p.SNR, p.Delay, p.ChirpMass, p.Source)
}

func greatest(values []float64) float64 { return values[strongest(values, 0, len(values))] }

const findingFile = "finding.json"

func (f finding) write(to folder) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(to.keep(findingFile, append(text, '\n')), to.keep("finding.txt", []byte(f.words())))
}

func readFinding(from folder) (finding, error) {
	var f finding
	text, err := from.text(findingFile)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("reading %s: %w", findingFile, err)
	}
	return f, nil
}
