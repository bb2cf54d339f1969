package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/lisa-dpc/spillway/scheduler/state"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

func (s *Server) listAttempts(req *request) (int, any, error) {
	q := req.query
	f := store.AttemptFilter{Step: q.text("step"), Index: q.number("index", -1), Limit: q.number("limit", pageLength) + 1}
	at, err := cursorParts(q, attemptList, 3)
	if err != nil {
		return 0, nil, err
	}
	if at != nil {
		f.After.Step = at[0]
		var indexErr, numberErr error
		f.After.Index, indexErr = count(at[1])
		f.After.Number, numberErr = count(at[2])
		if indexErr != nil || numberErr != nil || at[0] == "" {
			return 0, nil, badCursor()
		}
	}
	records, err := s.cfg.Store.Attempts(req.Context(), req.run(), f)
	if err != nil {
		return 0, nil, missing(err, "run %s", req.run())
	}
	page := Attempts{Attempts: []Attempt{}}
	if len(records) == f.Limit {
		records = records[:f.Limit-1]
		last := records[len(records)-1].ID
		page.Next = cursor(attemptList, last.Step, strconv.Itoa(last.Index), strconv.Itoa(last.Number))
	}
	for i := range records {
		page.Attempts = append(page.Attempts, attemptView(&records[i]))
	}
	return http.StatusOK, page, nil
}

type taskName struct {
	step  string
	index int
}

// closeBy is how far apart tasks may be to be read from the store together, with those between them.
const closeBy = 8

// newestAttempts reads the newest attempts of tasks, in the order of a page, of which the state has no live one.
func (s *Server) newestAttempts(ctx context.Context, run state.RunID, tasks []foundTask) (map[taskName]*state.AttemptRecord, error) {
	newest := map[taskName]*state.AttemptRecord{}
	tasks = slices.DeleteFunc(slices.Clone(tasks), func(t foundTask) bool { return t.live != nil || t.phase == phasePending })
	for len(tasks) > 0 {
		first, n := tasks[0], 1
		for n < len(tasks) && tasks[n].step == first.step && tasks[n].index-tasks[n-1].index <= closeBy {
			n++
		}
		err := s.eachAttempt(ctx, run, first.step.Name, first.index, tasks[n-1].index, func(a *state.AttemptRecord) {
			newest[taskName{a.ID.Step, a.ID.Index}] = a
		})
		if err != nil {
			return nil, err
		}
		tasks = tasks[n:]
	}
	return newest, nil
}

// eachAttempt reads the attempts of the tasks first to last of a step, in order.
func (s *Server) eachAttempt(ctx context.Context, run state.RunID, step string, first, last int, f func(*state.AttemptRecord)) error {
	filter := store.AttemptFilter{Step: step, Index: -1, Limit: longest}
	if first == last {
		filter.Index = first
	}
	for filter.After = (state.AttemptID{Step: step, Index: first, Number: -1}); ; {
		page, err := s.cfg.Store.Attempts(ctx, run, filter)
		if err != nil {
			return missing(err, "run %s", run)
		}
		for i := range page {
			if page[i].ID.Index > last {
				return nil
			}
			f(&page[i])
		}
		if len(page) < filter.Limit {
			return nil
		}
		filter.After = page[len(page)-1].ID
	}
}
