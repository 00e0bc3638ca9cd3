package storagetest

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/registry"
)

// File makes an application of an account, not yet stored.
func (s *Stores) File(t testing.TB, a *account.Account) *registry.Application {
	now := s.Clock.Now()
	return &registry.Application{ID: rand.Text(), Number: "4417-0926", Account: a.ID, Person: Person(t), State: registry.Running, Filed: now,
		Deadline: now.Add(5 * 24 * time.Hour), Checks: map[registry.Bureau]registry.Check{
			registry.Pension: {Asked: now, Attempts: 2, Trouble: "slow"}, registry.Interior: {Verdict: registry.RefusedBy, Fields: []string{"issued_on"}}}}
}

func applicationsTest(t *testing.T, s *Stores) {
	ctx := t.Context()

	t.Run("come back as they were filed", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		_, err := s.LastApplication(ctx, a.ID)
		absent(t, "LastApplication", err)
		app := s.File(t, a)
		ok(t, "FileApplication", s.FileApplication(ctx, app))
		got, err := s.Application(ctx, app.ID)
		ok(t, "Application", err)
		same(t, "application", got, app)
		_, err = s.Application(ctx, "unknown")
		absent(t, "Application", err)
	})

	t.Run("end the one that is running", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		first := s.File(t, a)
		ok(t, "FileApplication", s.FileApplication(ctx, first))
		s.Clock.Advance(time.Minute)
		second := s.File(t, a)
		ok(t, "FileApplication", s.FileApplication(ctx, second))
		got, err := s.Application(ctx, first.ID)
		if err != nil || got.State != registry.Ended || !got.Closed.Equal(second.Filed) {
			t.Errorf("the first: got %v, %v; want it ended when the second was filed", got, err)
		}
		last, err := s.LastApplication(ctx, a.ID)
		if err != nil || last.ID != second.ID {
			t.Errorf("LastApplication: got %v, %v; want the second", last, err)
		}
	})

	t.Run("run one at a time, however they are filed", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		const n = 6
		apps := make([]*registry.Application, n)
		for i := range apps {
			apps[i] = s.File(t, a)
		}
		for _, err := range parallel(n, func(i int) error { return s.FileApplication(ctx, apps[i]) }) {
			ok(t, "FileApplication", err)
		}
		running := 0
		for _, x := range apps {
			got, err := s.Application(ctx, x.ID)
			ok(t, "Application", err)
			if got.State == registry.Running {
				running++
			}
		}
		if running != 1 {
			t.Errorf("running: got %d, want 1", running)
		}
	})

	t.Run("lose no change of many at once, and none of a failure", func(t *testing.T) {
		app := s.File(t, s.Create(t, s.Simplified(t)))
		ok(t, "FileApplication", s.FileApplication(ctx, app))
		const n = 8
		for _, err := range parallel(n, func(int) error {
			_, err := s.ChangeApplication(ctx, app.ID, func(a *registry.Application) error {
				c := a.Checks[registry.Pension]
				c.Attempts++
				a.Checks[registry.Pension] = c
				return nil
			})
			return err
		}) {
			ok(t, "ChangeApplication", err)
		}
		mine := errors.New("mine")
		_, err := s.ChangeApplication(ctx, app.ID, func(a *registry.Application) error { a.State = registry.Agreed; return mine })
		is(t, "a failing change", err, mine)
		got, err := s.Application(ctx, app.ID)
		ok(t, "Application", err)
		if got.Checks[registry.Pension].Attempts != 2+n || got.Version != 1+n || got.State != registry.Running {
			t.Errorf("after %d changes: %d attempts, version %d, %s", n, got.Checks[registry.Pension].Attempts, got.Version, got.State)
		}
	})
}

func lettersAndVisits(t *testing.T, s *Stores) {
	ctx := t.Context()
	a := s.Create(t, s.Standard(t))

	t.Run("letters", func(t *testing.T) {
		_, err := s.LastLetter(ctx, a.ID)
		absent(t, "LastLetter", err)
		now := s.Clock.Now()
		l := &confirm.Letter{ID: rand.Text(), Account: a.ID, Name: "Ёлкина-Ковальчук Анна Сергеевна", Code: "ABCDEFGHJKL", CodeHash: []byte{0, 9},
			Address: civil.Address{PostalCode: "302001", Region: "Орловская область", Locality: "Орёл", House: "1а"}, Ordered: now, Status: confirm.Ordered,
			Events: []confirm.LetterEvent{{Status: confirm.Ordered, At: now, Place: "Орёл"}}, ValidTill: now.AddDate(0, 0, 45)}
		ok(t, "SaveLetter", s.SaveLetter(ctx, l))
		got, err := s.Letter(ctx, l.ID)
		ok(t, "Letter", err)
		same(t, "letter", got, l)
		s.Clock.Advance(time.Hour)
		newer := &confirm.Letter{ID: rand.Text(), Account: a.ID, Ordered: s.Clock.Now(), Status: confirm.Ordered}
		ok(t, "SaveLetter", s.SaveLetter(ctx, newer))
		last, err := s.LastLetter(ctx, a.ID)
		if err != nil || last.ID != newer.ID {
			t.Errorf("LastLetter: got %v, %v; want the newer", last, err)
		}
		for _, err := range parallel(5, func(int) error {
			_, err := s.ChangeLetter(ctx, l.ID, func(l *confirm.Letter) error { l.Tries++; return nil })
			return err
		}) {
			ok(t, "ChangeLetter", err)
		}
		if got, err = s.Letter(ctx, l.ID); err != nil || got.Tries != 5 {
			t.Errorf("tries: got %v, %v; want 5", got, err)
		}
		_, err = s.Letter(ctx, "unknown")
		absent(t, "Letter", err)
		_, err = s.ChangeLetter(ctx, "unknown", func(*confirm.Letter) error { return nil })
		absent(t, "ChangeLetter", err)
	})

	t.Run("visits", func(t *testing.T) {
		v := &confirm.Visit{ID: rand.Text(), Number: "Ц-0417-118", Account: a.ID, Operator: ID(t), Centre: "77-014", Reason: "подтверждение",
			Opened: s.Clock.Now(), Shown: []byte{1, 2, 3}}
		ok(t, "SaveVisit", s.SaveVisit(ctx, v))
		got, err := s.Visit(ctx, v.ID)
		ok(t, "Visit", err)
		same(t, "visit", got, v)
		got, err = s.ChangeVisit(ctx, v.ID, func(v *confirm.Visit) error {
			v.Closed, v.Outcome, v.Mismatch = s.Clock.Now(), "refused", []string{"photo"}
			return nil
		})
		ok(t, "ChangeVisit", err)
		again, err := s.Visit(ctx, v.ID)
		ok(t, "Visit", err)
		same(t, "closed visit", again, got)
		_, err = s.Visit(ctx, "unknown")
		absent(t, "Visit", err)
	})
}
