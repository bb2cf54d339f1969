package state

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// TestVocabularyIsMesos checks that every state, reason and source of mesos.proto is named, and nothing else.
func TestVocabularyIsMesos(t *testing.T) {
	states := []TaskState{
		TaskStaging, TaskStarting, TaskRunning, TaskKilling, TaskFinished, TaskFailed, TaskKilled, TaskError, TaskLost,
		TaskDropped, TaskUnreachable, TaskGone, TaskGoneByOperator, TaskUnknown,
	}
	if diff := cmp.Diff(keys(mesos.TaskState_value), texts(states)); diff != "" {
		t.Errorf("states (-mesos.proto +here):\n%s", diff)
	}
	if diff := cmp.Diff(keys(mesos.TaskStatus_Reason_value), texts(reasons)); diff != "" {
		t.Errorf("reasons (-mesos.proto +here):\n%s", diff)
	}
	if diff := cmp.Diff(keys(mesos.TaskStatus_Source_value), texts([]Source{SourceMaster, SourceAgent, SourceExecutor})); diff != "" {
		t.Errorf("sources (-mesos.proto +here):\n%s", diff)
	}
}

var reasons = []Reason{
	ReasonCommandExecutorFailed, ReasonContainerLaunchFailed, ReasonContainerLimitation, ReasonContainerLimitationDisk,
	ReasonContainerLimitationMemory, ReasonContainerPreempted, ReasonContainerUpdateFailed, ReasonMaxCompletionTimeReached,
	ReasonExecutorRegistrationTimeout, ReasonExecutorReregistrationTimeout, ReasonExecutorTerminated,
	ReasonExecutorUnregistered, ReasonFrameworkRemoved, ReasonGCError, ReasonInvalidFrameworkID, ReasonInvalidOffers,
	ReasonIOSwitchboardExited, ReasonMasterDisconnected, ReasonReconciliation, ReasonResourcesUnknown,
	ReasonAgentDisconnected, ReasonAgentDraining, ReasonAgentRemoved, ReasonAgentRemovedByOperator,
	ReasonAgentReregistered, ReasonAgentRestarted, ReasonAgentUnknown, ReasonTaskKilledDuringLaunch,
	ReasonTaskCheckStatusUpdated, ReasonTaskHealthCheckStatusUpdated, ReasonTaskGroupInvalid, ReasonTaskGroupUnauthorized,
	ReasonTaskInvalid, ReasonTaskUnauthorized, ReasonTaskUnknown,
}

func keys(m map[string]int32) []string {
	var names []string
	for k := range m {
		names = append(names, k)
	}
	sort.Strings(names)
	return names
}

func texts[S ~string](list []S) []string {
	var names []string
	for _, s := range list {
		names = append(names, string(s))
	}
	sort.Strings(names)
	return names
}

// TestBlameIsComplete checks that each terminal state has a rule that holds for every reason and source, that no
// rule is hidden by an earlier one, and that only TASK_FINISHED is a success.
func TestBlameIsComplete(t *testing.T) {
	used := map[int]bool{}
	for name := range mesos.TaskState_value {
		st := TaskState(name)
		if !st.Terminal() {
			continue
		}
		for _, reason := range append([]Reason{""}, reasons...) {
			for _, source := range []Source{SourceMaster, SourceAgent, SourceExecutor} {
				got := blameFor(st, reason, source)
				if got.Why == "a state that this version does not know" {
					t.Errorf("no rule for %s %s %s", st, reason, source)
				}
				if (got.Outcome == Succeeded) != (st == TaskFinished) {
					t.Errorf("%s %s %s is %s", st, reason, source, got.Outcome)
				}
				for i, r := range blame {
					if r == got {
						used[i] = true
						break
					}
				}
			}
		}
	}
	for i, r := range blame {
		if !used[i] {
			t.Errorf("rule %+v is never used", r)
		}
	}
	if got := blameFor("TASK_NEW", "", SourceMaster).Outcome; got != InfraFailed {
		t.Errorf("an unknown state is %s", got)
	}
}

// TestBlameAsRecorded holds the rules against what a real Mesos said.
func TestBlameAsRecorded(t *testing.T) {
	for _, c := range []struct {
		state  TaskState
		reason Reason
		source Source
		want   Outcome
	}{
		{TaskFinished, "", SourceExecutor, Succeeded},
		{TaskFailed, "", SourceExecutor, AuthorFailed},
		{TaskFailed, ReasonContainerLaunchFailed, SourceAgent, InfraFailed},
		{TaskFailed, ReasonMaxCompletionTimeReached, SourceExecutor, AuthorFailed},
		{TaskFailed, ReasonExecutorTerminated, SourceAgent, InfraFailed},
		{TaskFailed, ReasonCommandExecutorFailed, SourceAgent, InfraFailed},
		{TaskFailed, ReasonContainerLimitationMemory, SourceAgent, AuthorFailed},
		{TaskError, ReasonTaskInvalid, SourceMaster, InfraFailed},
		{TaskDropped, ReasonInvalidOffers, SourceMaster, InfraFailed},
		{TaskGone, ReasonReconciliation, SourceMaster, InfraFailed},
		{TaskUnknown, ReasonReconciliation, SourceMaster, InfraFailed},
		{TaskKilled, ReasonAgentDraining, SourceExecutor, InfraFailed},
		{TaskGoneByOperator, ReasonAgentDraining, SourceExecutor, InfraFailed},
		{TaskGoneByOperator, ReasonAgentRemovedByOperator, SourceMaster, InfraFailed},
	} {
		if got := blameFor(c.state, c.reason, c.source).Outcome; got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.state, c.reason, c.source, got, c.want)
		}
	}
}

// TestFailuresAreDocumented keeps the table of docs/failures.md equal to the rules.
func TestFailuresAreDocumented(t *testing.T) {
	const path = "../../docs/failures.md"
	const begin, end = "<!-- table -->\n", "<!-- end of table -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	want := before + begin + blameTable() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is not what the rules say (go test ./scheduler/state -update writes it):\n%s", path, diff)
	}
}

func blameTable() string {
	var b strings.Builder
	b.WriteString("| state | reason | source | counts against | because |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range blame {
		against := map[Outcome]string{Succeeded: "nobody: succeeded", AuthorFailed: "the author", InfraFailed: "the infrastructure"}[r.Outcome]
		if r.Limit > 0 {
			against += fmt.Sprintf(", at most %d of these together", r.Limit)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.State, orAny(string(r.Reason)), orAny(string(r.Source)), against, r.Why)
	}
	return b.String()
}

func orAny(s string) string {
	if s == "" {
		return "any"
	}
	return s
}
