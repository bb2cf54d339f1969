package minimesos

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosagent "github.com/mesos/mesos-go/api/v1/lib/agent"
)

// handler is the agent's whole HTTP interface. As in Mesos most paths are
// also there behind the name that libprocess knows the agent by.
func (a *agent) handler(cut <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	both := func(path string, fn http.HandlerFunc) {
		mux.HandleFunc(path, fn)
		mux.HandleFunc("/"+agentPath+path, fn)
	}
	both("/api/v1", a.serveAPI)
	both("/api/v1/executor", func(w http.ResponseWriter, r *http.Request) { a.serveExecutor(w, r, cut) })
	both("/health", func(w http.ResponseWriter, _ *http.Request) { answer{status: http.StatusOK}.write(w) })
	both("/version", a.c.inLoop(func(*http.Request) answer { return jsonAnswer(versionMap()) }))
	both("/state", a.c.inLoop(func(*http.Request) answer { return jsonAnswer(a.state()) }))
	both("/containers", a.c.inLoop(func(*http.Request) answer { return jsonAnswer(a.legacyContainers()) }))
	mux.HandleFunc("/files/browse", a.serveBrowse)
	mux.HandleFunc("/files/read", a.serveRead)
	return a.gated(mux)
}

// gated lets requests wait for as long as the agent is stopped.
func (a *agent) gated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			var gate <-chan struct{}
			if !a.c.loop.do(func() { gate = a.gate }) {
				panic(errAbort)
			}
			if gate == nil {
				next.ServeHTTP(w, r)
				return
			}
			select {
			case <-gate:
			case <-r.Context().Done():
				return
			}
		}
	})
}

// serveAPI answers the agent's operator API.
func (a *agent) serveAPI(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		methodNotAllowed(r.Method).write(w)
		return
	}
	media, refusal := contentType(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(errAbort)
	}
	call := new(mesosagent.Call)
	if err := decode(media, body, call, "Call"); err != nil {
		badRequest(err.Error()).write(w)
		return
	}
	if problem := validateAgentCall(call); problem != "" {
		badRequest("Failed to validate agent::Call: " + problem).write(w)
		return
	}
	if media, refusal = acceptedMedia(r); refusal != nil {
		refusal.write(w)
		return
	}
	a.answer(call, media).write(w)
}

// answer reads files outside the loop, and all else in it.
func (a *agent) answer(call *mesosagent.Call, media mediaType) (response answer) {
	switch call.Type {
	case mesosagent.Call_LIST_FILES:
		return a.listFilesCall(call.ListFiles, media)
	case mesosagent.Call_READ_FILE:
		return a.readFileCall(call.ReadFile, media)
	}
	if !a.c.loop.do(func() { response = a.read(call, media) }) {
		panic(errAbort)
	}
	return response
}

func validateAgentCall(call *mesosagent.Call) string {
	switch {
	case call.Type == mesosagent.Call_UNKNOWN:
		return "Expecting 'type' to be present"
	case call.Type == mesosagent.Call_LIST_FILES && call.ListFiles == nil:
		return "Expecting 'list_files' to be present"
	case call.Type == mesosagent.Call_READ_FILE && call.ReadFile == nil:
		return "Expecting 'read_file' to be present"
	}
	return ""
}

func (a *agent) read(call *mesosagent.Call, media mediaType) answer {
	r := &mesosagent.Response{Type: mesosagent.Response_Type(mesosagent.Response_Type_value[call.Type.String()])}
	switch call.Type {
	case mesosagent.Call_GET_HEALTH:
		r.GetHealth = &mesosagent.Response_GetHealth{Healthy: true}
	case mesosagent.Call_GET_VERSION:
		r.GetVersion = &mesosagent.Response_GetVersion{VersionInfo: versionInfo()}
	case mesosagent.Call_GET_AGENT:
		r.GetAgent = &mesosagent.Response_GetAgent{AgentInfo: a.info}
	case mesosagent.Call_GET_CONTAINERS:
		r.GetContainers = &mesosagent.Response_GetContainers{Containers: a.containers()}
	case mesosagent.Call_GET_TASKS:
		r.GetTasks = a.tasksResponse()
	case mesosagent.Call_GET_FRAMEWORKS:
		r.GetFrameworks = a.frameworksResponse()
	case mesosagent.Call_GET_EXECUTORS:
		r.GetExecutors = a.executorsResponse()
	case mesosagent.Call_GET_STATE:
		r.GetState = &mesosagent.Response_GetState{
			GetTasks: a.tasksResponse(), GetExecutors: a.executorsResponse(), GetFrameworks: a.frameworksResponse()}
	default:
		return text(http.StatusNotImplemented, fmt.Sprintf("%s is not supported by minimesos", call.Type))
	}
	return respond(media, http.StatusOK, r)
}

func (a *agent) listFilesCall(call *mesosagent.Call_ListFiles, media mediaType) answer {
	infos, problem := a.browse(call.Path)
	if problem != nil {
		return problem.answer()
	}
	return respond(media, http.StatusOK, &mesosagent.Response{Type: mesosagent.Response_LIST_FILES,
		ListFiles: &mesosagent.Response_ListFiles{FileInfos: infos}})
}

func (a *agent) readFileCall(call *mesosagent.Call_ReadFile, media mediaType) answer {
	length := int64(-1)
	if call.Length != nil {
		length = int64(*call.Length)
	}
	data, size, problem := a.readFile(call.Path, int64(call.Offset), length)
	if problem != nil {
		return problem.answer()
	}
	if data == nil {
		data = []byte{} // the field is required
	}
	return respond(media, http.StatusOK, &mesosagent.Response{Type: mesosagent.Response_READ_FILE,
		ReadFile: &mesosagent.Response_ReadFile{Size_: uint64(size), Data: data}})
}

// history walks the frameworks of the agent, those that are gone first.
func (a *agent) history() []*agentFramework {
	return append(slices.Clone(a.completed), valuesOf(a.frameworks)...)
}

func (a *agent) tasksResponse() *mesosagent.Response_GetTasks {
	out := &mesosagent.Response_GetTasks{}
	for _, f := range a.history() {
		for _, t := range valuesOf(f.tasks) {
			described := t.describe()
			switch {
			case isTerminal(t.latest):
				out.TerminatedTasks = append(out.TerminatedTasks, described)
			case t.executor != nil && slices.Contains(t.executor.queued, t):
				out.QueuedTasks = append(out.QueuedTasks, described)
			default:
				out.LaunchedTasks = append(out.LaunchedTasks, described)
			}
		}
		for _, t := range f.doneTasks {
			out.CompletedTasks = append(out.CompletedTasks, t.describe())
		}
	}
	return out
}

func (t *agentTask) describe() mesos.Task {
	out := describeTask(t.info, t.framework, t.latest, t.info.Resources, t.statuses)
	out.ExecutorID = t.customExecutorID()
	if status := t.sent(); status != nil {
		out.StatusUpdateState, out.StatusUpdateUUID = status.State, status.UUID
	}
	return out
}

// sent is the last update that has gone to the master.
func (t *agentTask) sent() *mesos.TaskStatus {
	if len(t.updates.pending) > 0 {
		return t.updates.pending[0]
	}
	if n := len(t.statuses); n > 0 {
		return t.statuses[n-1]
	}
	return nil
}

func (a *agent) frameworksResponse() *mesosagent.Response_GetFrameworks {
	out := &mesosagent.Response_GetFrameworks{}
	for _, f := range valuesOf(a.frameworks) {
		out.Frameworks = append(out.Frameworks, mesosagent.Response_GetFrameworks_Framework{FrameworkInfo: *f.info})
	}
	for _, f := range a.completed {
		out.CompletedFrameworks = append(out.CompletedFrameworks, mesosagent.Response_GetFrameworks_Framework{FrameworkInfo: *f.info})
	}
	return out
}

func (a *agent) executorsResponse() *mesosagent.Response_GetExecutors {
	out := &mesosagent.Response_GetExecutors{}
	for _, f := range a.history() {
		for _, x := range valuesOf(f.executors) {
			out.Executors = append(out.Executors, mesosagent.Response_GetExecutors_Executor{ExecutorInfo: x.infoOrCommand()})
		}
		for _, x := range f.done {
			out.CompletedExecutors = append(out.CompletedExecutors, mesosagent.Response_GetExecutors_Executor{ExecutorInfo: x.infoOrCommand()})
		}
	}
	return out
}

// title is what the agent calls the executor: its name if it has one, and for
// a command its beginning (Slave::getExecutorInfo in src/slave/slave.cpp).
func (x *executor) title() string {
	if x.info != nil {
		return x.info.GetName()
	}
	command := x.task.info.Command
	shown, open, end := command.GetValue(), "sh -c '", "'"
	if !command.GetShell() {
		shown = strings.Join(append([]string{command.GetValue()}, command.GetArguments()...), ", ")
		open, end = "[", "]"
	}
	if len(shown) > 15 {
		shown = shown[:12] + "..."
	}
	return fmt.Sprintf("Command Executor (Task: %s) (Command: %s%s%s)", x.task.id(), open, shown, end)
}

func (x *executor) source() string {
	if x.info != nil {
		return x.info.GetSource()
	}
	return x.id
}

// executorOverhead is what an agent adds for its own executor of a command
// (DEFAULT_EXECUTOR_CPUS and DEFAULT_EXECUTOR_MEM in src/slave/constants.hpp).
var executorOverhead = bag{scalars: []scalar{{"cpus", 100}, {"mem", 32_000}}}

// allocation is what an executor and its tasks have.
func (x *executor) allocation() bag {
	var out bag
	if x.info != nil {
		own, _ := bagOf(x.info.Resources) // read before, without an error
		out.add(&own)
	} else if x.state != ended {
		out.add(&executorOverhead)
	}
	for _, t := range x.liveTasks() {
		amount, _ := bagOf(t.info.Resources)
		out.add(&amount)
	}
	return out
}

// containers are those that run, with what they may use and have used.
func (a *agent) containers() []mesosagent.Response_GetContainers_Container {
	out := []mesosagent.Response_GetContainers_Container{}
	for _, f := range valuesOf(a.frameworks) {
		for _, x := range valuesOf(f.executors) {
			if x.state != running {
				continue
			}
			title := x.title()
			container := mesosagent.Response_GetContainers_Container{
				FrameworkID: &mesos.FrameworkID{Value: x.framework}, ExecutorID: &mesos.ExecutorID{Value: x.id},
				ExecutorName: &title, ContainerID: mesos.ContainerID{Value: x.containerID},
				ContainerStatus:    &mesos.ContainerStatus{ContainerID: &mesos.ContainerID{Value: x.containerID}},
				ResourceStatistics: x.statistics(),
			}
			if pid := x.container.pid(); pid != 0 {
				container.ContainerStatus.ExecutorPID = &pid
			}
			out = append(out, container)
		}
	}
	return out
}

func (x *executor) statistics() *mesos.ResourceStatistics {
	amount := x.allocation()
	cpus, mem := float64(amount.milli("cpus"))/1000, uint64(amount.milli("mem"))*1024*1024/1000
	out := &mesos.ResourceStatistics{Timestamp: seconds(time.Now()), CPUsSoftLimit: &cpus,
		MemLimitBytes: &mem, MemSoftLimitBytes: &mem}
	if used, ok := x.container.usage(); ok {
		out.CPUsUserTimeSecs, out.CPUsSystemTimeSecs, out.MemRSSBytes = &used.user, &used.system, &used.rss
	}
	return out
}

func (a *agent) legacyContainers() []object {
	out := []object{}
	for _, c := range a.containers() {
		s := c.ResourceStatistics
		statistics := object{"timestamp": s.Timestamp, "cpus_soft_limit": s.GetCPUsSoftLimit(),
			"mem_limit_bytes": s.GetMemLimitBytes(), "mem_soft_limit_bytes": s.GetMemSoftLimitBytes()}
		if s.MemRSSBytes != nil {
			statistics["cpus_user_time_secs"] = s.GetCPUsUserTimeSecs()
			statistics["cpus_system_time_secs"] = s.GetCPUsSystemTimeSecs()
			statistics["mem_rss_bytes"] = s.GetMemRSSBytes()
		}
		status := object{"container_id": object{"value": c.ContainerID.Value}}
		if c.ContainerStatus.ExecutorPID != nil {
			status["executor_pid"] = *c.ContainerStatus.ExecutorPID
		}
		out = append(out, object{"container_id": c.ContainerID.Value, "executor_id": c.ExecutorID.Value,
			"executor_name": c.GetExecutorName(), "framework_id": c.FrameworkID.Value,
			"source": a.executor(c.FrameworkID.Value, c.ExecutorID.Value).source(), "statistics": statistics, "status": status})
	}
	return out
}
