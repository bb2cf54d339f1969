package cloudburst

import (
	"context"
	"time"

	"github.com/lisa-dpc/spillway/cloudburst/master"
	"github.com/lisa-dpc/spillway/cloudburst/openstack"
)

// counted counts the calls to somebody, by kind and outcome.
type counted struct {
	metrics *Metrics
	target  string
}

// call makes a call and counts it.
func (c counted) call(kind string, do func() error) error {
	began := time.Now()
	err := do()
	c.metrics.called(c.target, kind, err, time.Since(began))
	return err
}

// ask makes a call that answers, and counts it.
func ask[T any](c counted, kind string, do func() (T, error)) (answer T, err error) {
	err = c.call(kind, func() error { answer, err = do(); return err })
	return answer, err
}

// countedCloud is a cloud whose calls are counted.
type countedCloud struct {
	Cloud
	c counted
}

func (m countedCloud) Servers(ctx context.Context, cluster string) ([]openstack.Server, error) {
	return ask(m.c, "servers", func() ([]openstack.Server, error) { return m.Cloud.Servers(ctx, cluster) })
}

func (m countedCloud) Limits(ctx context.Context) (openstack.Limits, error) {
	return ask(m.c, "limits", func() (openstack.Limits, error) { return m.Cloud.Limits(ctx) })
}

func (m countedCloud) Usage(ctx context.Context, cluster string, from, to time.Time) ([]openstack.Usage, error) {
	return ask(m.c, "usage", func() ([]openstack.Usage, error) { return m.Cloud.Usage(ctx, cluster, from, to) })
}

func (m countedCloud) Boot(ctx context.Context, b openstack.Boot) (openstack.Server, error) {
	return ask(m.c, "boot", func() (openstack.Server, error) { return m.Cloud.Boot(ctx, b) })
}

func (m countedCloud) Start(ctx context.Context, id string) error {
	return m.c.call("start", func() error { return m.Cloud.Start(ctx, id) })
}

func (m countedCloud) Stop(ctx context.Context, id string) error {
	return m.c.call("stop", func() error { return m.Cloud.Stop(ctx, id) })
}

func (m countedCloud) Shelve(ctx context.Context, id string) error {
	return m.c.call("shelve", func() error { return m.Cloud.Shelve(ctx, id) })
}

func (m countedCloud) SetMetadata(ctx context.Context, id string, values map[string]string) error {
	return m.c.call("metadata", func() error { return m.Cloud.SetMetadata(ctx, id, values) })
}

func (m countedCloud) Delete(ctx context.Context, cluster, intent, id string) error {
	return m.c.call("delete", func() error { return m.Cloud.Delete(ctx, cluster, intent, id) })
}

func (m countedCloud) Leftovers(ctx context.Context, cluster string) ([]openstack.Leftover, error) {
	return ask(m.c, "leftovers", func() ([]openstack.Leftover, error) { return m.Cloud.Leftovers(ctx, cluster) })
}

func (m countedCloud) Remove(ctx context.Context, l openstack.Leftover) error {
	return m.c.call("remove", func() error { return m.Cloud.Remove(ctx, l) })
}

// countedMaster is a master whose calls are counted.
type countedMaster struct {
	m Master
	c counted
}

func (m countedMaster) Agents(ctx context.Context) ([]master.Agent, error) {
	return ask(m.c, "agents", func() ([]master.Agent, error) { return m.m.Agents(ctx) })
}

func (m countedMaster) Tasks(ctx context.Context, agent string) (int, error) {
	return ask(m.c, "tasks", func() (int, error) { return m.m.Tasks(ctx, agent) })
}

func (m countedMaster) Deactivate(ctx context.Context, agent string) error {
	return m.c.call("deactivate", func() error { return m.m.Deactivate(ctx, agent) })
}

func (m countedMaster) Reactivate(ctx context.Context, agent string) error {
	return m.c.call("reactivate", func() error { return m.m.Reactivate(ctx, agent) })
}

func (m countedMaster) Drain(ctx context.Context, agent string) error {
	return m.c.call("drain", func() error { return m.m.Drain(ctx, agent) })
}

// countedScheduler is a scheduler whose calls are counted.
type countedScheduler struct {
	s Scheduler
	c counted
}

func (m countedScheduler) Demand(ctx context.Context, seen string, wait time.Duration) (*Demand, error) {
	kind := "demand"
	if wait > 0 {
		kind = "wait"
	}
	return ask(m.c, kind, func() (*Demand, error) { return m.s.Demand(ctx, seen, wait) })
}

func (m countedScheduler) Cordon(ctx context.Context, agent, reason string, d time.Duration) error {
	return m.c.call("cordon", func() error { return m.s.Cordon(ctx, agent, reason, d) })
}

func (m countedScheduler) Uncordon(ctx context.Context, agent string) error {
	return m.c.call("uncordon", func() error { return m.s.Uncordon(ctx, agent) })
}

func (m countedScheduler) Report(ctx context.Context, r *Report) error {
	return m.c.call("report", func() error { return m.s.Report(ctx, r) })
}
