// Package storagetest gives tests their stores, and holds every pair of stores to one suite.
//
// New is what other packages' tests use: real stores in temporary SQLite files, with a clock to move.
// Each runs a test on SQLite and on PostgreSQL with Redis. The suite, in Conformance, has a file for each
// store of the domain; it covers what differs silently between databases: races, time zones, precision,
// collation, size, and deadlines moved by the clock.
package storagetest

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/storage"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest/servers"
)

// A Clock is moved by the test and else stands still.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that stands at a time.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Stores are the stores of one test.
type Stores struct {
	*sqlstore.Records
	DB         *sqlstore.DB
	Transients storage.Transients
	Keyring    *seal.Keyring
	Master     *seal.Master
	Clock      *Clock // starts at Start
	Dir        string // where the files of SQLite lie
	Ops        *Ops
	dsn        string
	transients string
}

// Start is where the clock of a test stands at first: with digits down to the microsecond.
var Start = time.Date(2026, time.March, 14, 12, 30, 15, 123_456_000, time.UTC)

// Ops counts round trips.
type Ops struct {
	mu  sync.Mutex
	ops []string
}

// Saw notes one.
func (o *Ops) Saw(op string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ops = append(o.ops, op)
}

// Reset forgets and returns what was seen.
func (o *Ops) Reset() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	ops := o.ops
	o.ops = nil
	return ops
}

// New returns stores in temporary SQLite files.
func New(t testing.TB) *Stores {
	t.Helper()
	dir := t.TempDir()
	return open(t, dir, "sqlite:"+filepath.Join(dir, "records.db")+"?synchronous=off", "sqlite:"+filepath.Join(dir, "transients.db")+"?synchronous=off")
}

// Served returns stores on PostgreSQL and Redis, or skips the test where they are not installed.
func Served(t testing.TB) *Stores {
	t.Helper()
	return open(t, t.TempDir(), servers.StartPostgres(t), servers.StartRedis(t))
}

// Each runs a test on every pair of stores.
func Each(t *testing.T, f func(t *testing.T, s *Stores)) {
	t.Run("sqlite", func(t *testing.T) { f(t, New(t)) })
	t.Run("postgres+redis", func(t *testing.T) { f(t, Served(t)) })
}

func open(t testing.TB, dir, records, transients string) *Stores {
	t.Helper()
	ctx := t.Context()
	s := &Stores{Clock: NewClock(Start), Dir: dir, Ops: &Ops{}, dsn: records, transients: transients,
		Master: seal.NewMaster(1, bytes.Repeat([]byte{7}, seal.SecretSize))}
	st, err := storage.Open(ctx, storage.Config{Records: records, Transients: transients, Migrate: true, Now: s.Clock.Now, Observe: s.Ops.Saw})
	if err != nil {
		t.Fatalf("open stores: %v", err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Errorf("close stores: %v", err)
		}
	})
	s.DB, s.Transients = st.DB, st.Transients
	s.Keyring, err = seal.OpenKeyring(ctx, st.DB, s.Master, seal.Options{
		Wall: s.Clock.Now, Uses: []seal.Use{seal.UseSeal, seal.UseIndex, seal.UseSignES256},
	})
	if err != nil {
		t.Fatalf("open keyring: %v", err)
	}
	s.Records, err = st.Records(sqlstore.Vault{Master: s.Master, Ring: s.Keyring.Ring, Now: s.Clock.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("open records: %v", err)
	}
	s.Ops.Reset()
	return s
}

// Sources are the data sources of the stores, for another process to open.
func (s *Stores) Sources() (records, transients string) { return s.dsn, s.transients }

// Reopen opens the same database once more, as another node does. The clock is shared.
func (s *Stores) Reopen(t testing.TB) *Stores {
	t.Helper()
	ctx := t.Context()
	db, err := sqlstore.Connect(ctx, s.dsn, sqlstore.Options{})
	if err != nil {
		t.Fatalf("connect again: %v", err)
	}
	t.Cleanup(func() { db.Close() })
	keyring, err := seal.OpenKeyring(ctx, db, s.Master, seal.Options{Wall: s.Clock.Now, Uses: []seal.Use{seal.UseSeal, seal.UseIndex}})
	if err != nil {
		t.Fatalf("open keyring again: %v", err)
	}
	r, err := sqlstore.NewRecords(db, sqlstore.Vault{Master: s.Master, Ring: keyring.Ring, Now: s.Clock.Now})
	if err != nil {
		t.Fatalf("open records again: %v", err)
	}
	return &Stores{Records: r, DB: db, Transients: s.Transients, Keyring: keyring, Master: s.Master, Clock: s.Clock, Dir: s.Dir, Ops: s.Ops, dsn: s.dsn}
}

// Raw opens the database of Records past everything, as an intruder or an old hand would.
func (s *Stores) Raw(t testing.TB) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", s.dsn
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+strings.TrimSuffix(path, "?synchronous=off")+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// ID draws an account id.
func ID(t testing.TB) account.ID {
	t.Helper()
	id, err := account.NewID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// serial makes each phone and SNILS of a test binary another one.
var serial atomic.Uint32

func init() { serial.Store(mathrand.Uint32()) }

// Phone gives a mobile number in canonical form that no other call gives.
func Phone() string { return fmt.Sprintf("+79%09d", serial.Add(1)%1_000_000_000) }

// SNILS gives a valid one that no other call gives.
func SNILS(t testing.TB) civil.SNILS {
	t.Helper()
	number := fmt.Sprintf("%09d", 2_000_000+serial.Add(1)%900_000_000)
	for check := range 100 {
		if s, err := civil.ParseSNILS(fmt.Sprintf("%s%02d", number, check)); err == nil {
			return s
		}
	}
	t.Fatalf("no check digits for %s", number)
	return civil.SNILS{}
}

// Name parses a name.
func Name(t testing.TB, s string) civil.Name {
	t.Helper()
	n, err := civil.ParseName(s)
	if err != nil {
		t.Fatalf("name %q: %v", s, err)
	}
	return n
}

// Simplified makes an account of the lowest level, not yet stored.
func (s *Stores) Simplified(t testing.TB) *account.Account {
	t.Helper()
	now := s.Clock.Now()
	return &account.Account{
		Standing: account.Standing{ID: ID(t), Epoch: 1, Level: account.Simplified},
		Created:  now, Lang: "ru",
		Profile: account.Profile{
			Person:     account.Person{FamilyName: Name(t, "Ёлкина-Ковальчук"), GivenName: Name(t, "Анна")},
			Contacts:   []account.Contact{{Kind: account.Phone, Value: Phone(), Proved: now}},
			Processing: account.Processing{Version: "1", At: now},
		},
		Credential: account.Credential{Password: "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", PasswordChanged: now},
	}
}

// Person makes the data of a standard account.
func Person(t testing.TB) account.Person {
	t.Helper()
	return account.Person{
		FamilyName: Name(t, "Ёлкина-Ковальчук"), GivenName: Name(t, "Анна"), Patronymic: Name(t, "Сергеевна"), Sex: "f",
		BirthDate: civil.MustDate(1986, time.May, 7), BirthPlace: "г. Орёл", Citizenship: civil.Russia, SNILS: SNILS(t),
		Document: &civil.Document{Type: "ru_passport", Number: fmt.Sprintf("45%08d", mathrand.IntN(100_000_000)),
			IssuedOn: civil.MustDate(2006, time.June, 1), Issuer: "ОВД района Северный г. Москвы", DepartmentCode: "770-001"},
	}
}

// Standard makes an account whose data the registries agreed with, not yet stored.
func (s *Stores) Standard(t testing.TB) *account.Account {
	t.Helper()
	a := s.Simplified(t)
	a.Agree(Person(t), s.Clock.Now())
	return a
}

// Create stores an account.
func (s *Stores) Create(t testing.TB, a *account.Account) *account.Account {
	t.Helper()
	if err := s.CreateAccount(t.Context(), a); err != nil {
		t.Fatalf("create account: %v", err)
	}
	return a
}
