package tidings_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/tidings"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// A stream is a registry's feed in a test: its cursor is a number of notices.
type stream struct {
	notices []tidings.Notice
	page    int // at a time; 0: all
	err     error
	asked   []string
}

func (s *stream) Notices(_ context.Context, after string) (tidings.Page, error) {
	s.asked = append(s.asked, after)
	if s.err != nil {
		return tidings.Page{}, s.err
	}
	from := 0
	_, _ = fmt.Sscan(after, &from)
	to := len(s.notices)
	if s.page > 0 {
		to = min(to, from+s.page)
	}
	return tidings.Page{Notices: s.notices[from:to], Next: fmt.Sprint(to), More: to < len(s.notices)}, nil
}

// An office is a provider that listens to two registries.
type office struct {
	*storagetest.Stores
	desk              *tidings.Desk
	interior, pension *stream
	notices           *notice.Notices
	mu                sync.Mutex
	told              []notice.Message
}

type outbox struct {
	*sqlstore.Stores
	posted *[]notice.Message
}

func (o outbox) PostMessage(ctx context.Context, m notice.Message) error {
	*o.posted = append(*o.posted, m)
	return o.Stores.PostMessage(ctx, m)
}

func (o *office) atomically(ctx context.Context, f func(tidings.Tx) error) error {
	var posted []notice.Message
	err := o.Atomically(ctx, func(tx *sqlstore.Stores) error {
		posted = nil
		return f(outbox{tx, &posted})
	})
	if err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.told = append(o.told, posted...)
	}
	return err
}

func open(t *testing.T, s *storagetest.Stores) *office {
	t.Helper()
	o := &office{Stores: s, interior: &stream{}, pension: &stream{}}
	var err error
	if o.notices, err = notice.New(notice.Config{Issuer: "http://localhost:8080", Now: s.Clock.Now}); err != nil {
		t.Fatal(err)
	}
	o.desk = tidings.New(tidings.Config{
		Store: s.Records, Notices: o.notices, Now: s.Clock.Now, Wall: s.Clock.Now, Log: slog.New(slog.DiscardHandler), Atomically: o.atomically,
		Feeds: map[registry.Bureau]tidings.Feed{registry.Interior: o.interior, registry.Pension: o.pension},
	})
	return o
}

func (o *office) read(t *testing.T, b registry.Bureau) {
	t.Helper()
	if err := o.desk.Handlers()[tidings.JobRead](t.Context(), string(b)); err != nil {
		t.Fatalf("read %s: %v", b, err)
	}
}

func (o *office) verified(t *testing.T) *account.Account {
	t.Helper()
	a := o.Standard(t)
	if err := a.Confirm(account.Confirmation{ID: "visit-" + a.ID.String(), Method: account.ServiceCenter, At: o.Clock.Now()}); err != nil {
		t.Fatal(err)
	}
	return o.Create(t, a)
}

func (o *office) now(t *testing.T, a *account.Account) *account.Account {
	t.Helper()
	got, err := o.Account(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// events counts the events of a kind.
func (o *office) events(t *testing.T, a *account.Account, kind audit.Kind) (n int) {
	t.Helper()
	all, err := o.Events(t.Context(), a.ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func (o *office) outcome(t *testing.T, b registry.Bureau, id, want string) {
	t.Helper()
	if got, err := o.Tiding(t.Context(), b, id); err != nil || got != want {
		t.Errorf("notice %s: outcome %q, %v; want %q", id, got, err, want)
	}
}

func annulled(id string, a *account.Account) tidings.Notice {
	d := a.Profile.Person.Document
	return tidings.Notice{ID: id, Kind: tidings.Annulled, Document: civil.Document{Type: d.Type, Number: d.Number}}
}

func deceased(id string, a *account.Account) tidings.Notice {
	return tidings.Notice{ID: id, Kind: tidings.Deceased, SNILS: a.Profile.Person.SNILS, BirthDate: a.Profile.Person.BirthDate}
}

func TestAnnulledDocumentLowersOnceHoweverOftenItIsTold(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		o := open(t, s)
		a := o.verified(t)
		v := o.StartOne(t, a)
		n := annulled("n-1", a)
		o.interior.notices = []tidings.Notice{n, n} // twice in one page
		o.read(t, registry.Interior)
		o.interior.notices = append(o.interior.notices, n) // and once more later
		o.read(t, registry.Interior)

		got := o.now(t, a)
		if got.Level != account.Simplified || got.Epoch != a.Epoch+1 || len(got.Confirmations) != 1 || !got.Confirmations[0].Suspended {
			t.Errorf("%s, epoch %d after %d, %+v; want one fall to simplified, the confirmation suspended", got.Level, got.Epoch, a.Epoch, got.Confirmations)
		}
		if s, err := o.Session(t.Context(), v.ID); err != nil || s.Ended.IsZero() {
			t.Errorf("the session goes on: %v", err)
		}
		if n := o.events(t, a, audit.Lowered); n != 1 || len(o.told) != 1 {
			t.Errorf("%d events and %d messages, want one each", n, len(o.told))
		}
		o.outcome(t, registry.Interior, "n-1", tidings.Lowered)
		// The agreement with a new document brings everything back; the old notice changes nothing then.
		p := got.Profile.Person
		doc := *p.Document
		doc.Number = "4500000001"
		p.Document = &doc
		if _, err := o.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { a.Agree(p, o.Clock.Now()); return nil }); err != nil {
			t.Fatal(err)
		}
		o.interior.notices = append(o.interior.notices, n, annulled("n-2", a))
		o.read(t, registry.Interior)
		if got := o.now(t, a); got.Level != account.Verified {
			t.Errorf("%s after the old document was annulled again; want verified by the new one", got.Level)
		}
		o.outcome(t, registry.Interior, "n-2", tidings.Nobody)
	})
}

func TestNoticesReadByTwoNodesAtOnceHaveOneEffect(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		var all []*account.Account
		one, two := open(t, s), open(t, s)
		for i := range 10 {
			a := one.verified(t)
			all = append(all, a)
			one.interior.notices = append(one.interior.notices, annulled(fmt.Sprint("n-", i), a))
		}
		two.interior.notices = one.interior.notices
		var nodes sync.WaitGroup
		for _, o := range []*office{one, two} {
			nodes.Go(func() { o.read(t, registry.Interior) })
		}
		nodes.Wait()
		for _, a := range all {
			if got := one.now(t, a); got.Epoch != a.Epoch+1 || one.events(t, a, audit.Lowered) != 1 {
				t.Errorf("account %s: epoch %d after %d, %d events; want one fall", a.ID, got.Epoch, a.Epoch, one.events(t, a, audit.Lowered))
			}
		}
		if n := len(one.told) + len(two.told); n != len(all) {
			t.Errorf("%d messages to %d people", n, len(all))
		}
	})
}

func TestDeceasedAccountIsClosedInSilenceAndOpenedByAnAdministrator(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		o := open(t, s)
		a := o.verified(t)
		v := o.StartOne(t, a)
		g := o.Granted(t, v, "tax", true)
		o.pension.notices = []tidings.Notice{deceased("d-1", a), deceased("d-1", a), deceased("d-2", a)}
		o.read(t, registry.Pension)

		got := o.now(t, a)
		if !got.Lock.Locked(o.Clock.Now()) || !got.Lock.Endless() || got.Epoch != a.Epoch+1 {
			t.Errorf("lock %+v, epoch %d after %d; want closed, and one fall", got.Lock, got.Epoch, a.Epoch)
		}
		if use, err := o.GrantUse(t.Context(), g.ID); err != nil || use.Stands(o.Clock.Now()) {
			t.Errorf("the grant stands: %v", err)
		}
		if len(o.told) != 0 {
			t.Errorf("somebody was written to: %d messages", len(o.told))
		}
		if n := o.events(t, a, audit.Deceased); n != 1 {
			t.Errorf("%d events, want one", n)
		}
		o.outcome(t, registry.Pension, "d-1", tidings.Closed)
		o.outcome(t, registry.Pension, "d-2", tidings.Standing)
		if err := confirm.May(t.Context(), o.Records, got, account.Bank, o.Clock.Now()); !errors.Is(err, confirm.ErrClosed) {
			t.Errorf("May: %v, want ErrClosed", err)
		}

		reopen := func() error {
			return o.atomically(t.Context(), func(tx tidings.Tx) error {
				_, err := tidings.Reopen(t.Context(), tx, o.notices, confirm.Order{Account: a.ID, Actor: 7, Reason: "alive", Now: o.Clock.Now(), Wall: o.Clock.Now()})
				return err
			})
		}
		if err := reopen(); err != nil {
			t.Fatal(err)
		}
		got = o.now(t, a)
		if got.Level != account.Verified || got.Lock.Locked(o.Clock.Now()) || len(got.Assurance(o.Clock.Now()).Confirmations) != 1 {
			t.Errorf("%s, lock %+v; want as before", got.Level, got.Lock)
		}
		if len(o.told) != 1 || o.events(t, a, audit.Reopened) != 1 {
			t.Errorf("%d messages, %d events; want the owner told once", len(o.told), o.events(t, a, audit.Reopened))
		}
		if err := reopen(); !errors.Is(err, tidings.ErrOpen) {
			t.Errorf("opened twice: %v, want ErrOpen", err)
		}
	})
}

func TestDeceasedIsHeardAfterTheDocumentWasAnnulled(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		o := open(t, s)
		a := o.verified(t)
		o.interior.notices = []tidings.Notice{annulled("n-1", a)}
		o.read(t, registry.Interior)
		v := o.StartOne(t, a)
		o.pension.notices = []tidings.Notice{deceased("d-1", a)}
		o.read(t, registry.Pension)

		got := o.now(t, a)
		if !got.Lock.Endless() || got.Epoch != a.Epoch+2 || o.events(t, a, audit.Deceased) != 1 {
			t.Errorf("lock %+v, epoch %d after %d; want the account closed", got.Lock, got.Epoch, a.Epoch)
		}
		if s, err := o.Session(t.Context(), v.ID); err != nil || s.Ended.IsZero() {
			t.Errorf("the session goes on: %v", err)
		}
		o.outcome(t, registry.Pension, "d-1", tidings.Closed)
	})
}

func TestNoticeOfAnotherBirthDateIsLeftToPeople(t *testing.T) {
	o := open(t, storagetest.New(t))
	a := o.verified(t)
	n := deceased("d-1", a)
	n.BirthDate = n.BirthDate.AddDays(1)
	wrong := deceased("d-2", a) // from a registry that does not know such things
	o.pension.notices, o.interior.notices = []tidings.Notice{n}, []tidings.Notice{wrong}
	o.read(t, registry.Pension)
	o.read(t, registry.Interior)
	if got := o.now(t, a); got.Version != a.Version {
		t.Error("the account was changed")
	}
	o.outcome(t, registry.Pension, "d-1", tidings.Mismatch)
	o.outcome(t, registry.Interior, "d-2", tidings.Unread)
}

func TestFeedIsReadOnFromWhereItWasLeftOff(t *testing.T) {
	o := open(t, storagetest.New(t))
	o.interior.page = 2
	var all []*account.Account
	for i := range 5 {
		a := o.verified(t)
		all = append(all, a)
		o.interior.notices = append(o.interior.notices, annulled(fmt.Sprint("n-", i), a))
	}
	o.read(t, registry.Interior)
	for i, a := range all {
		if o.now(t, a).Level != account.Simplified {
			t.Errorf("notice %d was not read", i)
		}
	}
	o.interior.asked = nil
	o.interior.err = fault.Unavailable
	o.read(t, registry.Interior)
	o.interior.err = nil
	o.read(t, registry.Interior)
	if want := []string{"5", "5"}; fmt.Sprint(o.interior.asked) != fmt.Sprint(want) {
		t.Errorf("asked after %v, want %v: trouble loses nothing", o.interior.asked, want)
	}
}

func TestNoticeThatCannotBeActedOnKeepsNoOther(t *testing.T) {
	o := open(t, storagetest.New(t))
	broken, sound := o.verified(t), o.verified(t)
	if _, err := o.Raw(t).ExecContext(t.Context(), `UPDATE account SET profile = x'00' WHERE id = $1`, int64(broken.ID)); err != nil {
		t.Fatal(err)
	}
	o.interior.notices = []tidings.Notice{annulled("n-1", broken), annulled("n-2", sound)}
	o.read(t, registry.Interior)
	if o.now(t, sound).Level != account.Simplified {
		t.Error("the sound account was not lowered")
	}
	if cursor, err := o.FeedCursor(t.Context(), registry.Interior); err != nil || cursor != "" {
		t.Errorf("cursor %q, %v; want that the broken one is read again", cursor, err)
	}
	o.outcome(t, registry.Interior, "n-1", tidings.Trying+"1")
}

func TestNoticeThatAlwaysFailsIsGivenUpAndTheFeedGoesOn(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		o := open(t, s)
		o.interior.page = 1
		broken := o.verified(t)
		whole := o.profile(t, broken)
		o.spoil(t, broken, []byte{0})
		o.interior.notices = []tidings.Notice{annulled("n-0", broken)}
		for i := range 30 { // more than one reading takes
			stranger := annulled(fmt.Sprint("n-", i+1), broken)
			stranger.Document.Number = fmt.Sprintf("45%08d", i)
			o.interior.notices = append(o.interior.notices, stranger)
		}
		for range 4 {
			o.read(t, registry.Interior)
		}
		o.outcome(t, registry.Interior, "n-0", tidings.Trying+"4")
		if cursor, err := o.FeedCursor(t.Context(), registry.Interior); err != nil || cursor != "" {
			t.Errorf("cursor %q, %v; want that the broken one is tried again", cursor, err)
		}
		o.read(t, registry.Interior)
		o.read(t, registry.Interior)
		o.outcome(t, registry.Interior, "n-0", tidings.Failed)
		o.outcome(t, registry.Interior, "n-30", tidings.Nobody)
		if cursor, err := o.FeedCursor(t.Context(), registry.Interior); err != nil || cursor != "31" {
			t.Errorf("cursor %q, %v; want the end of the feed", cursor, err)
		}
		// One that comes round before it is given up has its one effect.
		o.spoil(t, broken, whole)
		other := o.verified(t)
		whole = o.profile(t, other)
		o.spoil(t, other, []byte{0})
		o.interior.notices = append(o.interior.notices, annulled("n-31", other))
		o.read(t, registry.Interior)
		o.spoil(t, other, whole)
		o.read(t, registry.Interior)
		o.read(t, registry.Interior)
		o.outcome(t, registry.Interior, "n-31", tidings.Lowered)
		if n := o.events(t, other, audit.Lowered); n != 1 {
			t.Errorf("%d events, want one", n)
		}
	})
}

// profile is an account's sealed profile.
func (o *office) profile(t *testing.T, a *account.Account) (sealed []byte) {
	t.Helper()
	if err := o.Raw(t).QueryRowContext(t.Context(), fmt.Sprint(`SELECT profile FROM account WHERE id = `, int64(a.ID))).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	return sealed
}

// spoil writes something else in its place.
func (o *office) spoil(t *testing.T, a *account.Account, sealed []byte) {
	t.Helper()
	if _, err := o.Raw(t).ExecContext(t.Context(), fmt.Sprint(`UPDATE account SET profile = $1 WHERE id = `, int64(a.ID)), sealed); err != nil {
		t.Fatal(err)
	}
}

func TestDocumentLapsesOnTheDayAndIsWarnedOf(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		o := open(t, s)
		a := o.Standard(t)
		p := a.Profile.Person
		p.BirthDate = civil.DateOf(o.Clock.Now()).AddYears(-45).AddDays(60) // 45 years old in 60 days
		doc := *p.Document
		doc.IssuedOn = p.BirthDate.AddYears(20).AddDays(3)
		p.Document = &doc
		a.Agree(p, o.Clock.Now())
		o.Create(t, a)
		look := func() {
			t.Helper()
			if err := o.desk.Handlers()[registry.JobLapse](t.Context(), a.ID.String()); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(what string, level account.Level, told int) {
			t.Helper()
			if got := o.now(t, a); got.Level != level || len(o.told) != told {
				t.Errorf("%s: %s, told %d times; want %s, %d", what, got.Level, len(o.told), level, told)
			}
		}
		look()
		expect("two months before", account.Standard, 0)
		o.Clock.Advance(31 * 24 * time.Hour)
		look()
		look()
		expect("a month before, looked at twice", account.Standard, 1)
		o.Clock.Advance(28 * 24 * time.Hour)
		look()
		expect("a day before", account.Standard, 1)
		o.Clock.Advance(24 * time.Hour)
		look()
		look()
		expect("on the day, looked at twice", account.Simplified, 2)
		if n := o.events(t, a, audit.Lowered); n != 1 {
			t.Errorf("%d events, want one", n)
		}
		// The day tells the birth date: it stands nowhere unsealed.
		birthday := p.BirthDate.AddYears(45)
		events, err := o.Events(t.Context(), a.ID, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if strings.Contains(fmt.Sprint(e.Detail), birthday.String()) {
				t.Errorf("the event %s says the day: %v", e.Kind, e.Detail)
			}
		}
		var marks int
		query := fmt.Sprintf(`SELECT count(*) FROM tiding WHERE id LIKE '%%%s%%'`, a.ID)
		if err := o.Raw(t).QueryRowContext(t.Context(), query).Scan(&marks); err != nil || marks != 0 {
			t.Errorf("%d unsealed marks of the account, %v; want none", marks, err)
		}
		if got := o.now(t, a).Profile.Lapsing; got != birthday {
			t.Errorf("told of %s, want %s", got, birthday)
		}
	})
}
