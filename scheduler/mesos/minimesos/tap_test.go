package minimesos

import (
	"slices"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

func isUpdate(m Message, id string) bool {
	return m.Route == EventToFramework && m.Kind == "UPDATE" && m.Task == id
}

func TestTapDropsAndDoubles(t *testing.T) {
	o := hang(fast(Instant, 1))
	c := start(t, o)
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	c.SetTap(func(m Message) Verdict {
		switch {
		case isUpdate(m, "lost"):
			return Drop
		case isUpdate(m, "twice"):
			return Duplicate
		}
		return Deliver
	})
	f.accept(f.offers()[0], command("lost", ""), command("twice", ""))
	one, two := f.peek("twice"), f.peek("twice")
	if string(one.UUID) != string(two.UUID) {
		t.Errorf("the two updates are not the same one")
	}
	for _, event := range f.skipped {
		if event.Type == scheduler.Event_UPDATE {
			t.Errorf("an update came that was to be lost: %v", event)
		}
	}
}

func TestTapHoldsBackAndReorders(t *testing.T) {
	c := start(t, hang(fast(Instant, 1)))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	c.SetTap(func(m Message) Verdict {
		if m.Route == EventToFramework && m.Kind == "UPDATE" {
			return Hold
		}
		return Deliver
	})
	f.accept(f.offers()[0], command("a", ""), command("b", ""), command("c", ""))
	wait(t, c, "three updates wait", func(v View) bool { return len(v.c.held) == 3 })
	var waiting []string
	for _, m := range c.Held() {
		waiting = append(waiting, m.Task)
	}
	if !slices.Equal(waiting, []string{"a", "b", "c"}) {
		t.Errorf("waiting: %v", waiting)
	}
	c.Release(2, 0)
	c.Release()
	var came []string
	for range 3 {
		came = append(came, f.next(scheduler.Event_UPDATE).Update.Status.TaskID.Value)
	}
	if !slices.Equal(came, []string{"c", "a", "b"}) {
		t.Errorf("came: %v", came)
	}
}

// A call that is lost has been answered all the same, and does nothing.
func TestTapLosesCalls(t *testing.T) {
	c := start(t, fast(Instant, 1))
	f := subscribe(t, c.URL(), testFramework(), mediaProtobuf)
	c.SetTap(func(m Message) Verdict {
		if m.Route == CallToMaster && m.Kind == "TEARDOWN" {
			return Drop
		}
		return Deliver
	})
	f.simple(scheduler.Call_TEARDOWN)
	c.SetTap(nil)
	f.accept(f.offers()[0], command("a", ""))
	f.until("a", mesos.TASK_FINISHED)
}
