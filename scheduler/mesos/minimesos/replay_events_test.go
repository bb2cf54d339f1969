package minimesos

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos/mesosjson"
)

// until takes in frames until cond holds.
func (conn *connection) until(cond func() bool) error {
	timeout := time.NewTimer(cmp.Or(conn.patience, patience))
	defer timeout.Stop()
	for !cond() {
		if conn.ended {
			return errors.New("the stream has ended")
		}
		select {
		case frame, ok := <-conn.frames:
			if !ok {
				conn.ended = true
				continue
			}
			if err := conn.take(frame); err != nil {
				return err
			}
		case <-timeout.C:
			return errors.New("it does not come")
		}
	}
	return nil
}

// take sorts an event in.
func (conn *connection) take(frame []byte) error {
	tree, err := conn.tree(frame)
	if err != nil {
		return err
	}
	switch child(tree, "type") {
	case "HEARTBEAT":
		conn.heartbeats++
	case "OFFERS":
		offers, _ := child(tree, "offers", "offers").([]any)
		conn.offers = append(conn.offers, offers...)
	default:
		conn.events = append(conn.events, tree)
	}
	return nil
}

// tree reads an event of either encoding.
func (conn *connection) tree(frame []byte) (any, error) {
	if conn.media != string(mediaProtobuf) {
		return jsonTree(frame)
	}
	var event scheduler.Event
	if err := event.Unmarshal(frame); err != nil {
		return nil, err
	}
	return jsonTree(mesosjson.Marshal(&event))
}

// record compares a recorded event with the next one that came. Offers are
// compared one by one, as Mesos is free in when and how it bundles them.
func (p *player) record(conn *connection, text string) error {
	m := recordLine.FindStringSubmatch(text)
	frame := []byte(m[2])
	if digits, ok := strings.CutPrefix(m[2], " hex "); ok {
		decoded, err := hex.DecodeString(digits)
		if err != nil {
			return err
		}
		frame = decoded
	}
	want, err := conn.tree(frame)
	if err != nil {
		return err
	}
	switch child(want, "type") {
	case "HEARTBEAT":
		err := conn.until(func() bool { return conn.heartbeats > 0 })
		conn.heartbeats--
		return err
	case "OFFERS":
		offers, _ := child(want, "offers", "offers").([]any)
		for _, offer := range offers {
			if err := p.offer(conn, offer); err != nil {
				return err
			}
		}
		return nil
	case "RESCIND":
		return p.rescind(conn, want)
	}
	return p.event(conn, want)
}

// offer waits for an offer that is like a recorded one.
func (p *player) offer(conn *connection, want any) error {
	var closest error
	found := -1
	err := conn.until(func() bool {
		for i, got := range conn.offers {
			if err := p.names.Match(want, got); err == nil {
				found = i
				return true
			} else {
				closest = err
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("no such offer (%v): %s; the last one differs: %v", err, short(want), closest)
	}
	conn.offers = slices.Delete(conn.offers, found, found+1)
	return nil
}

// rescind waits for an offer to be taken back; which of several goes first is
// not compared.
func (p *player) rescind(conn *connection, want any) error {
	found := -1
	err := conn.until(func() bool {
		for i, got := range conn.events {
			if child(got, "type") == "RESCIND" && p.names.Match(want, got) == nil {
				found = i
				return true
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("no such event (%v): %s", err, short(want))
	}
	conn.events = slices.Delete(conn.events, found, found+1)
	return nil
}

// event compares the next event that is no rescind.
func (p *player) event(conn *connection, want any) error {
	next := func() int {
		return slices.IndexFunc(conn.events, func(e any) bool { return child(e, "type") != "RESCIND" })
	}
	if err := conn.until(func() bool { return next() >= 0 }); err != nil {
		return fmt.Errorf("%w: %s", err, short(want))
	}
	i := next()
	got := conn.events[i]
	conn.events = slices.Delete(conn.events, i, i+1)
	if err := p.names.Match(want, got); err != nil {
		return fmt.Errorf("event %w\n  got %v", err, got)
	}
	return nil
}
