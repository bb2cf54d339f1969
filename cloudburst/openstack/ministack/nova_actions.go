package ministack

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// action is what can be done with a server.
type action struct {
	kind Kind
	// name is what refusals call it.
	name string
	// from are the states of a server in which it can be done, if no other
	// task is under way.
	from []string
	// anywhere: also with a server that has no host.
	anywhere bool
	task     string
	do       func(*Cloud, *server)
	// immediate answers at once instead.
	immediate func(*Cloud, *server, json.RawMessage) answer
}

// actions are those that ministack knows, by their keys in a request.
var actions = map[string]action{
	"os-stop":  {kind: StopServer, name: "stop", from: []string{vmActive, vmError}, task: taskPoweringOff, do: (*Cloud).stop},
	"os-start": {kind: StartServer, name: "start", from: []string{vmStopped}, task: taskPoweringOn, do: (*Cloud).start},
	"reboot": {kind: RebootServer, name: "reboot", from: []string{vmActive, vmStopped, vmError}, task: taskRebooting, // a soft one is a hard one here
		do: func(c *Cloud, s *server) { c.powerOff(s); c.start(s) }},
	"shelve": {kind: ShelveServer, name: "shelve", from: []string{vmActive, vmStopped}, anywhere: true, task: taskShelving, do: (*Cloud).shelve},
	"unshelve": {kind: UnshelveServer, name: "unshelve", from: []string{vmOffloaded}, anywhere: true, task: taskUnshelving,
		do: (*Cloud).unshelve},
	"shelveOffload": {kind: ShelveServer, name: "shelve_offload", anywhere: true,
		immediate: func(*Cloud, *server, json.RawMessage) answer {
			return forbidden("Policy doesn't allow os_compute_api:os-shelve:shelve_offload to be performed.")
		}},
	"os-getConsoleOutput": {kind: ShowConsole, name: "get_console", immediate: showConsole},
}

// actionOf is the key of the action that a body asks for, and what is with it.
func actionOf(body []byte) (string, json.RawMessage) {
	var in map[string]json.RawMessage
	if json.Unmarshal(body, &in) != nil {
		return "", nil
	}
	if len(in) == 1 {
		for key, with := range in {
			return key, with
		}
	}
	return "", nil
}

func actionKind(body []byte) Kind {
	key, _ := actionOf(body)
	if known, ok := actions[key]; ok {
		return known.kind
	}
	return OtherAction
}

func (c *Cloud) act(r *request) answer {
	key, with := actionOf(r.body)
	known, ok := actions[key]
	if key == "" {
		return badRequest("Malformed request body")
	}
	if !ok {
		return badRequest("There is no such action: " + key)
	}
	return c.withServer(r, func(s *server) answer {
		if s.host == "" && !known.anywhere {
			return conflict("Instance " + s.id + " is not ready")
		}
		if known.immediate != nil {
			return known.immediate(c, s, with)
		}
		c.touch(s.bystander, r)
		if !slices.Contains(known.from, s.vm) {
			return s.wrongState(known.name, "vm_state", s.vm)
		}
		if s.task != "" {
			return s.wrongState(known.name, "task_state", s.task)
		}
		s.task, s.updated = known.task, c.Now()
		c.after(c.opts.ActionTime, func() {
			if s.task == known.task { // and not being deleted
				known.do(c, s)
			}
		})
		return empty(http.StatusAccepted)
	})
}

// become ends a task.
func (c *Cloud) become(s *server, vm string) { s.vm, s.task, s.updated = vm, "", c.Now() }

func (c *Cloud) stop(s *server) {
	c.powerOff(s)
	s.power = powerShutdown
	c.become(s, vmStopped)
}

func (c *Cloud) start(s *server) {
	c.become(s, vmActive)
	s.fault = nil
	c.powerOn(s)
}

// shelve ends the machine, keeps its disk as an image, and takes the server
// off its host. (Nova does that in two steps if [DEFAULT]shelved_offload_time
// is not 0, which it is by default.)
func (c *Cloud) shelve(s *server) {
	c.powerOff(s)
	s.power = powerShutdown
	c.snapshot(s)
	c.leaveHost(s)
	c.become(s, vmOffloaded)
}

// snapshot makes the image that a shelved server is kept in.
func (c *Cloud) snapshot(s *server) {
	if s.image == "" {
		return // its volume keeps what there is
	}
	s.shelved = c.addImage(Image{Name: s.name + "-shelved", Size: 1 << 20, MinDisk: s.flavor.Disk, Visibility: "private", owner: s.project,
		Properties: map[string]string{"image_type": "snapshot", "base_image_ref": s.image, "instance_uuid": s.id, "user_id": s.user.id}}).ID
}

// unshelve builds the machine anew on some host; without one the server stays
// as it was.
func (c *Cloud) unshelve(s *server) {
	if !c.findHost(s) {
		c.become(s, vmOffloaded)
		return
	}
	s.task = taskSpawning
	c.after(c.buildTime(s.flavor), func() {
		if s.vm != vmOffloaded || s.task != taskSpawning {
			return
		}
		c.dropImage(s.shelved)
		s.shelved, s.launched = "", c.Now()
		c.become(s, vmActive)
		c.powerOn(s)
	})
}

func showConsole(_ *Cloud, s *server, with json.RawMessage) answer {
	var in struct{ Length any }
	if err := json.Unmarshal(with, &in); err != nil {
		return badRequest("Invalid input for field/attribute os-getConsoleOutput. Value: " + string(with) + ".")
	}
	lines := strings.Split(strings.TrimSuffix(s.console, "\n"), "\n")
	if length, ok := in.Length.(float64); ok && int(length) >= 0 && int(length) < len(lines) {
		lines = lines[len(lines)-int(length):]
	}
	return ok(object{"output": strings.Join(lines, "\n")})
}

// deleteServer is allowed in every state, and as often as one likes.
func (c *Cloud) deleteServer(r *request) answer {
	return c.withServer(r, func(s *server) answer {
		c.touch(s.bystander, r)
		if r.fault != nil && r.fault.Effect == Ignore {
			return empty(http.StatusNoContent)
		}
		if s.task == taskDeleting {
			return empty(http.StatusNoContent)
		}
		if s.task == taskShelving { // the real one forgets the image that it has begun
			c.snapshot(s)
			s.shelved = ""
		}
		s.task, s.updated = taskDeleting, c.Now()
		if s.host == "" {
			c.destroy(s, r.fault)
			return empty(http.StatusNoContent)
		}
		c.after(c.opts.ActionTime, func() { c.destroy(s, r.fault) })
		return empty(http.StatusNoContent)
	})
}

func (c *Cloud) destroy(s *server, fault *Fault) {
	if s.vm == vmDeleted {
		return
	}
	c.powerOff(s)
	c.release(s, fault)
	if s.shelved != "" {
		c.dropImage(s.shelved)
	}
	s.group = nil
	now := c.Now()
	s.vm, s.task, s.terminated, s.updated = vmDeleted, "", now, now
	c.servers = slices.DeleteFunc(c.servers, func(other *server) bool { return other == s })
	c.removed = append(c.removed, s)
}
