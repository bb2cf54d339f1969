package minimesos

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/moby/moby/client"
)

// ownerLabel is the label of a container that says which process started it.
const ownerLabel = "minimesos.owner"

// thisOwner names this process such that another can tell later whether it is still there: by the boot of the machine,
// the space in which process ids count, the process id, and when the process began, in the kernel's ticks. It is empty
// where there is no /proc.
func thisOwner() string { return ownerOf(os.Getpid()) }

func ownerOf(pid int) string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	const began = 19 // field 22 of proc_pid_stat(5), counted after the name, which is field 2 and may have blanks
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) <= began {
		return ""
	}
	return fmt.Sprintf("%s %s %d %s", strings.TrimSpace(string(boot)), space, pid, fields[began])
}

// isGone tells whether the process that owner names has ended. One of another machine, boot or space is not judged.
func isGone(owner string) bool {
	var boot, space, began string
	var pid int
	if n, err := fmt.Sscanf(owner, "%s %s %d %s", &boot, &space, &pid, &began); err != nil || n != 4 {
		return false
	}
	here := strings.Fields(thisOwner())
	return len(here) == 4 && here[0] == boot && here[1] == space && ownerOf(pid) != owner
}

// owned adds the owner to labels.
func (r *dockerRunner) owned(labels map[string]string) map[string]string {
	if r.owner == "" {
		return labels
	}
	all := map[string]string{ownerLabel: r.owner}
	maps.Copy(all, labels)
	return all
}

// sweep removes the containers that processes have left behind which were killed. That it fails is no reason to do
// without the engine: it is tried again at the next start.
func (r *dockerRunner) sweep(ctx context.Context) {
	found, err := r.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", ownerLabel)})
	if err != nil {
		return
	}
	for _, c := range found.Items {
		if isGone(c.Labels[ownerLabel]) {
			_ = (&dockerContainer{engine: r.engine, id: c.ID}).remove()
		}
	}
}
