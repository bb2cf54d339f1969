package store

import (
	"slices"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// The columns of the records, each field of them once. A new field is a line here and a migration.

type (
	runRow      = state.RunRecord
	attemptRow  = state.AttemptRecord
	pipelineRow = state.PipelineRecord
)

// runFixed are the columns of table runs that are written when the run is submitted.
var runFixed = []column[runRow]{
	number("sequence", func(r *runRow) *int64 { return &r.Sequence }),
	text("id", func(r *runRow) *state.RunID { return &r.ID }),
	word("name", func(r *runRow) *string { return &r.Name }),
	word("project", func(r *runRow) *string { return &r.Project }),
	word("owner", func(r *runRow) *string { return &r.Owner }),
	word("submitted_by", func(r *runRow) *string { return &r.SubmittedBy }),
	number("pipeline_version", func(r *runRow) *int { return &r.PipelineVersion }),
	text("key", func(r *runRow) *string { return &r.Key }),
	instant("submitted", func(r *runRow) *time.Time { return &r.Submitted }),
}

// runChanging are the columns of table runs that change afterwards.
var runChanging = []column[runRow]{
	word("phase", func(r *runRow) *state.RunPhase { return &r.Phase }),
	number("generation", func(r *runRow) *int { return &r.Generation }),
	instant("retried", func(r *runRow) *time.Time { return &r.Retried }),
	instant("cancelled", func(r *runRow) *time.Time { return &r.Cancelled }),
	instant("ended", func(r *runRow) *time.Time { return &r.Ended }),
}

// runTexts are the columns of table specs.
var runTexts = []column[runRow]{
	text("spec", func(r *runRow) *string { return &r.Spec }),
	object("params", func(r *runRow) *map[string]string { return &r.Params }),
	object("images", func(r *runRow) *map[string]string { return &r.Images }),
}

// attemptKey are the columns that name an attempt within its run.
var attemptKey = []column[attemptRow]{
	word("step", func(a *attemptRow) *string { return &a.ID.Step }),
	number("task", func(a *attemptRow) *int { return &a.ID.Index }),
	number("number", func(a *attemptRow) *int { return &a.ID.Number }),
}

// attemptChanging are the other columns of table attempts. Enumerations are kept by their names: with whole
// numbers in their place a commit takes two thirds of the time and an attempt a third of the room, but both are
// small enough, any reason that a future Mesos gives can be kept, and people can read the tables.
var attemptChanging = []column[attemptRow]{
	number("generation", func(a *attemptRow) *int { return &a.Generation }),
	word("agent", func(a *attemptRow) *string { return &a.Agent }),
	word("hostname", func(a *attemptRow) *string { return &a.Hostname }),
	word("agent_url", func(a *attemptRow) *string { return &a.AgentURL }),
	word("state", func(a *attemptRow) *state.TaskState { return &a.State }),
	word("reason", func(a *attemptRow) *state.Reason { return &a.Reason }),
	word("source", func(a *attemptRow) *state.Source { return &a.Source }),
	text("message", func(a *attemptRow) *string { return &a.Message }),
	word("kill", func(a *attemptRow) *state.KillCause { return &a.Kill }),
	word("outcome", func(a *attemptRow) *state.Outcome { return &a.Outcome }),
	number("exit_code", func(a *attemptRow) *int { return &a.ExitCode }),
	instant("launched", func(a *attemptRow) *time.Time { return &a.Launched }),
	instant("started", func(a *attemptRow) *time.Time { return &a.Started }),
	instant("unreachable", func(a *attemptRow) *time.Time { return &a.Unreachable }),
	instant("ended", func(a *attemptRow) *time.Time { return &a.Ended }),
	instant("retry_at", func(a *attemptRow) *time.Time { return &a.RetryAt }),
	instant("killed", func(a *attemptRow) *time.Time { return &a.Killed }),
}

// pipelineListed are the columns of table pipelines that lists show.
var pipelineListed = []column[pipelineRow]{
	word("project", func(p *pipelineRow) *string { return &p.Project }),
	word("name", func(p *pipelineRow) *string { return &p.Name }),
	number("version", func(p *pipelineRow) *int { return &p.Version }),
	word("put_by", func(p *pipelineRow) *string { return &p.By }),
	instant("put", func(p *pipelineRow) *time.Time { return &p.Put }),
	flag("deleted", func(p *pipelineRow) *bool { return &p.Deleted }),
}

var (
	runListed       = slices.Concat(runFixed, runChanging)
	runColumns      = slices.Concat(runListed, runTexts)
	attemptColumns  = slices.Concat(attemptKey, attemptChanging)
	pipelineColumns = slices.Concat(pipelineListed, []column[pipelineRow]{
		text("spec", func(p *pipelineRow) *string { return &p.Spec }),
	})
)

// runNumber finds the number by which the other tables know a run. Without it the 26 letters of its id would be
// part of every attempt's key.
const runNumber = "(SELECT sequence FROM runs WHERE id = ?)"

// The statements of a commit.
var (
	updateRun = "UPDATE runs SET " + names(runChanging, "$ = ?") + " WHERE id = ?"
	insertRun = "INSERT INTO runs (" + names(runFixed, "$") + ", " + names(runChanging, "$") + ")" +
		" VALUES (" + names(runFixed, "?") + ", " + names(runChanging, "?") + ")"
	insertSpec = "INSERT INTO specs (run, " + names(runTexts, "$") + ") VALUES (?, " + names(runTexts, "?") + ")"
	putAttempt = "INSERT INTO attempts (run, " + names(attemptColumns, "$") + ")" +
		" VALUES (" + runNumber + ", " + names(attemptColumns, "?") + ")" +
		" ON CONFLICT DO UPDATE SET " + names(attemptChanging, "$ = excluded.$")
	putFramework = "UPDATE scheduler SET framework_id = ?"
	putPipeline  = "INSERT OR REPLACE INTO pipelines (" + names(pipelineColumns, "$") + ") VALUES (" + names(pipelineColumns, "?") + ")"
)

// openRuns is what index runs_open is made for; SQLite uses it only for this very condition.
const openRuns = "phase NOT IN ('succeeded', 'failed', 'cancelled')"

// stepsOfRun finds the steps of which a run has attempts, each by a look at the key.
const stepsOfRun = "(WITH RECURSIVE s(step) AS (SELECT min(step) FROM attempts WHERE run = ?" +
	" UNION ALL SELECT (SELECT min(step) FROM attempts WHERE run = ? AND step > s.step) FROM s WHERE s.step IS NOT NULL)" +
	" SELECT step FROM s WHERE step IS NOT NULL)"

// The queries.
var (
	selectRuns     = "SELECT " + names(runColumns, "$") + " FROM runs JOIN specs ON run = sequence"
	selectOpen     = selectRuns + " WHERE " + openRuns + " ORDER BY sequence"
	selectRun      = selectRuns + " WHERE id = ?"
	selectByKey    = selectRuns + " WHERE project = ? AND key = ? AND key <> ''"
	selectListed   = "SELECT " + names(runListed, "$") + " FROM runs"
	selectEnded    = "SELECT id FROM runs WHERE ended < ? ORDER BY ended, sequence LIMIT ?"
	selectAttempts = "SELECT " + names(attemptColumns, "$") + " FROM attempts WHERE run = ?"
	attemptOrder   = " ORDER BY step, task, number"
	countOpen      = "SELECT count(*) FROM attempts WHERE run IN (SELECT sequence FROM runs WHERE " + openRuns + ")"
	countPhases    = "SELECT phase, count(*) FROM runs GROUP BY phase"
	selectVersions = "SELECT " + names(pipelineListed, "$") + " FROM pipelines WHERE project = ? AND name = ? AND version < ?" +
		" ORDER BY version DESC LIMIT ?"
	selectVersion = "SELECT " + names(pipelineColumns, "$") + " FROM pipelines WHERE project = ? AND name = ? AND version = ?"
	selectNewest  = "SELECT " + names(pipelineColumns, "$") + " FROM pipelines AS p" +
		" WHERE version = (SELECT max(version) FROM pipelines WHERE project = p.project AND name = p.name) ORDER BY project, name"
	selectFramework = "SELECT framework_id FROM scheduler"
	selectNext      = "SELECT max(last_sequence, (SELECT coalesce(max(sequence), 0) FROM runs)) + 1 FROM scheduler"
)
