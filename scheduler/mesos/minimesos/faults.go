package minimesos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// This file is what can be done to a cluster from outside.

// agentNamed finds an agent by its name or its id.
func (c *Cluster) agentNamed(name string) (*agent, error) {
	for _, a := range c.agents {
		if a.name == name || (a.id != "" && a.id == name) {
			return a, nil
		}
	}
	return nil, fmt.Errorf("minimesos: there is no agent %q", name)
}

// onAgent runs fn in the loop with an agent that is there.
func (c *Cluster) onAgent(name string, fn func(*agent) error) error {
	err := errClosed
	c.loop.do(func() {
		var a *agent
		if a, err = c.agentNamed(name); err == nil {
			err = fn(a)
		}
	})
	return err
}

// StopAgent cuts an agent (by name or id) off, as SIGSTOP or a broken network
// does: its tasks go on, but it neither answers nor is heard, and what was on
// its way is lost. After Options.AgentTimeout the master counts it as
// unreachable; see also ExpireAgent.
func (c *Cluster) StopAgent(name string) error {
	return c.onAgent(name, func(a *agent) error {
		if !a.reachable() {
			return fmt.Errorf("minimesos: agent %q cannot be reached already", name)
		}
		a.cut, a.gate = true, make(chan struct{})
		a.disconnect()
		if c.master != nil {
			c.master.lostContact(a)
		}
		return nil
	})
}

// ResumeAgent ends what StopAgent began: the agent registers again.
func (c *Cluster) ResumeAgent(name string) error {
	return c.onAgent(name, func(a *agent) error {
		if !a.cut {
			return fmt.Errorf("minimesos: agent %q is not stopped", name)
		}
		a.reconnectable()
		a.resumeDue()
		a.register()
		return nil
	})
}

// KillAgent ends an agent's process, as kill -9 does. The master sees the
// connection break; the tasks of frameworks that checkpoint go on.
func (c *Cluster) KillAgent(name string) error {
	var server *http.Server
	err := c.onAgent(name, func(a *agent) error {
		if !a.alive {
			return fmt.Errorf("minimesos: agent %q is dead already", name)
		}
		heard := a.reachable()
		server = a.server
		a.die()
		if c.master != nil && heard {
			c.master.agentExited(a)
		}
		if c.master != nil {
			c.master.lostContact(a)
		}
		return nil
	})
	if server != nil {
		err = errors.Join(err, server.Close())
	}
	return err
}

// RestartAgent starts the process of an agent again that KillAgent ended. It
// finds its checkpointed tasks, on the same port, and registers again.
func (c *Cluster) RestartAgent(name string) error {
	addr := ""
	dead := func(a *agent) error {
		if a.alive {
			return fmt.Errorf("minimesos: agent %q runs already", name)
		}
		addr = a.address.String()
		return nil
	}
	if err := c.onAgent(name, dead); err != nil {
		return err
	}
	listener, err := listen(name, addr)
	if err != nil {
		return err
	}
	err = c.onAgent(name, func(a *agent) error {
		if err := dead(a); err != nil {
			return err
		}
		a.begin(listener)
		a.recoverTasks()
		a.register()
		return nil
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return nil
}

// LoseAgent takes an agent away for ever, with all that it runs, as when its
// machine burns. The master finds out as it does for StopAgent.
func (c *Cluster) LoseAgent(name string) error {
	var server *http.Server
	err := c.onAgent(name, func(a *agent) error {
		server = a.server
		a.destroy()
		a.die()
		c.agents = slices.DeleteFunc(c.agents, func(other *agent) bool { return other == a })
		if c.master != nil {
			c.master.lostContact(a)
		}
		return nil
	})
	if server != nil {
		err = errors.Join(err, server.Close())
	}
	return err
}

// ExpireAgent makes the master give up a silent agent now rather than after
// Options.AgentTimeout: the agent becomes unreachable.
func (c *Cluster) ExpireAgent(name string) error {
	err := errClosed
	c.loop.do(func() {
		err = fmt.Errorf("minimesos: no agent %q is silent", name)
		if c.master == nil {
			return
		}
		for _, e := range c.master.agentOrder {
			if (e.agent.name == name || e.id == name) && !e.agent.reachable() {
				c.master.markUnreachable(e)
				err = nil
				return
			}
		}
	})
	return err
}

// StopMaster ends the master's process, as kill -9 does: streams break off,
// connections are refused, and all that is not in the registry is forgotten.
func (c *Cluster) StopMaster() error {
	var server *http.Server
	err := errClosed
	c.loop.do(func() {
		if c.master == nil {
			err = errors.New("minimesos: the master is stopped already")
			return
		}
		err = nil
		close(c.master.cut)
		c.master = nil
		server, c.server = c.server, nil
		for _, a := range c.agents {
			a.disconnect()
		}
	})
	if server != nil {
		err = errors.Join(err, server.Close())
	}
	return err
}

// StartMaster starts the master again, on the same port, with a new id. The
// agents that can be reached register at once; to see what the master says
// before that, stop them first and resume them later.
func (c *Cluster) StartMaster() error {
	var addr string
	c.loop.do(func() {
		if c.master == nil && c.address != nil {
			addr = c.address.String()
		}
	})
	if addr == "" {
		return errors.New("minimesos: the master runs already, or the cluster is closed")
	}
	return c.startMaster(addr)
}

// RestartMaster is StopMaster and StartMaster.
func (c *Cluster) RestartMaster() error {
	if err := c.StopMaster(); err != nil {
		return err
	}
	return c.StartMaster()
}

// RescindOffers takes back every offer that is out, and says how many.
func (c *Cluster) RescindOffers() int {
	n := 0
	c.loop.do(func() {
		if c.master == nil {
			return
		}
		for _, f := range c.master.order {
			n += len(f.offers)
			c.master.dropOffers(f, true)
		}
	})
	return n
}

// DropLaunches makes the next n launches get lost between the master, which
// counts the task as TASK_STAGING, and its agent, which never hears of it. It
// comes on top of a tap that is set.
func (c *Cluster) DropLaunches(n int) {
	c.loop.do(func() {
		before, left := c.tap, n
		c.tap = func(m Message) Verdict {
			if left > 0 && m.Route == MasterToAgent && m.Kind == "LAUNCH" {
				left--
				return Drop
			}
			if before != nil {
				return before(m)
			}
			return Deliver
		}
	})
}

// destroy ends all that an agent runs, without a word to anybody.
func (a *agent) destroy() {
	for _, f := range a.frameworks {
		f.shutting = true
		for _, t := range f.tasks {
			t.updates.stop()
			t.stopTimers()
		}
		for _, x := range f.executors {
			x.destroy()
		}
	}
}

// destroy ends the executor's container at once.
func (x *executor) destroy() {
	x.silent, x.destroyed = true, true
	x.abort()
	if x.stream != nil {
		x.stream.end()
		x.stream = nil
	}
	if x.container != nil {
		x.container.stop(atOnce)
	}
}

// reconnectable ends being cut off.
func (a *agent) reconnectable() {
	if a.cut {
		a.cut = false
		close(a.gate)
		a.gate = nil
	}
}

// die is what happens to an agent when its process ends: connections break,
// and executors of frameworks that do not checkpoint end.
func (a *agent) die() {
	a.alive = false
	a.reconnectable()
	a.server = nil
	a.disconnect()
	if a.done != nil {
		close(a.done)
		a.done = nil
	}
	for _, f := range a.frameworks {
		for _, x := range f.executors {
			x.stream = nil
			if !x.checkpoint {
				x.destroy()
			}
		}
	}
}

// recoverTasks is what an agent's process does first: it forgets what was not
// checkpointed, and waits for its custom executors to come back.
func (a *agent) recoverTasks() {
	for _, id := range a.frameworkIDs() {
		f := a.frameworks[id]
		if f.info.GetCheckpoint() {
			for _, x := range f.executors {
				if x.info != nil && x.state == running {
					x.awaitReturn()
				}
			}
			continue
		}
		for _, t := range f.tasks {
			t.updates.stop()
			t.stopTimers()
		}
		a.detach(id)
		delete(a.frameworks, id)
	}
}

// resumeDue makes updates that waited while the agent was stopped go out at
// its registration and not a second time because of their timer.
func (a *agent) resumeDue() {
	for _, t := range a.runningTasks() {
		if t.updates.timer != nil {
			t.updates.timer.Stop()
		}
	}
}

// WaitFor returns when cond holds, or with ctx's error. cond is called by the
// cluster's own goroutine after anything has happened; it must not block.
func (c *Cluster) WaitFor(ctx context.Context, cond func(View) bool) error {
	w := &waiter{cond: cond, done: make(chan struct{})}
	if !c.loop.do(func() { c.waiters = append(c.waiters, w) }) {
		return errClosed
	}
	select {
	case <-w.done:
		return nil
	case <-c.loop.done:
		return errClosed
	case <-ctx.Done():
		c.loop.post(func() {
			c.waiters = slices.DeleteFunc(c.waiters, func(other *waiter) bool { return other == w })
		})
		return ctx.Err()
	}
}

type waiter struct {
	cond func(View) bool
	done chan struct{}
}

func (c *Cluster) checkWaiters() {
	if len(c.waiters) == 0 {
		return
	}
	c.waiters = slices.DeleteFunc(c.waiters, func(w *waiter) bool {
		if !w.cond(View{c}) {
			return false
		}
		close(w.done)
		return true
	})
}
