package strictyaml

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// isNegative notes that a quantity is less than 0.
func (d *Decoder) isNegative(path string, n *yaml.Node) bool {
	is := n.Kind == yaml.ScalarNode && negative.MatchString(n.Value)
	if is {
		d.Add(path, "", "%s is less than 0", Quotable(n.Value))
	}
	return is
}

var negative = regexp.MustCompile(`^-[0-9.]`)

// Size is an amount of memory or disk space in MiB.
type Size int64

// MaxSize is the largest: 1 PiB.
const MaxSize = 1 << 30

// size fills an amount of memory or disk space.
func (d *Decoder) size(path string, n *yaml.Node, s *Size) {
	if d.isNegative(path, n) {
		return
	}
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!int" || n.ShortTag() == "!!float") {
		d.Add(path, "such as "+Quotable(n.Value)+"MiB", "%s has no unit", Quotable(n.Value))
		return
	}
	if !d.Want(path, n, "a size such as 512MiB", "!!str") {
		return
	}
	mib, err := parseSize(n.Value)
	if err != nil {
		d.Add(path, "such as 512MiB or 1.5GiB", "%s", err)
		return
	}
	*s = Size(mib)
}

var sizePattern = regexp.MustCompile(`^([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)$`)

// sizeUnits are the units of sizes in bytes: powers of 1024 with an i, powers of 1000 without.
var sizeUnits = map[string]int64{
	"B": 1,
	"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
	"KB": 1e3, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// parseSize reads a number with a unit, such as 512MiB, 1.5GiB or 2G (2,000,000,000 bytes), and gives it in MiB, rounded
// up.
func parseSize(s string) (int64, error) {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is no size", Quotable(s))
	}
	unit, known := sizeUnits[m[2]]
	if m[2] == "" {
		return 0, fmt.Errorf("%s has no unit", s)
	}
	if !known {
		return 0, fmt.Errorf("%q is no unit, there are B, KiB, MiB, GiB, TiB, and KB, MB, GB, TB with 1 KB = 1000 B", m[2])
	}
	amount, ok := new(big.Rat).SetString(m[1])
	if !ok {
		panic("strictyaml: not a number: " + m[1])
	}
	amount.Mul(amount, big.NewRat(unit, 1<<20))
	mib := new(big.Int).Add(amount.Num(), amount.Denom())
	mib.Sub(mib, big.NewInt(1)).Quo(mib, amount.Denom())
	if !mib.IsInt64() || mib.Int64() > MaxSize {
		return 0, fmt.Errorf("%s is more than 1024TiB", s)
	}
	return mib.Int64(), nil
}

// CPUs is a number of cpus in thousandths.
type CPUs int64

// MaxCPUs is the largest number of them: 100,000 cpus.
const MaxCPUs = 100_000_000

// cpus fills a number of cpus.
func (d *Decoder) cpus(path string, n *yaml.Node, c *CPUs, f *Field) {
	if d.isNegative(path, n) {
		return
	}
	if !d.Want(path, n, "a number such as 0.5", "!!int", "!!float") {
		return
	}
	thousandths, err := parseCPUs(n.Value)
	if err != nil {
		d.Add(path, "such as 0.5 or 2", "%s", err)
		return
	}
	if f.Above && thousandths == 0 {
		d.Add(path, "such as 0.5 or 2", "should be more than 0")
		return
	}
	*c = CPUs(thousandths)
}

var cpusPattern = regexp.MustCompile(`^([0-9]{1,9})(?:\.([0-9]{1,3})0*)?$`)

// parseCPUs reads a decimal number of at most three decimals, and gives it in thousandths.
func parseCPUs(s string) (int64, error) {
	m := cpusPattern.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%s is no decimal number with at most three decimals", Quotable(s))
	}
	thousandths := 1000*atoi(m[1]) + atoi((m[2] + "000")[:3])
	if thousandths > MaxCPUs {
		return 0, fmt.Errorf("%s is more than %d", s, MaxCPUs/1000)
	}
	return thousandths, nil
}

// MaxDuration is the longest time that can be given.
const MaxDuration = 366 * 24 * time.Hour

// duration fills a time that passes.
func (d *Decoder) duration(path string, n *yaml.Node, x *time.Duration, f *Field) {
	if d.isNegative(path, n) {
		return
	}
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!int" || n.ShortTag() == "!!float") {
		d.Add(path, "such as "+Quotable(n.Value)+"s", "%s has no unit", Quotable(n.Value))
		return
	}
	if !d.Want(path, n, "a duration such as 90s", "!!str") {
		return
	}
	v, err := ParseDuration(n.Value)
	if err != nil {
		d.Add(path, "such as 90s, 1h30m or PT30M", "%s", err)
		return
	}
	switch {
	case f.Shortest > 0 && v < f.Shortest:
		d.Add(path, "", "%s is less than %s", Shortly(v), Shortly(f.Shortest))
	case f.Longest > 0 && v > f.Longest:
		d.Add(path, "", "%s is more than %s", Shortly(v), Shortly(f.Longest))
	default:
		*x = v
	}
}

// Shortly writes a duration without the zeros that Go ends it with.
func Shortly(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// isoDuration is an ISO 8601 duration without years and months, which have no fixed length. Only the last number may have
// a fraction (ISO 8601-1:2019, 5.5.2.3).
var isoDuration = regexp.MustCompile(`^P(?:([0-9.,]+)W)?(?:([0-9.,]+)D)?(?:T(?:([0-9.,]+)H)?(?:([0-9.,]+)M)?(?:([0-9.,]+)S)?)?$`)

var isoNumber = regexp.MustCompile(`^[0-9]{1,12}(?:[.,][0-9]{1,9})?$`)

// ParseDuration reads a Go duration such as 1h30m, or an ISO 8601 duration such as PT1H30M or P1D, from 0 to 366 days.
func ParseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no duration", Quotable(s))
	if !strings.HasPrefix(s, "P") {
		v, err := time.ParseDuration(s)
		switch {
		case err != nil:
			return 0, bad
		case v < 0:
			return 0, fmt.Errorf("%s is less than 0", s)
		case v > MaxDuration:
			return 0, fmt.Errorf("%s is more than 366 days", s)
		}
		return v, nil
	}
	m := isoDuration.FindStringSubmatch(s)
	if strings.ContainsAny(s, "YM") && m == nil {
		return 0, fmt.Errorf("%q: years and months have no fixed length", Quotable(s))
	}
	if m == nil || strings.HasSuffix(s, "T") || s == "P" {
		return 0, bad
	}
	total := new(big.Rat)
	fraction := false
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		number := strings.Replace(m[i+1], ",", ".", 1)
		if number == "" {
			continue
		}
		if !isoNumber.MatchString(number) || fraction {
			return 0, bad
		}
		fraction = strings.Contains(number, ".")
		amount, ok := new(big.Rat).SetString(number)
		if !ok {
			return 0, bad
		}
		total.Add(total, amount.Mul(amount, big.NewRat(int64(unit), 1)))
	}
	nanoseconds := new(big.Int).Quo(total.Num(), total.Denom())
	if !nanoseconds.IsInt64() || nanoseconds.Int64() > int64(MaxDuration) {
		return 0, fmt.Errorf("%s is more than 366 days", s)
	}
	return time.Duration(nanoseconds.Int64()), nil
}
