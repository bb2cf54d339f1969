package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
)

func (s *Server) clusterRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/queue", role: Viewer, answer: Queue{}, handle: inJSON(s.showQueue),
			summary: "Show what waits, why, and in which order it goes."},
		{method: "GET", pattern: "/v1/agents", role: Viewer, answer: Agents{}, handle: inJSON(s.listAgents),
			summary: "List the agents that have offered resources, by hostname."},
		{method: "GET", pattern: "/v1/version", role: Viewer, answer: Version{}, handle: inJSON(s.showVersion),
			summary: "Tell the scheduler's version."},
	}
}

// showQueue explains the queue beside the loop, since that takes a while where much waits.
func (s *Server) showQueue(req *request) (int, any, error) {
	outlook, err := look(req.Context(), s.cfg.Daemon, func(now time.Time, r *scheduler.Reactor) (*scheduler.Outlook, error) {
		return r.Outlook(now), nil
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, queueView(outlook.Explain(), s.projects(req.Context())), nil
}

// queueView leaves out what is of other projects than those that may be seen (nil: any).
func queueView(q scheduler.Queue, visible []string) Queue {
	v := Queue{Projects: []ProjectQueue{}, Waiting: []WaitingStep{}}
	for _, p := range q.Projects {
		if visible != nil && !slices.Contains(visible, p.Project) {
			continue
		}
		reasons := map[string]int{}
		for reason, n := range p.Reasons {
			reasons[string(reason)] = n
		}
		v.Projects = append(v.Projects, ProjectQueue{
			Project: p.Project, Weight: p.Weight, Used: resourcesView(p.Used), Pending: resourcesView(p.Pending),
			Waiting: p.Waiting, Running: p.Running, Oldest: optional(p.Oldest), Reasons: reasons,
		})
	}
	for _, w := range q.Waiting {
		if visible != nil && !slices.Contains(visible, w.Project) {
			continue
		}
		v.Waiting = append(v.Waiting, WaitingStep{
			Run: string(w.Run), Project: w.Project, Pipeline: w.Pipeline, Step: w.Step, Tasks: w.Tasks, Since: w.Since.UTC(),
			Each: resourcesView(w.Each), Reason: string(w.Reason), Why: w.Why,
		})
	}
	return v
}

func (s *Server) listAgents(req *request) (int, any, error) {
	agents, err := look(req.Context(), s.cfg.Daemon, func(now time.Time, r *scheduler.Reactor) ([]scheduler.AgentView, error) {
		return r.Agents(now), nil
	})
	if err != nil {
		return 0, nil, err
	}
	v := Agents{Agents: []Agent{}}
	for _, a := range agents {
		v.Agents = append(v.Agents, Agent{
			ID: a.ID, Hostname: a.Hostname, Attributes: a.Attributes, Free: resourcesView(a.Free), Used: resourcesView(a.Used),
			Tasks: a.Tasks, Seen: a.Seen.UTC(), Maintenance: optional(a.Maintenance),
			VM: a.VM, Cloud: a.Cloud, Cordon: cordonView(&a),
		})
	}
	slices.SortStableFunc(v.Agents, func(a, b Agent) int { return cmp.Compare(a.Hostname, b.Hostname) })
	return http.StatusOK, v, nil
}

func (s *Server) showVersion(*request) (int, any, error) {
	return http.StatusOK, Version{Version: s.cfg.Version}, nil
}
