package seed

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/storage/sqlstore"
)

// opened makes an empty installation on SQLite.
func opened(t *testing.T) *stores.Opened {
	t.Helper()
	dir := t.TempDir()
	p := stores.Place{
		Records: "sqlite:" + filepath.Join(dir, "records.db") + "?synchronous=off", Master: filepath.Join(dir, "master.key"), Now: time.Now, Issuer: "http://localhost:8080",
	}
	if _, err := seal.CreateMaster(p.Master); err != nil {
		t.Fatal(err)
	}
	db, err := sqlstore.Connect(t.Context(), p.Records, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Migrate(t.Context()), db.Close()); err != nil {
		t.Fatal(err)
	}
	o, err := stores.Open(t.Context(), p, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func TestSeedsAreWrittenOnce(t *testing.T) {
	o, people := opened(t), everybody(t)
	hashed, filed := 0, map[account.ID]bool{}
	p := Provider{
		Stores: o.Records, Wall: time.Now,
		Hash: func(context.Context, string) (string, error) {
			hashed++
			return "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA", nil
		},
		File: func(_ context.Context, id account.ID, _ account.Person) error { filed[id] = true; return nil },
	}
	clients := Clients(demo, Secrets{"portal": "a", "tax": "b", "pension": "c", "voting": "d", "bank": "e"}, false)
	for range 2 {
		if err := Write(t.Context(), p, people, clients); err != nil {
			t.Fatal(err)
		}
	}
	if hashed != 1 || len(filed) != 1 {
		t.Errorf("two starts made %d hashes and filed for %d people, want 1 and 1", hashed, len(filed))
	}
	version, err := o.PartyVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), p, people, clients); err != nil {
		t.Fatal(err)
	}
	if again, err := o.PartyVersion(t.Context()); err != nil || again != version {
		t.Errorf("a start with the same clients moves the version of parties from %d to %d (%v)", version, again, err)
	}
	for _, who := range people {
		a, err := o.FindAccount(t.Context(), account.ByPhone, who.Phone.String())
		if who.Number == 0 {
			if !errors.Is(err, fault.NotFound) {
				t.Errorf("%s has an account", who.Name())
			}
			continue
		}
		if err != nil {
			t.Errorf("%02d: %v", who.Number, err)
			continue
		}
		if a.Level != who.Level || len(a.Confirmations) != len(who.Methods) || a.Lock.Locked(time.Now()) != who.Locked {
			t.Errorf("%02d is %s with %v, locked %t", who.Number, a.Level, a.Confirmations, a.Lock.Locked(time.Now()))
		}
		bySNILS, err := o.FindAccount(t.Context(), account.BySNILS, who.Person.SNILS.String())
		if checked := who.Level >= account.Standard; (err == nil) != checked || checked && bySNILS.ID != a.ID {
			t.Errorf("%02d by SNILS: %v, want found: %t", who.Number, err, checked)
		}
	}
}

func TestACrowdCanBeFinishedLater(t *testing.T) {
	o := opened(t)
	made, stood := 0, 0
	c := &Crowd{Records: o.Records, Hash: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
		Made: func(n int) { made += n }, Stood: func(n int) { stood += n }}
	for _, step := range []struct{ total, made, stood int }{{30, 30, 0}, {30, 0, 30}, {450, 420, 30}, {450, 0, 450}} {
		made, stood = 0, 0
		if err := c.Write(t.Context(), step.total); err != nil {
			t.Fatal(err)
		}
		if made != step.made || stood != step.stood {
			t.Errorf("up to %d: made %d, stood %d, want %d, %d", step.total, made, stood, step.made, step.stood)
		}
	}
}
