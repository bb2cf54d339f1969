package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unique"
)

// column ties one field of the record R to one column of its table.
type column[R any] struct {
	name string
	get  func(*R) any       // the value to bind
	set  func(*R, any) bool // takes a value that was read; false if it cannot be one that get gave
}

// text is for what may be different in every record.
func text[R any, S ~string](name string, field func(*R) *S) column[R] {
	return column[R]{name,
		func(r *R) any { return string(*field(r)) },
		func(r *R, v any) bool {
			s, ok := v.(string)
			*field(r) = S(s)
			return ok
		},
	}
}

// word is for texts of which there are few different ones. Those that are read share their memory: a million
// attempts would otherwise hold a million times "TASK_FINISHED".
func word[R any, S ~string](name string, field func(*R) *S) column[R] {
	c := text(name, field)
	c.set = func(r *R, v any) bool {
		s, ok := v.(string)
		if s != "" {
			s = unique.Make(s).Value()
		}
		*field(r) = S(s)
		return ok
	}
	return c
}

func number[R any, N ~int | ~int64](name string, field func(*R) *N) column[R] {
	return column[R]{name,
		func(r *R) any { return int64(*field(r)) },
		func(r *R, v any) bool {
			n, ok := v.(int64)
			*field(r) = N(n)
			return ok
		},
	}
}

func flag[R any](name string, field func(*R) *bool) column[R] {
	return column[R]{name,
		func(r *R) any {
			if *field(r) {
				return int64(1)
			}
			return int64(0)
		},
		func(r *R, v any) bool {
			n, ok := v.(int64)
			*field(r) = n == 1
			return ok && (n == 0 || n == 1)
		},
	}
}

// instant keeps a time as nanoseconds since 1970: nothing of a time is lost, in the same eight bytes that
// microseconds would take. The zero time is NULL.
func instant[R any](name string, field func(*R) *time.Time) column[R] {
	return column[R]{name,
		func(r *R) any {
			if t := field(r); !t.IsZero() {
				return t.UnixNano()
			}
			return nil
		},
		func(r *R, v any) bool {
			n, ok := v.(int64)
			if ok {
				*field(r) = time.Unix(0, n).UTC()
			}
			return ok || v == nil
		},
	}
}

// object keeps a map as JSON.
func object[R any](name string, field func(*R) *map[string]string) column[R] {
	return column[R]{name,
		func(r *R) any {
			b, err := json.Marshal(*field(r))
			if err != nil {
				panic(err) // a map of strings always has a JSON form
			}
			return string(b)
		},
		func(r *R, v any) bool {
			s, ok := v.(string)
			return ok && json.Unmarshal([]byte(s), field(r)) == nil
		},
	}
}

// values appends what r has in the columns to dst.
func values[R any](dst []any, columns []column[R], r *R) []any {
	for i := range columns {
		dst = append(dst, columns[i].get(r))
	}
	return dst
}

// names lists the columns as SQL does, each written as format says.
func names[R any](columns []column[R], format string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = strings.ReplaceAll(format, "$", c.name)
	}
	return strings.Join(list, ", ")
}

// scanner reads records from the rows of a query that selects exactly its columns.
type scanner[R any] struct {
	columns []column[R]
	values  []any
	targets []any // pointers to values
}

func newScanner[R any](columns []column[R]) *scanner[R] {
	s := &scanner[R]{columns, make([]any, len(columns)), make([]any, len(columns))}
	for i := range s.values {
		s.targets[i] = &s.values[i]
	}
	return s
}

// scan sets the fields of r from the current row.
func (s *scanner[R]) scan(rows *sql.Rows, r *R) error {
	if err := rows.Scan(s.targets...); err != nil {
		return err
	}
	for i, c := range s.columns {
		if !c.set(r, s.values[i]) {
			return fmt.Errorf("%w: column %s holds a %T that was never written there", ErrCorrupt, c.name, s.values[i])
		}
	}
	return nil
}
