package picture

import (
	"cmp"
	"slices"
)

// layout is a layered drawing of a graph, in the way of Sugiyama, Tagawa and Toda (1981): layers from the longest path,
// crossings reduced by sorting layers by the mean of their neighbours, then places as close to the neighbours as
// the order allows. An edge over several layers is bent at an invisible node in each layer between.
type layout struct {
	nodes  []node
	layers [][]int // indices into nodes, in order
}

// node is a step, or a bend of an edge.
type node struct {
	step  int // -1: a bend
	layer int
	// before and after are the neighbours in the layers next to this one.
	before, after []int
	// across is its place in the layer, in units of the distance that two steps have at least.
	across float64
}

// sweeps is how often the layers are gone through, there and back. More than a few change nothing.
const sweeps = 12

func newLayout(g Graph) *layout {
	l := &layout{}
	l.assignLayers(g)
	l.connect(g)
	l.reduceCrossings()
	l.place()
	return l
}

// assignLayers puts each step one layer behind the last that it needs; one that needs nothing goes right before the first
// that needs it.
func (l *layout) assignLayers(g Graph) {
	l.nodes = make([]node, len(g.Steps))
	first := make([]int, len(g.Steps)) // layer of the first step that needs it
	order := g.order()
	for _, i := range order {
		n := node{step: i}
		for _, need := range g.Steps[i].Needs {
			n.layer = max(n.layer, l.nodes[need].layer+1)
		}
		l.nodes[i], first[i] = n, -1
	}
	for _, i := range order {
		for _, need := range g.Steps[i].Needs {
			if first[need] < 0 || l.nodes[i].layer < first[need] {
				first[need] = l.nodes[i].layer
			}
		}
	}
	for i := range l.nodes {
		if len(g.Steps[i].Needs) == 0 && first[i] > 0 {
			l.nodes[i].layer = first[i] - 1
		}
		l.enter(i)
	}
}

// enter puts a node at the end of its layer.
func (l *layout) enter(i int) {
	for len(l.layers) <= l.nodes[i].layer {
		l.layers = append(l.layers, nil)
	}
	l.layers[l.nodes[i].layer] = append(l.layers[l.nodes[i].layer], i)
}

// connect joins the steps by edges, with bends in the layers between. Edges from one step share their bends: they part
// only where they must.
func (l *layout) connect(g Graph) {
	type bend struct{ from, layer int }
	bends := map[bend]int{}
	for to := range g.Steps {
		for _, from := range g.Steps[to].Needs {
			last := from
			for layer := l.nodes[from].layer + 1; layer < l.nodes[to].layer; layer++ {
				next, there := bends[bend{from, layer}]
				if !there {
					next = len(l.nodes)
					l.nodes = append(l.nodes, node{step: -1, layer: layer})
					l.enter(next)
					bends[bend{from, layer}] = next
					l.join(last, next)
				}
				last = next
			}
			l.join(last, to)
		}
	}
}

func (l *layout) join(from, to int) {
	l.nodes[from].after = append(l.nodes[from].after, to)
	l.nodes[to].before = append(l.nodes[to].before, from)
}

func before(n *node) []int { return n.before }
func after(n *node) []int  { return n.after }

// reduceCrossings keeps the best of the orders that it comes to.
func (l *layout) reduceCrossings() {
	best, fewest := l.copyLayers(), l.crossings()
	for sweep := 0; sweep < sweeps && fewest > 0; sweep++ {
		l.sweep(sweep%2 == 0, l.sortLayer)
		l.swapNeighbours()
		if n := l.crossings(); n < fewest {
			best, fewest = l.copyLayers(), n
		}
	}
	l.layers = best
}

func (l *layout) copyLayers() [][]int {
	c := make([][]int, len(l.layers))
	for i := range c {
		c[i] = slices.Clone(l.layers[i])
	}
	return c
}

// sweep calls f for one layer after the other, with the neighbours that it comes from.
func (l *layout) sweep(forward bool, f func(layer []int, from func(*node) []int)) {
	if forward {
		for i := 1; i < len(l.layers); i++ {
			f(l.layers[i], before)
		}
		return
	}
	for i := len(l.layers) - 2; i >= 0; i-- {
		f(l.layers[i], after)
	}
}

// positions gives each node's place in the order of its layer.
func (l *layout) positions() []int {
	at := make([]int, len(l.nodes))
	for _, layer := range l.layers {
		for p, n := range layer {
			at[n] = p
		}
	}
	return at
}

// sortLayer sorts a layer by the mean place of the neighbours; a node without any stays where it is.
func (l *layout) sortLayer(layer []int, from func(*node) []int) {
	at := l.positions()
	mean := map[int]float64{}
	for p, n := range layer {
		mean[n] = float64(p)
		if others := from(&l.nodes[n]); len(others) > 0 {
			sum := 0
			for _, o := range others {
				sum += at[o]
			}
			mean[n] = float64(sum) / float64(len(others))
		}
	}
	slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
}

// swapNeighbours swaps nodes that stand next to each other as long as that saves crossings.
func (l *layout) swapNeighbours() {
	for improved := true; improved; {
		improved = false
		at := l.positions()
		for _, layer := range l.layers {
			for p := range len(layer) - 1 {
				a, b := layer[p], layer[p+1]
				now := l.between(at, a, b, before) + l.between(at, a, b, after)
				swapped := l.between(at, b, a, before) + l.between(at, b, a, after)
				if swapped < now {
					layer[p], layer[p+1], at[a], at[b] = b, a, p+1, p
					improved = true
				}
			}
		}
	}
}

// between counts the crossings of a's edges with those of b, which stands behind it, to one side.
func (l *layout) between(at []int, a, b int, side func(*node) []int) int {
	n := 0
	for _, x := range side(&l.nodes[a]) {
		for _, y := range side(&l.nodes[b]) {
			if at[x] > at[y] {
				n++
			}
		}
	}
	return n
}

func (l *layout) crossings() int {
	at, n := l.positions(), 0
	for _, layer := range l.layers {
		for p, a := range layer {
			for _, b := range layer[p+1:] {
				n += l.between(at, a, b, after)
			}
		}
	}
	return n
}

// place gives every node its place across the layers.
func (l *layout) place() {
	for _, layer := range l.layers {
		for p, n := range layer {
			l.nodes[n].across = float64(p) - float64(len(layer)-1)/2
		}
	}
	for s := range sweeps {
		l.sweep(s%2 == 0, l.settle)
	}
	lowest := 0.0
	for i := range l.nodes {
		lowest = min(lowest, l.nodes[i].across)
	}
	for i := range l.nodes {
		l.nodes[i].across -= lowest
	}
}

// settle moves the nodes of a layer as near to the mean of their neighbours as their order and distances allow: nodes
// that push each other form blocks, which go to the mean of what their members want (this is isotonic regression).
func (l *layout) settle(layer []int, from func(*node) []int) {
	type block struct {
		sum   float64 // of what the members want the block's first to be at
		count int
	}
	var blocks []block
	offset := make([]float64, len(layer)) // of a node from the layer's first, if all stood close
	for p, n := range layer {
		if p > 0 {
			offset[p] = offset[p-1] + l.distance(layer[p-1], n)
		}
		blocks = append(blocks, block{l.wanted(n, from) - offset[p], 1})
		for len(blocks) > 1 {
			a, b := blocks[len(blocks)-2], blocks[len(blocks)-1]
			if a.sum/float64(a.count) <= b.sum/float64(b.count) {
				break
			}
			blocks = append(blocks[:len(blocks)-2], block{a.sum + b.sum, a.count + b.count})
		}
	}
	p := 0
	for _, b := range blocks {
		for range b.count {
			l.nodes[layer[p]].across = b.sum/float64(b.count) + offset[p]
			p++
		}
	}
}

func (l *layout) wanted(n int, from func(*node) []int) float64 {
	others := from(&l.nodes[n])
	if len(others) == 0 {
		return l.nodes[n].across
	}
	sum := 0.0
	for _, o := range others {
		sum += l.nodes[o].across
	}
	return sum / float64(len(others))
}

// distance is how far apart two neighbours in a layer stand at least: bends need less room than steps.
func (l *layout) distance(a, b int) float64 {
	if l.nodes[a].step < 0 && l.nodes[b].step < 0 {
		return 0.3
	}
	if l.nodes[a].step < 0 || l.nodes[b].step < 0 {
		return 0.7
	}
	return 1
}
