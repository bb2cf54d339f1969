package main

import "math"

// lightTime is how long light, and so a gravitational wave, takes at most from one detector of LIGO to the other, in
// samples: 10 ms (Abbott et al., Phys. Rev. Lett. 116, 061102 (2016)). What reaches both is no further apart.
const lightTime = 10e-3 * rate

// pair is something loud in both detectors, with one template.
type pair struct {
	template int        // its number in the bank
	at       [2]float64 // by detector: when, in samples
	snr      [2]float64 // by detector
}

// combined is the signal-to-noise ratio of both detectors together.
func (p pair) combined() float64 { return math.Hypot(p.snr[0], p.snr[1]) }

// coincidence finds the loudest pair of one template's signal-to-noise ratios, when the second detector's data are made
// later by so many samples, within what is left when both margins are left out: as in a ring, what leaves it at the
// end comes in at its beginning. Samples for which skip says so are left out.
func coincidence(first, second []float64, later int, skip func(sample int) bool) pair {
	ring := func(values []float64, later int) []float64 {
		valid := values[margin : length-margin]
		out := make([]float64, len(valid))
		for i := range valid {
			if !skip(margin + i) {
				out[(i+later)%len(out)] = valid[i]
			}
		}
		return out
	}
	a, b := ring(first, 0), ring(second, later)
	reach := int(math.Floor(lightTime))
	var best pair
	for i, snr := range a {
		j := strongest(b, max(0, i-reach), min(len(b), i+reach+1))
		if math.Hypot(snr, b[j]) > best.combined() {
			best.snr = [2]float64{snr, b[j]}
			best.at = [2]float64{float64(i), float64(j)}
		}
	}
	return best.refine(a, b)
}

// strongest is where the greatest of the values from begin to before end is.
func strongest(values []float64, begin, end int) int {
	top := begin
	for i := begin; i < end; i++ {
		if values[i] > values[top] {
			top = i
		}
	}
	return top
}

// refine finds when the pair was, between the samples, and counts the time from the first sample measured.
func (p pair) refine(rings ...[]float64) pair {
	for d, ring := range rings {
		i := int(p.at[d])
		p.at[d], p.snr[d] = loudest(ring, i, i+1)
		p.at[d] += margin
	}
	return p
}

// nothing skips no sample.
func nothing(int) bool { return false }

// around skips what is within 2 s of a time, in samples: templates of light black holes last long, and find a part of a
// loud signal seconds before or after it.
func around(when float64) func(int) bool {
	return func(sample int) bool { return math.Abs(float64(sample)-when) < 2*rate }
}

// slide is by how many samples the n-th of `of` slides makes the second detector's data later. Slides are spread evenly
// over the ring, the first and the last being far from none.
func slide(n, of int) int { return (n + 1) * (length - 2*margin) / (of + 1) }
