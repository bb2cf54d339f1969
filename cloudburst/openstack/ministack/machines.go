package ministack

import (
	"fmt"
	"maps"
	"sync"
)

// machines are what the servers run on. What is to be done to them is queued
// while the cloud's mutex is held, and done in that order, one thing at a
// time, after it is released: a machine may take its time to start.
type machines struct {
	work    sync.Mutex // held by the one that does what is queued
	running map[string]func()

	mu     sync.Mutex
	queued []func()
}

func (m *machines) queue(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queued = append(m.queued, fn)
}

func (m *machines) next() func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queued) == 0 {
		m.queued = nil
		return nil
	}
	fn := m.queued[0]
	m.queued = m.queued[1:]
	return fn
}

// settle does what is queued. The cloud's mutex must not be held.
func (c *Cloud) settle() {
	c.machines.work.Lock()
	defer c.machines.work.Unlock()
	for fn := c.machines.next(); fn != nil; fn = c.machines.next() {
		fn()
	}
}

// powerOn begins a life of a server's machine, and with it of what it runs.
func (c *Cloud) powerOn(s *server) {
	s.boots++
	s.power = powerRunning
	boot := s.boots
	s.console += fmt.Sprintf("[boot %d] Linux version of ministack\n", boot)
	c.after(c.opts.JoinTime, func() {
		if s.boots != boot || s.power != powerRunning || c.opts.Boot == nil {
			return
		}
		m := Machine{ID: s.id, Name: s.name, Boot: boot, Flavor: s.flavor, Zone: s.zone,
			Metadata: maps.Clone(s.metadata), Address: c.addressOf(s)}
		userData, err := decodeBase64(s.userData)
		if err != nil { // Nova has checked it
			panic("ministack: stored user-data is not base64: " + err.Error())
		}
		c.machines.queue(func() { c.boot(s, m, userData) })
	})
}

// boot calls the hook; it runs without the mutex.
func (c *Cloud) boot(s *server, m Machine, userData []byte) {
	off, err := c.opts.Boot(m, userData)
	if off != nil {
		c.machines.running[m.ID] = off
	}
	if err != nil {
		c.mu.Lock()
		s.console += fmt.Sprintf("[boot %d] user-data failed: %v\n", m.Boot, err)
		c.mu.Unlock()
	}
}

// powerOff takes the power from a server's machine, if it has any.
func (c *Cloud) powerOff(s *server) {
	if s.power != powerRunning {
		return
	}
	s.power = powerShutdown
	id := s.id
	c.machines.queue(func() {
		if off := c.machines.running[id]; off != nil {
			delete(c.machines.running, id)
			off()
		}
	})
}
