package tasklog

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

func itemOf(agent string, n int) item {
	return item{id: state.AttemptID{Run: "r", Step: "s", Index: n}, agent: agent, hostname: agent, ended: time.Now()}
}

// taken are the agents of the items that can be had at once.
func taken(q *queue, n int) (agents []string, items []item) {
	for range n {
		it, ok := q.take()
		if !ok {
			return agents, items
		}
		agents, items = append(agents, it.agent), append(items, it)
	}
	return agents, items
}

// TestQueueIsFair: agents are asked in turn, and none about more than a few attempts at a time.
func TestQueueIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(maxQueue)
		for i := range 5 {
			q.put([]item{itemOf("a", i)})
		}
		q.put([]item{itemOf("b", 5), itemOf("c", 6)})
		got, items := taken(q, 4)
		if diff := cmp.Diff([]string{"a", "b", "c", "a"}, got); diff != "" {
			t.Error(diff)
		}
		more := make(chan item)
		go func() {
			it, _ := q.take()
			more <- it
		}()
		synctest.Wait()
		select {
		case it := <-more:
			t.Errorf("a third one of agent %s", it.agent)
		default:
		}
		q.answered(items[0])
		if it := <-more; it.agent != "a" || it.id.Index != 2 {
			t.Errorf("%+v", it)
		}
		q.finish(items)
		if q.size != 3 || q.waits["r"] != 3 {
			t.Errorf("%d attempts wait, %v", q.size, q.waits)
		}
		q.close()
		if _, ok := q.take(); ok {
			t.Error("an item of a closed queue")
		}
	})
}

// TestQueueRests: an agent that does not answer is left alone for longer and longer, and nobody else waits for it.
func TestQueueRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(maxQueue)
		q.put([]item{itemOf("down", 0)})
		var pauses []string
		for range 9 {
			before := time.Now()
			it, _ := q.take()
			pauses = append(pauses, time.Since(before).String())
			if lost, _ := q.postpone(it, time.Now(), time.Now().Add(-time.Hour)); len(lost) > 0 {
				t.Errorf("given up: %v", lost)
			}
			q.put([]item{itemOf("up", 1)})
			other, _ := q.take()
			q.answered(other)
			q.finish([]item{other})
		}
		if n := q.silent(); n != 1 {
			t.Errorf("%d agents are silent", n)
		}
		if diff := cmp.Diff([]string{"0s", "1s", "2s", "4s", "8s", "16s", "32s", "1m0s", "1m0s"}, pauses); diff != "" {
			t.Error(diff)
		}
		it, _ := q.take()
		q.answered(it)
		q.finish([]item{it})
		if len(q.agents) != 0 || !q.idle() || q.silent() != 0 {
			t.Errorf("%d agents are remembered", len(q.agents))
		}
	})
}

// TestQueueGivesUp returns what has waited for long enough, and keeps what has not.
func TestQueueGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(maxQueue)
		begun := time.Now()
		q.put([]item{itemOf("down", 0), itemOf("down", 1)})
		time.Sleep(time.Minute)
		q.put([]item{itemOf("down", 2)})
		it, _ := q.take()
		lost, since := q.postpone(it, time.Now(), begun.Add(time.Second))
		var names []string
		for _, l := range lost {
			names = append(names, fmt.Sprint(l.id.Index))
		}
		if diff := cmp.Diff([]string{"1", "0"}, names); diff != "" || !since.Equal(begun.Add(time.Minute)) {
			t.Errorf("%s, silent since %s", diff, since)
		}
		q.finish(lost)
		if it, _ := q.take(); it.id.Index != 2 || q.size != 1 {
			t.Errorf("%+v of %d", it, q.size)
		}
	})
}
