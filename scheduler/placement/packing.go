package placement

import (
	"cmp"
	"slices"
)

// preference is what the packing order looks at, most important first. It is made of whole numbers only, so that it is
// the same on every machine.
type preference struct {
	// cloud: agents on cloud machines come last. They cost money and are given back once they are empty, and the local
	// cluster is there anyway.
	cloud bool
	// gpus: agents with gpus come last. Shapes that need gpus pass by the others, and those that need none leave
	// them alone as long as there is room elsewhere.
	gpus bool
	// full: agents on which the scheduler's tasks hold most come first, so that the others become empty.
	full int64
	// size: of equally full ones the smaller come first, and large ones are left for large tasks.
	size int64
	// tie: a hash of seed and id.
	tie   uint64
	index int
}

// packingOrder gives the indices of the agents in the order in which they are to be filled.
func packingOrder(agents []Agent, seed uint64) []int {
	preferences := make([]preference, len(agents))
	for i := range agents {
		a := &agents[i]
		idle, all := a.idle(), a.emptied()
		preferences[i] = preference{
			cloud: a.VM != "",
			gpus:  all[gpus] > 0,
			full:  fullness(&idle, &all),
			size:  all[cpus],
			tie:   hash(seed, a.ID),
			index: i,
		}
	}
	slices.SortFunc(preferences, func(p, q preference) int {
		switch {
		case p.cloud != q.cloud:
			return last(p.cloud)
		case p.gpus != q.gpus:
			return last(p.gpus)
		case p.full != q.full:
			return cmp.Compare(q.full, p.full)
		case p.size != q.size:
			return cmp.Compare(p.size, q.size)
		case p.tie != q.tie:
			return cmp.Compare(p.tie, q.tie)
		}
		return cmp.Compare(agents[p.index].ID, agents[q.index].ID)
	})
	order := make([]int, len(agents))
	for place, p := range preferences {
		order[place] = p.index
	}
	return order
}

// last compares an agent with another of which one comes last: this one, if it does.
func last(this bool) int {
	if this {
		return 1
	}
	return -1
}

// whole is the share that is everything.
const whole = 1 << 20

// fullness is which parts of an agent's cpus and memory the scheduler's tasks hold, in parts of whole, added up.
func fullness(idle, all *vector) (sum int64) {
	for _, k := range [...]kind{cpus, mem} {
		if all[k] > 0 {
			sum += (all[k] - idle[k]) * whole / all[k]
		}
	}
	return sum
}

// hash mixes a text into a seed: FNV-1a, then the finalizer of SplitMix64, because FNV alone leaves ids that differ in
// their last digits next to each other.
func hash(seed uint64, text string) uint64 {
	h := seed ^ 0xcbf29ce484222325
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
