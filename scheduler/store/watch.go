package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// watchEvery is the least time between two looks at the files: a commit that comes right after another does not look.
const watchEvery = time.Second

// FileWatch notices when the database or its log is removed or replaced under a running scheduler. SQLite does not: it goes on
// writing to files that no path leads to any more, and whose content is gone with the process.
type FileWatch struct {
	files map[string]os.FileInfo // by path; as they were when the database was opened
	last  time.Time
}

// Look notes which files there are of the database at path. The log is there from the first connection on until the last.
func (w *FileWatch) Look(path string) {
	w.files, w.last = map[string]os.FileInfo{}, time.Now()
	for _, name := range []string{path, path + "-wal"} {
		if file, err := os.Stat(name); err == nil {
			w.files[name] = file
		}
	}
}

// Check fails with ErrMoved if a file is not the one that it was. It looks at most every watchEvery.
func (w *FileWatch) Check() error {
	if time.Since(w.last) < watchEvery {
		return nil
	}
	w.last = time.Now()
	return w.moved()
}

// moved is Check at any time and from any goroutine.
func (w *FileWatch) moved() error {
	for name, before := range w.files {
		now, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: %s is not there any more", ErrMoved, name)
		case err != nil:
			return err
		case !os.SameFile(before, now):
			return fmt.Errorf("%w: another file has taken the place of %s", ErrMoved, name)
		}
	}
	return nil
}
