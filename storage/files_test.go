package storage_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/propusk/propusk/storage/storagetest"
)

func TestFilesOfSQLiteAreForTheirOwnerAlone(t *testing.T) {
	s := storagetest.New(t)
	s.Create(t, s.Simplified(t))
	if err := s.Transients.Put(t.Context(), "test", "1", []byte("value"), s.Clock.Now(), s.Clock.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"records.db", "records.db-wal", "records.db-shm", "transients.db", "transients.db-wal", "transients.db-shm"} {
		info, err := os.Stat(filepath.Join(s.Dir, name))
		if err != nil {
			t.Error(err)
		} else if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s is made with mode %o, want 600", name, mode)
		}
	}
}
