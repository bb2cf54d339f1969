package store

import (
	"context"
	"database/sql"
	"time"
)

// What tests may see of the inside.

var (
	SelectOpen = selectOpen
	Explain    = explain
)

func (s *SQLite) Writer() *sql.DB { return s.writer }

// WatchNow makes the next commit look at the files.
func (s *SQLite) WatchNow() { s.files.last = time.Time{} }

func Schema() []string { return schema() }

func SchemaVersion(ctx context.Context, db *sql.DB) (int, error) { return schemaVersion(ctx, db) }
