package registry

import (
	"sync"
	"time"
)

// How long answers count. A thousand submissions at once are then a few questions. On the other hand, whoever pushes an
// image and submits a run of it must not get the image from before.
const (
	keepAnswer = 5 * time.Second
	// A registry that fails as a whole is left alone for a while, and a busy one, as Docker Hub is to whoever has used up
	// a quota, for longer.
	keepFault = 10 * time.Second
	keepBusy  = time.Minute
	// The log tells that a registry fails when it begins to, and again after it has answered, or was not asked for so long.
	keepFailing = time.Hour
)

// answer is what a registry says of an image: its digest, or what is wrong.
type answer struct {
	digest string
	fault  *Fault
}

// memory keeps answers for a short while.
type memory struct {
	mu      sync.Mutex
	answers map[string]kept // by the image's full name
	faults  map[string]kept // by registry
	failing map[string]kept // by registry: those whose last answer was a fault
}

type kept struct {
	answer
	until time.Time
}

// recall gives an answer that still counts: of the image itself, or that its registry fails.
func (m *memory) recall(img image, now time.Time) (answer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range []kept{m.answers[img.ref.Name()], m.faults[img.registry()]} {
		if now.Before(k.until) {
			return k.answer, true
		}
	}
	return answer{}, false
}

// keep notes an answer, and forgets those that count no longer. It tells whether the registry is a failing one from now on.
func (m *memory) keep(img image, a answer, now time.Time) (fails bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers, m.faults, m.failing = current(m.answers, now), current(m.faults, now), current(m.failing, now)
	if a.fault == nil || !a.fault.ofRegistry() {
		m.answers[img.ref.Name()] = kept{a, now.Add(keepAnswer)}
		delete(m.failing, img.registry())
		return false
	}
	_, known := m.failing[img.registry()]
	m.failing[img.registry()] = kept{a, now.Add(keepFailing)}
	pause := keepFault
	if a.fault.Kind == BusyFault {
		pause = keepBusy
	}
	m.faults[img.registry()] = kept{a, now.Add(pause)}
	return !known
}

func current(all map[string]kept, now time.Time) map[string]kept {
	if all == nil {
		return map[string]kept{}
	}
	for key, k := range all {
		if !now.Before(k.until) {
			delete(all, key)
		}
	}
	return all
}
