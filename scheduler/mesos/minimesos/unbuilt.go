package minimesos

import (
	"context"
	"errors"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	execapi "github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"net/http"
)

type observer struct{}
type counters struct{}

func (*counters) call(scheduler.Call_Type)                    {}
func (*counters) ended(mesos.TaskState)                       {}
func (m *master) observeTaskUpdated(*task, *mesos.TaskStatus) {}
func (m *master) observeTaskAdded(*task)                      {}
func (m *master) observeFramework(*framework)                 {}
func (m *master) observeFrameworkUpdated(*framework)          {}
func (m *master) observeFrameworkRemoved(*framework)          {}
func (m *master) observeAgentAdded(*agentEntry)               {}
func (m *master) observeAgentRemoved(*agentEntry)             {}

type inverseOffer struct{}
type maintenanceStatus struct{}
type maintenanceWindow struct{}

func (m *master) offerInverse()                                      {}
func (m *master) forgetInverse(*inverseOffer)                        {}
func (m *master) rescindInverse(*inverseOffer)                       {}
func (m *master) answerInverse(*framework, []mesos.OfferID, bool)    {}
func (r *registry) unavailability(*agentEntry) *mesos.Unavailability { return nil }
func (m *master) checkDrained(*agentEntry)                           {}
func (m *master) drainIfDraining(*agentEntry)                        {}
func (a *agent) markDrained(*agentTask, *mesos.TaskStatus)           {}
func newDockerRunner(context.Context) (runner, error)                { return nil, errors.New("no") }
func oomMessage(exit) string                                         { return "" }
func fetchURIs(context.Context, *containerSpec) error                { return nil }
func (x *executor) awaitSubscription()                               {}
func (x *executor) send(*execapi.Event)                              {}
func (x *executor) message([]byte)                                   {}
func (x *executor) acknowledged(*agentTask, *mesos.TaskStatus)       {}
func (x *executor) customExited(exit)                                {}
func (a *agent) handler(<-chan struct{}) http.Handler                { return http.NewServeMux() }
func (m *master) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/scheduler", m.serveScheduler)
	mux.HandleFunc("/master/api/v1/scheduler", m.serveScheduler)
	return mux
}
