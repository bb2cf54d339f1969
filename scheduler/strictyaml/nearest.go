package strictyaml

import "strings"

// DidYouMean gives the hint that names what was probably meant, or "" when nothing comes near, or when there are more
// problems than are told, because looking takes time.
func (r *Report) DidYouMean(name string, known []string) string {
	if r.Full() {
		return ""
	}
	if best := Nearest(name, known); best != "" {
		return "did you mean " + best + "?"
	}
	return ""
}

// Nearest gives the known name that takes the fewest slips of the keyboard to turn into name: letters left out,
// added, replaced or swapped, where case and '-' for '_' cost nothing. More than one slip in three letters is no
// likeness: the answer is then "". The first of several equally near names is given.
func Nearest(name string, known []string) string {
	best, bestSlips := "", 0
	name = folded(name)
	for _, k := range known {
		allowed := max(1, min(len(name), len(k))/3)
		if abs(len(name)-len(k)) > allowed {
			continue
		}
		if n := slips(name, folded(k)); n <= allowed && (best == "" || n < bestSlips) {
			best, bestSlips = k, n
		}
	}
	return best
}

func folded(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "_") }

func abs(n int) int { return max(n, -n) }

// slips is the optimal string alignment distance of a and b in bytes.
func slips(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
