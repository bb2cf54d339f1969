package userdata_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/manifests/ansible"
)

// The watchdog's world: uptime is a file, curl answers from a folder of answers, and what would end the machine is noted,
// as is a look at the clock, which anybody may have set.
const (
	fakeCurl = `#!/bin/sh
for last; do :; done
while [ $# -gt 0 ]; do [ "$1" = --output ] && output=$2; shift; done
answer=$WORLD/answers/$(echo "$last" | tr '/?:' '___')
[ -e "$answer" ] || { printf 000; exit 7; }
tail -n +2 "$answer" >"$output"
head -n 1 "$answer" | tr -d '\n'
`
	fakeNote = `#!/bin/sh
echo "$(basename "$0") $*" >>"$WORLD/deeds"
`
)

const (
	agentID  = "c0ffee00-0000-4000-8000-000000000001-S7"
	slaves   = "http://10.1.0.5:5050/slaves?slave_id=" + agentID
	metrics  = "http://10.77.0.9:5051/metrics/snapshot"
	inList   = `{"slaves":[{"id":"` + agentID + `","active":true}],"recovered_slaves":[]}`
	notThere = `{"slaves":[],"recovered_slaves":[]}`
)

// executors is what an agent with so many executors that run says of itself, with the escapes of Mesos' JSON.
func executors(running int) string {
	return fmt.Sprintf(`{"slave\/executors_preempted":0.0,"slave\/executors_registering":0.0,"slave\/executors_running":%d.0,"slave\/executors_terminated":12.0,"slave\/executors_terminating":0.0}`, running)
}

type world struct {
	folder      string
	environment []string
}

// newWorld is a machine whose agent has registered, of a master that answers, with ten minutes of silence and a lease of
// half an hour.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{folder: t.TempDir()}
	for name, text := range map[string]string{"curl": fakeCurl, "poweroff": fakeNote, "systemctl": fakeNote, "date": fakeNote} {
		w.write(t, "bin/"+name, text, 0o755)
	}
	for _, script := range []string{"watchdog", "prepare"} {
		text, err := fs.ReadFile(ansible.Files(), script)
		if err != nil {
			t.Fatal(err)
		}
		w.write(t, "lib/"+script, string(text), 0o755)
	}
	w.write(t, "lib/address", "#!/bin/sh\necho 10.77.0.9\n", 0o755)
	w.environment = []string{
		"PATH=" + w.path("bin") + ":/usr/bin:/bin", "WORLD=" + w.folder,
		"SPILLWAY_RUN=" + w.path("run"), "SPILLWAY_UPTIME=" + w.path("uptime"), "SPILLWAY_SILENCE=600", "SPILLWAY_LEASE=1800",
		"MESOS_WORK_DIR=" + w.path("mesos"), "MESOS_MASTER=10.1.0.5:5050",
	}
	w.register(t)
	w.answer(t, slaves, "200", inList)
	w.answer(t, metrics, "200", executors(1))
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.folder, name) }

func (w *world) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// register leaves what an agent leaves when it has been given an id.
func (w *world) register(t *testing.T) {
	t.Helper()
	w.write(t, "mesos/meta/slaves/"+agentID+"/slave.info", "", 0o644)
	if err := os.Symlink(w.path("mesos/meta/slaves/"+agentID), w.path("mesos/meta/slaves/latest")); err != nil {
		t.Fatal(err)
	}
}

func (w *world) answer(t *testing.T, url, status, body string) {
	t.Helper()
	w.write(t, "answers/"+strings.NewReplacer("/", "_", "?", "_", ":", "_").Replace(url), status+"\n"+body+"\n", 0o644)
}

// silence takes away what answers.
func (w *world) silence(t *testing.T, url string) {
	t.Helper()
	if err := os.Remove(w.path("answers/" + strings.NewReplacer("/", "_", "?", "_", ":", "_").Replace(url))); err != nil {
		t.Fatal(err)
	}
}

// look runs the watchdog at an uptime.
func (w *world) look(t *testing.T, uptime int) {
	t.Helper()
	w.write(t, "uptime", fmt.Sprintf("%d.37 1234.56\n", uptime), 0o644)
	command := exec.Command(w.path("lib/watchdog"))
	command.Env = w.environment
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("watchdog at %d s: %v\n%s", uptime, err, out)
	}
}

// watch runs the watchdog every minute, until it powers the machine off, and gives the uptime at that; 0 if it does not.
func (w *world) watch(t *testing.T, from, to int) int {
	t.Helper()
	for uptime := from; uptime <= to; uptime += 60 {
		w.look(t, uptime)
		if w.deeds(t) != "" {
			return uptime
		}
	}
	return 0
}

func (w *world) deeds(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(w.path("deeds"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// TestWatchdog runs the script as the timer does, on a machine in several situations, and sees when it powers off.
func TestWatchdog(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(t *testing.T, w *world) (off int) // the uptime at which it was powered off, 0: it was not
		want    int
	}{
		"all is well": {func(t *testing.T, w *world) int { return w.watch(t, 60, 1740) }, 0},
		"the master is gone for less than the silence": {func(t *testing.T, w *world) int {
			w.look(t, 60)
			w.silence(t, slaves)
			if off := w.watch(t, 120, 600); off != 0 {
				return off
			}
			w.answer(t, slaves, "200", inList)
			w.look(t, 660)
			w.silence(t, slaves)
			return w.watch(t, 720, 1200) // counted anew
		}, 0},
		"the master is gone for longer": {func(t *testing.T, w *world) int {
			w.look(t, 60)
			w.silence(t, slaves)
			return w.watch(t, 120, 1800)
		}, 660},
		"the master answers with an error": {func(t *testing.T, w *world) int {
			w.answer(t, slaves, "503", "")
			return w.watch(t, 60, 1800)
		}, 600},
		"the master does not know the agent": {func(t *testing.T, w *world) int {
			w.answer(t, slaves, "200", notThere)
			return w.watch(t, 60, 1800)
		}, 600},
		"the master tells strangers nothing": {func(t *testing.T, w *world) int {
			w.answer(t, slaves, "401", "")
			return w.watch(t, 60, 900)
		}, 0},
		"the agent never registered": {func(t *testing.T, w *world) int {
			if err := os.RemoveAll(w.path("mesos")); err != nil {
				t.Fatal(err)
			}
			return w.watch(t, 60, 1800)
		}, 600},
		"nothing was ever installed": {func(t *testing.T, w *world) int {
			if err := os.RemoveAll(w.path("mesos")); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(w.path("bin/curl")); err != nil {
				t.Fatal(err)
			}
			w.environment[0] = "PATH=" + w.path("bin") + ":" + few(t, w)
			return w.watch(t, 60, 1800)
		}, 600},
		"the lease is over and tasks run": {func(t *testing.T, w *world) int { return w.watch(t, 1200, 3000) }, 0},
		"the lease is over and tasks run no more": {func(t *testing.T, w *world) int {
			if off := w.watch(t, 1740, 2400); off != 0 {
				return off
			}
			w.answer(t, metrics, "200", executors(0))
			return w.watch(t, 2460, 3600)
		}, 2700}, // idle for 300 s
		"the lease is over and nothing ran for long": {func(t *testing.T, w *world) int {
			w.answer(t, metrics, "200", executors(0))
			return w.watch(t, 1200, 3000)
		}, 1800},
		"the lease is over and the agent does not say what runs": {func(t *testing.T, w *world) int {
			w.silence(t, metrics)
			return w.watch(t, 1200, 3000)
		}, 0},
		"there is no lease": {func(t *testing.T, w *world) int {
			w.environment = append(w.environment, "SPILLWAY_LEASE=0")
			w.answer(t, metrics, "200", executors(0))
			return w.watch(t, 1200, 3000)
		}, 0},
		"nothing runs and the lease goes on": {func(t *testing.T, w *world) int {
			w.answer(t, metrics, "200", executors(0))
			return w.watch(t, 60, 1740)
		}, 0},
		"the machine stood still for a day without a master": {func(t *testing.T, w *world) int {
			w.environment = append(w.environment, "SPILLWAY_LEASE=0")
			w.look(t, 60)
			w.silence(t, slaves)
			w.look(t, 120)
			if w.look(t, 86400); w.deeds(t) != "" {
				return 86400
			}
			w.answer(t, slaves, "200", inList)
			return w.watch(t, 86460, 87000)
		}, 0},
		"uptime goes back": {func(t *testing.T, w *world) int {
			if off := w.watch(t, 1000, 1400); off != 0 {
				return off
			}
			return w.watch(t, 60, 400)
		}, 0},
		"what was counted is unreadable": {func(t *testing.T, w *world) int {
			w.write(t, "run/watchdog.counted", "some text\n", 0o644)
			w.silence(t, slaves)
			return w.watch(t, 60, 1800)
		}, 600},
		"masters behind ZooKeeper": {func(t *testing.T, w *world) int {
			w.environment = append(w.environment, "MESOS_MASTER=zk://u:p@zk1:2181,zk2:2181/mesos")
			w.answer(t, "http://10.77.0.9:5051/state", "200", `{"hostname":"10.77.0.9","master_hostname":"10.1.0.5","log_dir":"/x"}`)
			if off := w.watch(t, 60, 900); off != 0 {
				return off
			}
			w.answer(t, "http://10.77.0.9:5051/state", "200", `{"hostname":"10.77.0.9","log_dir":"/x"}`) // no master leads
			return w.watch(t, 960, 1740)
		}, 1500},
		"the second of several masters knows the agent": {func(t *testing.T, w *world) int {
			w.environment = append(w.environment, "SPILLWAY_MASTERS=https://m1:5050 https://m2:5050")
			w.answer(t, "https://m2:5050/slaves?slave_id="+agentID, "200", inList)
			return w.watch(t, 60, 900)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			got := c.happens(t, w)
			if got != c.want {
				t.Errorf("powered off at %d s, want %d (0: never)", got, c.want)
			}
			want := ""
			if got != 0 {
				want = "systemctl kill --kill-who=main --signal=USR1 spillway-agent.service\npoweroff \n"
			}
			if deeds := w.deeds(t); deeds != want {
				t.Errorf("it did %q, want %q", deeds, want)
			}
		})
	}
}

// few is a folder with links to the system's programs that a machine without curl has as well.
func few(t *testing.T, w *world) string {
	t.Helper()
	if err := os.MkdirAll(w.path("few"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "cut", "mkdir", "mv", "basename", "readlink", "dirname", "grep", "sed"} {
		program, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(program, filepath.Join(w.path("few"), name)); err != nil {
			t.Fatal(err)
		}
	}
	return w.path("few")
}
