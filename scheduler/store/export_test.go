package store

import (
	"context"
	"database/sql"
)

// What tests may see of the inside.

var (
	SelectOpen = selectOpen
	Explain    = explain
)

func (s *SQLite) Writer() *sql.DB { return s.writer }

func Schema() []string { return schema() }

func SchemaVersion(ctx context.Context, db *sql.DB) (int, error) { return schemaVersion(ctx, db) }
