package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

// Each file of migrations makes version n of the schema, the number in its name, from version n-1. A file that
// has been released is never changed; the next change is the next file.
//
//go:embed migrations/*.sql
var migrations embed.FS

// applicationID stands in the header of the database file and says that it is a store of Spillway's ("spwl").
const applicationID = 0x7370776c

// schema is the text of each migration, that of version 1 first.
func schema() []string {
	paths, err := fs.Glob(migrations, "migrations/*.sql") // in the order of their names
	if err != nil {
		panic(err)
	}
	texts := make([]string, len(paths))
	for i, path := range paths {
		var n int
		if _, err := fmt.Sscanf(path, "migrations/%04d_", &n); err != nil || n != i+1 {
			panic(fmt.Sprintf("%s is not migration %d: they are numbered from 0001 on, without a gap", path, i+1))
		}
		b, err := migrations.ReadFile(path)
		if err != nil {
			panic(err)
		}
		texts[i] = string(b)
	}
	return texts
}

// migrate brings a database to the newest version of the schema, each step in a transaction of its own. A
// database with neither version nor tables is a new one.
func migrate(ctx context.Context, db *sql.DB) error {
	version, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	steps := schema()
	if version > len(steps) {
		return fmt.Errorf("%w: it has version %d of the schema, this Spillway knows versions up to %d; run the newer one",
			ErrNewer, version, len(steps))
	}
	for ; version < len(steps); version++ {
		if err := migrateStep(ctx, db, steps[version], version+1); err != nil {
			return fmt.Errorf("migrating to version %d: %w", version+1, err)
		}
	}
	return nil
}

// schemaVersion is 0 for an empty database.
func schemaVersion(ctx context.Context, db *sql.DB) (int, error) {
	var version, application, tables int
	err := db.QueryRowContext(ctx, "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)"+
		" FROM pragma_user_version, pragma_application_id").Scan(&version, &application, &tables)
	if err != nil {
		return 0, err
	}
	if tables == 0 && version == 0 && application == 0 {
		return 0, nil
	}
	if application != applicationID || version < 1 || tables == 0 {
		return 0, fmt.Errorf("%w, or not a store of Spillway's: application id %#x, %d tables and indices of version %d",
			ErrCorrupt, application, tables, version)
	}
	return version, nil
}

func migrateStep(ctx context.Context, db *sql.DB, step string, version int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// Both numbers are in the file's first page and belong to the transaction as the tables do.
	step += fmt.Sprintf("\nPRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, version)
	if _, err := tx.ExecContext(ctx, step); err != nil {
		return err
	}
	return tx.Commit()
}
