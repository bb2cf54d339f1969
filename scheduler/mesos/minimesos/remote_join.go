package minimesos

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/google/uuid"
)

// This file is how the machine of a remote agent comes to a cluster and leaves it. While its connection is broken the
// agent is cut off, as StopAgent does it; when that lasts for Options.AgentTimeout it is lost, as LoseAgent does it.

// serveJoin admits a machine. Its agent registers when its connection is there.
func (c *Cluster) serveJoin(w http.ResponseWriter, r *http.Request) {
	var who introduction
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&who); err != nil {
		badRequest("reading the introduction: " + err.Error()).write(w)
		return
	}
	session, err := c.admit(who)
	if err != nil {
		badRequest(err.Error()).write(w)
		return
	}
	jsonAnswer(admission{Session: session, Patience: c.opts.AgentTimeout}).write(w)
}

// admit makes an agent that is cut off until its machine connects.
func (c *Cluster) admit(who introduction) (string, error) {
	session := uuid.NewString()
	a, err := newAgent(c, AgentOptions{Name: who.Hostname + "-" + session[:8], Hostname: who.Hostname,
		Resources: who.Resources, Attributes: who.Attributes})
	if err != nil {
		return "", err
	}
	a.remote = newRemote(who.Runner, who.Dir)
	a.runner, a.session = a.remote, session
	var host string
	c.loop.do(func() { host = c.address.IP.String() })
	listener, err := listen(a.name, net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	ok := c.loop.do(func() {
		c.agents = append(c.agents, a)
		a.begin(listener)
		a.cut, a.gate = true, make(chan struct{})
		c.giveUpLater(a)
	})
	if !ok {
		return "", errors.Join(errClosed, listener.Close())
	}
	return session, nil
}

// remoteAgent finds the agent of a session, or why it has left ("" if nobody knows of it).
func (c *Cluster) remoteAgent(session string) (found *agent, why string) {
	c.loop.do(func() {
		for _, a := range c.agents {
			if a.session == session {
				found = a
			}
		}
		why = c.departed[session]
	})
	return found, why
}

// serveLine takes a connection from a machine that was admitted.
func (c *Cluster) serveLine(w http.ResponseWriter, r *http.Request) {
	a, why := c.remoteAgent(r.PathValue("session"))
	switch {
	case why != "":
		text(http.StatusGone, why).write(w)
		return
	case a == nil:
		text(http.StatusNotFound, "no agent of this session is known").write(w)
		return
	case r.Header.Get("Upgrade") != joinProtocol:
		text(http.StatusUpgradeRequired, "the connection must be upgraded to "+joinProtocol).write(w)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic("minimesos: the server's connection cannot be taken over: " + err.Error())
	}
	l := newLine(conn, buffered)
	_, err = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", joinProtocol)
	if err != nil {
		_ = l.Close()
		return
	}
	if err := a.remote.connect(c.ctx, l, c.opts.AgentTimeout); err != nil {
		c.log.Debug("minimesos: a machine's connection cannot be used", "agent", a.name, "error", err)
		return
	}
	var id string
	c.loop.do(func() { id = a.comeBack() })
	go func() {
		<-l.closed
		c.loop.post(func() { a.lineClosed(l) })
	}()
	_ = a.remote.ask(c.ctx, askWelcome, id, new(struct{})) // the machine has left if it does not hear it
}

// comeBack ends an agent's being cut off, and returns its id.
func (a *agent) comeBack() string {
	if a.givingUp != nil {
		a.givingUp.Stop()
	}
	if a.alive {
		a.reconnectable()
		a.resumeDue()
		a.register()
	}
	return a.id
}

// lineClosed cuts an agent off, unless its machine has connected anew or it has left.
func (a *agent) lineClosed(l *line) {
	present := a.remote.disconnected(l)
	if !present || !a.reachable() {
		return
	}
	a.cut, a.gate = true, make(chan struct{})
	a.disconnect()
	if m := a.c.master; m != nil {
		m.lostContact(a)
	}
	a.c.giveUpLater(a)
}

func (c *Cluster) giveUpLater(a *agent) {
	a.givingUp = c.loop.after(c.opts.AgentTimeout, func() {
		if a.alive && !a.reachable() {
			c.giveUp(a, "its connection was broken for too long")
		}
	})
}

// giveUp takes away an agent whose machine is lost, with all that it ran. Should the machine come back it is another agent.
func (c *Cluster) giveUp(a *agent, why string) {
	c.log.Warn("minimesos: a machine is lost", "agent", a.name, "why", why)
	c.remove(a, "")
	if m := c.master; m != nil && m.agents[a.id] != nil {
		m.markUnreachable(m.agents[a.id])
	}
}

// letGo ends a remote agent for good and tells its machine why, now or when that asks.
func (c *Cluster) letGo(a *agent, why string) {
	c.log.Info("minimesos: a machine is let go", "agent", a.name, "why", why)
	c.departed[a.session] = why
	c.remove(a, why)
}

// remove ends a remote agent and all that it runs, and tells its machine why, if there is something to tell.
func (c *Cluster) remove(a *agent, farewell string) {
	server := a.server
	a.destroy()
	a.die()
	c.agents = slices.DeleteFunc(c.agents, func(other *agent) bool { return other == a })
	c.busy.Go(func() {
		a.remote.leave(farewell)
		_ = server.Close()
	})
}

// serveLeave takes the word of a machine that it leaves: all that it ran has ended, and its agent is gone for good.
func (c *Cluster) serveLeave(w http.ResponseWriter, r *http.Request) {
	a, _ := c.remoteAgent(r.PathValue("session"))
	c.loop.do(func() {
		if a != nil && a.alive {
			c.log.Info("minimesos: a machine leaves", "agent", a.name)
			c.remove(a, "")
			if m := c.master; m != nil && m.agents[a.id] != nil {
				m.markGone(m.agents[a.id])
			}
		}
	})
	jsonAnswer(struct{}{}).write(w)
}
