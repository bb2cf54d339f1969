package store_test

import (
	"path/filepath"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/store"
	"github.com/lisa-dpc/spillway/scheduler/store/storetest"
)

func TestSQLiteConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (storetest.Both, func() storetest.Both) {
		path := filepath.Join(t.TempDir(), "store.db")
		s := open(t, path)
		return s, func() storetest.Both {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, path)
			return s
		}
	})
}

func TestMemoryConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (storetest.Both, func() storetest.Both) {
		m := store.NewMemory()
		return m, func() storetest.Both { return m }
	})
}

func open(t testing.TB, path string) *store.SQLite {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
