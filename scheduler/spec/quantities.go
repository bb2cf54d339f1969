package spec

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// isTemplate notes that a quantity is a template: quantities are fixed before parameters are known.
func (d *decoder) isTemplate(path string, n *yaml.Node) bool {
	is := n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "{{")
	if is {
		d.add(path, templateHomes, "a template cannot stand here")
	}
	return is
}

// isNegative notes that a quantity is less than 0.
func (d *decoder) isNegative(path string, n *yaml.Node) bool {
	is := n.Kind == yaml.ScalarNode && negative.MatchString(n.Value)
	if is {
		d.add(path, "", "%s is less than 0", quotable(n.Value))
	}
	return is
}

var negative = regexp.MustCompile(`^-[0-9.]`)

// size is an amount of memory or disk space in MiB.
type size int64

const maxSize = 1 << 30 // MiB: 1 PiB

func (s *size) read(d *decoder, path string, n *yaml.Node) {
	if d.isTemplate(path, n) || d.isNegative(path, n) {
		return
	}
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!int" || n.ShortTag() == "!!float") {
		d.add(path, "such as "+quotable(n.Value)+"MiB", "%s has no unit", quotable(n.Value))
		return
	}
	if !d.want(path, n, "a size such as 512MiB", "!!str") {
		return
	}
	mib, err := parseSize(n.Value)
	if err != nil {
		d.add(path, "such as 512MiB or 1.5GiB", "%s", err)
		return
	}
	*s = size(mib)
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
		return 0, fmt.Errorf("%q is no size", quotable(s))
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
		panic("spec: not a number: " + m[1])
	}
	amount.Mul(amount, big.NewRat(unit, 1<<20))
	mib := new(big.Int).Add(amount.Num(), amount.Denom())
	mib.Sub(mib, big.NewInt(1)).Quo(mib, amount.Denom())
	if !mib.IsInt64() || mib.Int64() > maxSize {
		return 0, fmt.Errorf("%s is more than 1024TiB", s)
	}
	return mib.Int64(), nil
}

// cpus is a number of cpus in thousandths.
type cpus int64

const maxCPUs = 100_000_000 // thousandths

func (c *cpus) read(d *decoder, path string, n *yaml.Node) {
	if d.isTemplate(path, n) || d.isNegative(path, n) {
		return
	}
	if !d.want(path, n, "a number such as 0.5", "!!int", "!!float") {
		return
	}
	thousandths, err := parseCPUs(n.Value)
	if err != nil {
		d.add(path, "such as 0.5 or 2", "%s", err)
		return
	}
	*c = cpus(thousandths)
}

var cpusPattern = regexp.MustCompile(`^([0-9]{1,9})(?:\.([0-9]{1,3})0*)?$`)

// parseCPUs reads a decimal number of at most three decimals, and gives it in thousandths.
func parseCPUs(s string) (int64, error) {
	m := cpusPattern.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%s is no decimal number with at most three decimals", quotable(s))
	}
	thousandths := 1000*atoi(m[1]) + atoi((m[2] + "000")[:3])
	switch {
	case thousandths == 0:
		return 0, errors.New("a task needs more than 0 cpus")
	case thousandths > maxCPUs:
		return 0, fmt.Errorf("%s is more than %d", s, maxCPUs/1000)
	}
	return thousandths, nil
}

// duration is a time that passes.
type duration time.Duration

const maxDuration = 366 * 24 * time.Hour

func (x *duration) read(d *decoder, path string, n *yaml.Node) {
	if d.isTemplate(path, n) || d.isNegative(path, n) {
		return
	}
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!int" || n.ShortTag() == "!!float") {
		d.add(path, "such as "+quotable(n.Value)+"s", "%s has no unit", quotable(n.Value))
		return
	}
	if !d.want(path, n, "a duration such as 90s", "!!str") {
		return
	}
	v, err := parseDuration(n.Value)
	if err != nil {
		d.add(path, "such as 90s, 1h30m or PT30M", "%s", err)
		return
	}
	*x = duration(v)
}

// isoDuration is an ISO 8601 duration without years and months, which have no fixed length. Only the last number may have
// a fraction (ISO 8601-1:2019, 5.5.2.3).
var isoDuration = regexp.MustCompile(`^P(?:([0-9.,]+)W)?(?:([0-9.,]+)D)?(?:T(?:([0-9.,]+)H)?(?:([0-9.,]+)M)?(?:([0-9.,]+)S)?)?$`)

var isoNumber = regexp.MustCompile(`^[0-9]{1,12}(?:[.,][0-9]{1,9})?$`)

// parseDuration reads a Go duration such as 1h30m, or an ISO 8601 duration such as PT1H30M or P1D, from 0 to 366 days.
func parseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no duration", quotable(s))
	if !strings.HasPrefix(s, "P") {
		v, err := time.ParseDuration(s)
		switch {
		case err != nil:
			return 0, bad
		case v < 0:
			return 0, fmt.Errorf("%s is less than 0", s)
		case v > maxDuration:
			return 0, fmt.Errorf("%s is more than 366 days", s)
		}
		return v, nil
	}
	m := isoDuration.FindStringSubmatch(s)
	if strings.ContainsAny(s, "YM") && m == nil {
		return 0, fmt.Errorf("%q: years and months have no fixed length", quotable(s))
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
	if !nanoseconds.IsInt64() || nanoseconds.Int64() > int64(maxDuration) {
		return 0, fmt.Errorf("%s is more than 366 days", s)
	}
	return time.Duration(nanoseconds.Int64()), nil
}

// atoi is for texts that a pattern has found to be short and of digits.
func atoi(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("spec: not digits: " + s)
	}
	return n
}
