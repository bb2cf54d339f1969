package minimesos

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// bag is an amount of unreserved resources. Scalars are kept in thousandths,
// the precision to which Mesos rounds them (src/common/values.cpp), so that
// sums come out even. A bag never holds zero scalars or empty ranges, except
// as read from a task.
type bag struct {
	ranges  []portRanges
	scalars []scalar
}

type scalar struct {
	name  string
	milli int64
}

// portRanges are the free numbers of one resource, ascending and disjoint.
type portRanges struct {
	name  string
	spans []span
}

type span struct{ begin, end uint64 } // both ends belong to it

func (b *bag) empty() bool { return len(b.scalars) == 0 && len(b.ranges) == 0 }

func (b *bag) clone() bag {
	out := bag{scalars: slices.Clone(b.scalars), ranges: slices.Clone(b.ranges)}
	for i := range out.ranges {
		out.ranges[i].spans = slices.Clone(out.ranges[i].spans)
	}
	return out
}

// milli is the amount of a scalar, 0 when there is none.
func (b *bag) milli(name string) int64 {
	for i := range b.scalars {
		if b.scalars[i].name == name {
			return b.scalars[i].milli
		}
	}
	return 0
}

func (b *bag) spans(name string) []span {
	for i := range b.ranges {
		if b.ranges[i].name == name {
			return b.ranges[i].spans
		}
	}
	return nil
}

func (b *bag) contains(other *bag) bool {
	for _, s := range other.scalars {
		if b.milli(s.name) < s.milli {
			return false
		}
	}
	for _, r := range other.ranges {
		have := b.spans(r.name)
		for _, want := range r.spans {
			if !slices.ContainsFunc(have, func(h span) bool { return h.begin <= want.begin && want.end <= h.end }) {
				return false
			}
		}
	}
	return true
}

func (b *bag) add(other *bag) {
	for _, s := range other.scalars {
		b.addScalar(s)
	}
	for _, r := range other.ranges {
		b.addRanges(r)
	}
}

func (b *bag) addScalar(s scalar) {
	if s.milli == 0 {
		return
	}
	for i := range b.scalars {
		if b.scalars[i].name == s.name {
			b.scalars[i].milli += s.milli
			return
		}
	}
	b.scalars = append(b.scalars, s)
}

func (b *bag) addRanges(r portRanges) {
	if len(r.spans) == 0 {
		return
	}
	for i := range b.ranges {
		if b.ranges[i].name == r.name {
			b.ranges[i].spans = coalesce(append(slices.Clone(b.ranges[i].spans), r.spans...))
			return
		}
	}
	b.ranges = append(b.ranges, portRanges{r.name, slices.Clone(r.spans)})
}

// subtract takes away what the bag contains; the caller has checked that.
func (b *bag) subtract(other *bag) {
	for _, s := range other.scalars {
		for i := range b.scalars {
			if b.scalars[i].name == s.name {
				b.scalars[i].milli -= s.milli
			}
		}
	}
	for _, r := range other.ranges {
		for i := range b.ranges {
			if b.ranges[i].name == r.name {
				b.ranges[i].spans = without(b.ranges[i].spans, r.spans)
			}
		}
	}
	b.scalars = slices.DeleteFunc(b.scalars, func(s scalar) bool { return s.milli <= 0 })
	b.ranges = slices.DeleteFunc(b.ranges, func(r portRanges) bool { return len(r.spans) == 0 })
}

// coalesce sorts spans and joins those that touch or overlap.
func coalesce(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmpUint(a.begin, b.begin) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && (out[n-1].end == math.MaxUint64 || s.begin <= out[n-1].end+1) {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

func cmpUint(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func without(spans, taken []span) []span {
	out := slices.Clone(spans)
	for _, t := range taken {
		var rest []span
		for _, s := range out {
			if s.end < t.begin || t.end < s.begin {
				rest = append(rest, s)
				continue
			}
			if s.begin < t.begin {
				rest = append(rest, span{s.begin, t.begin - 1})
			}
			if t.end < s.end {
				rest = append(rest, span{t.end + 1, s.end})
			}
		}
		out = rest
	}
	return out
}

// String writes the bag as Mesos' messages do for resources that are
// allocated to a role, for example "cpus(allocated: *):2".
func (b *bag) allocatedString(role string) string {
	var parts []string
	for _, r := range b.ranges {
		parts = append(parts, fmt.Sprintf("%s(allocated: %s):%s", r.name, role, spansString(r.spans)))
	}
	for _, s := range b.scalars {
		parts = append(parts, fmt.Sprintf("%s(allocated: %s):%s", s.name, role, milliString(s.milli)))
	}
	return strings.Join(parts, "; ")
}

func spansString(spans []span) string {
	parts := make([]string, len(spans))
	for i, s := range spans {
		parts[i] = fmt.Sprintf("%d-%d", s.begin, s.end)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func milliString(milli int64) string {
	return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64)
}

// resources writes the bag as protobuf resources. A nil role leaves the
// role out, a nil allocation the allocation_info.
func (b *bag) resources(role *string, allocation *mesos.Resource_AllocationInfo) []mesos.Resource {
	if b.empty() {
		return nil
	}
	out := make([]mesos.Resource, 0, len(b.ranges)+len(b.scalars))
	for _, r := range b.ranges {
		out = append(out, mesos.Resource{Name: r.name, Type: mesos.RANGES.Enum(), Ranges: rangesProto(r.spans),
			Role: role, AllocationInfo: allocation})
	}
	for _, s := range b.scalars {
		out = append(out, mesos.Resource{Name: s.name, Type: mesos.SCALAR.Enum(),
			Scalar: &mesos.Value_Scalar{Value: float64(s.milli) / 1000}, Role: role, AllocationInfo: allocation})
	}
	return out
}

func rangesProto(spans []span) *mesos.Value_Ranges {
	out := &mesos.Value_Ranges{Range: make([]mesos.Value_Range, len(spans))}
	for i, s := range spans {
		out.Range[i] = mesos.Value_Range{Begin: s.begin, End: s.end}
	}
	return out
}

// bagOf reads protobuf resources. The error is worded as Mesos words it.
func bagOf(resources []mesos.Resource) (bag, error) {
	var out bag
	for i := range resources {
		r := &resources[i]
		if r.Name == "" {
			return bag{}, errors.New("empty resource name")
		}
		if err := out.addResource(r); err != nil {
			return bag{}, fmt.Errorf("resource '%s' is invalid: %w", r.Name, err)
		}
	}
	return out, nil
}

func (b *bag) addResource(r *mesos.Resource) error {
	switch r.GetType() {
	case mesos.SCALAR:
		if r.Scalar == nil {
			return errors.New("it has no scalar")
		}
		if r.Scalar.Value < 0 || math.IsNaN(r.Scalar.Value) || r.Scalar.Value > math.MaxInt64/2000 {
			return errors.New("its scalar is negative or out of range")
		}
		b.addScalar(scalar{r.Name, int64(math.Round(r.Scalar.Value * 1000))})
	case mesos.RANGES:
		spans, err := spansOf(r.Ranges)
		if err != nil {
			return err
		}
		b.addRanges(portRanges{r.Name, spans})
	default:
		return errors.New("only scalars and ranges are supported")
	}
	return nil
}

func spansOf(ranges *mesos.Value_Ranges) ([]span, error) {
	if ranges == nil {
		return nil, errors.New("it has no ranges")
	}
	var out []span
	for _, r := range ranges.Range {
		if r.Begin > r.End {
			return nil, fmt.Errorf("range %d-%d is upside down", r.Begin, r.End)
		}
		out = append(out, span{r.Begin, r.End})
	}
	return coalesce(out), nil
}

// ParseResources reads the form in which Mesos' --resources flag takes them:
// "cpus:4;mem:8192;disk:10000;ports:[31000-31499]". Only unreserved scalars
// and ranges are known.
func ParseResources(text string) ([]mesos.Resource, error) {
	var out []mesos.Resource
	for _, part := range strings.Split(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		r, err := parseResource(part)
		if err != nil {
			return nil, fmt.Errorf("reading resource %q: %w", part, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func parseResource(part string) (mesos.Resource, error) {
	name, value, ok := strings.Cut(part, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || name == "" || strings.ContainsAny(name, "()") {
		return mesos.Resource{}, errors.New(`want "name:amount" or "name:[from-to,…]"`)
	}
	if strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]") {
		spans, err := parseSpans(value[1 : len(value)-1])
		return mesos.Resource{Name: name, Type: mesos.RANGES.Enum(), Ranges: rangesProto(spans)}, err
	}
	amount, err := strconv.ParseFloat(value, 64)
	if err != nil || amount < 0 || math.IsInf(amount, 0) || math.IsNaN(amount) {
		return mesos.Resource{}, fmt.Errorf("%q is no amount", value)
	}
	return mesos.Resource{Name: name, Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: amount}}, nil
}

func parseSpans(text string) ([]span, error) {
	var out []span
	for _, part := range strings.Split(text, ",") {
		from, to, ok := strings.Cut(strings.TrimSpace(part), "-")
		begin, err1 := strconv.ParseUint(strings.TrimSpace(from), 10, 64)
		end, err2 := strconv.ParseUint(strings.TrimSpace(to), 10, 64)
		if !ok || err1 != nil || err2 != nil || begin > end {
			return nil, fmt.Errorf("%q is no range", part)
		}
		out = append(out, span{begin, end})
	}
	return coalesce(out), nil
}
