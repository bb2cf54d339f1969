package strictyaml

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		text string
		mib  int64
	}{
		{"0B", 0}, {"1B", 1}, {"1MiB", 1}, {"512MiB", 512}, {"512 Mi", 512}, {"1GiB", 1024}, {"1.5GiB", 1536}, {"1TiB", 1 << 20},
		{"1024TiB", 1 << 30}, {"1048576B", 1}, {"1048577B", 2}, {"1M", 1}, {"1MB", 1}, {"2G", 1908}, {"2GB", 1908},
		{"1000kB", 1}, {"1049K", 2}, {"0.000000001TiB", 1}, {"1T", 953675},
	} {
		got, err := parseSize(c.text)
		if err != nil || got != c.mib {
			t.Errorf("%s: got %d, %v, want %d", c.text, got, err, c.mib)
		}
	}
	for _, text := range []string{
		"", "1", "MiB", "-1MiB", "+1MiB", "1.MiB", ".5GiB", "1e3MiB", "1mib", "1mB", "1Mib", "0x1MiB", "1 MiB ", "1,5GiB", "1025TiB",
		"9999999999999999GiB", "1PiB", "١MiB",
	} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q is taken for %d MiB", text, got)
		}
	}
}

// TestParseSizeRoundsUp holds sizes in bytes against whole numbers: enough, and not a MiB too much.
func TestParseSizeRoundsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, 1<<20).Draw(t, "amount")
		unit := rapid.SampledFrom([]string{"B", "K", "kB", "KiB", "Ki", "M", "MB", "MiB", "Mi", "G", "GB", "GiB", "Gi"}).Draw(t, "unit")
		mib, err := parseSize(fmt.Sprint(amount, unit))
		if err != nil {
			t.Fatal(err)
		}
		bytes := amount * sizeUnits[unit]
		if mib<<20 < bytes || (mib-1)<<20 >= bytes && mib > 0 {
			t.Errorf("%d%s, %d bytes, is taken for %d MiB", amount, unit, bytes, mib)
		}
	})
}

func TestParseCPUs(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1000, "0.5": 500, "0.05": 50, "0.001": 1, "0": 0, "2.75": 2750, "1.2340000": 1234, "100000": 100_000_000, "007": 7000,
	} {
		got, err := parseCPUs(text)
		if err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0.0001", "1.2341", ".5", "1.", "-1", "+1", "1e1", "nan", "100000.001", "9999999999"} {
		if got, err := parseCPUs(text); err == nil {
			t.Errorf("%q is taken for %d", text, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0s": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute, "250ms": 250 * time.Millisecond,
		"PT30M": 30 * time.Minute, "P1D": day, "P1W": 7 * day, "P1W1D": 8 * day, "P1DT12H": 36 * time.Hour, "PT1H30M": 90 * time.Minute,
		"PT0.5S": 500 * time.Millisecond, "PT0,5S": 500 * time.Millisecond, "PT1.5H": 90 * time.Minute, "P0D": 0, "PT36H": 36 * time.Hour,
		"P1DT0.25H": day + 15*time.Minute, "P366D": MaxDuration, "8784h": MaxDuration, "PT0.000000001S": 1,
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "90", "1d", "1h 30m", "-1s", "P", "PT", "P1", "PT1", "P1H", "PT1D", "P1DT", "P1Y", "P1M", "P1Y2M", "PT1.5H30M", "PT1.S",
		"PT.5S", "PT1..5S", "PT1.2,3S", "pt1h", "P-1D", "-P1D", "PT1H1H", "PT1S1M", "P367D", "8784h1ns", "P999999999999W", "P9999999999999W",
		"9999999h", "P1D ", "P1DT1H30",
	} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}

// TestParseDurationReadsWhatGoWrites and what is put together by the rules of ISO 8601.
func TestParseDurationReadsWhatGoWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(0, int64(MaxDuration)).Draw(t, "duration"))
		whole, rest := want/time.Second, want%time.Second
		iso := fmt.Sprintf("P%dDT%dH%dM%d.%09dS", whole/86400, whole/3600%24, whole/60%60, whole%60, rest)
		for _, text := range []string{want.String(), iso} {
			if got, err := ParseDuration(text); err != nil || got != want {
				t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
			}
		}
	})
}
