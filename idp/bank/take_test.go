package bank_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// A gate is a reader whose openings come back together, when all that are awaited were asked for.
type gate struct {
	bank.Reader
	awaited *sync.WaitGroup // nil: nobody
}

func (g *gate) Registration(ctx context.Context, id string) (*bank.Opening, error) {
	o, err := g.Reader.Registration(ctx, id)
	if g.awaited != nil {
		g.awaited.Done()
		g.awaited.Wait()
	}
	return o, err
}

// A counter is a desk over real stores, with an opening that its person has still to finish.
type counter struct {
	*storagetest.Stores
	*bank.Desk
	gate   *gate
	taking bank.Taking // what the person types
	opened string      // the opening's id
	signed func()      // called before the last transaction
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	s := storagetest.New(t)
	notices, err := notice.New(notice.Config{Issuer: "https://propusk.test", Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{Stores: s, gate: &gate{Reader: s.Records}, signed: func() {}}
	c.Desk = bank.New(bank.Config{
		Issuer: "https://propusk.test", Read: c.gate, Transients: s.Transients, Ring: s.Keyring.Ring, Notices: notices,
		Registry: registry.New(registry.Config{Now: s.Clock.Now, Wall: s.Clock.Now}),
		Hasher:   password.NewHasher(password.Params{Memory: 8, Time: 1, Threads: 1}, password.Limit{}),
		Sign:     func(any) (string, error) { c.signed(); return "a.b.c", nil },
		Now:      s.Clock.Now, Wall: s.Clock.Now, Log: slog.New(slog.DiscardHandler), Registrations: 2, Misses: 3,
		Atomically: func(ctx context.Context, f func(bank.Tx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	})
	a := s.Standard(t)
	a.Profile.Contacts, a.Credential.Password = nil, ""
	s.Create(t, a)
	secret, now := rand.Text(), s.Clock.Now()
	o := &bank.Opening{
		ID: rand.Text(), Account: a.ID, Partner: "zarechny", Reference: "ZR-1", Bank: "Зареченский", Phone: storagetest.Phone(), Lang: "ru",
		Person: a.Profile.Person, State: "ready", Link: seal.Hash([]byte(secret)), Begun: now, Until: now.Add(time.Hour),
	}
	if err := s.SaveRegistration(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveVouching(t.Context(), &bank.Vouching{Partner: o.Partner, Kind: bank.Registration, Reference: o.Reference, Account: a.ID, At: now}); err != nil {
		t.Fatal(err)
	}
	const word = "Correct7horse-battery"
	c.opened = o.ID
	c.taking = bank.Taking{
		Token: o.ID + secret, SNILS: a.Profile.Person.SNILS.String(), Document: a.Profile.Person.Document.Number, Password: word, Again: word, Consent: true,
	}
	return c
}

// number is a document number of nobody.
const number = "4500000001"

func TestOfGuessesAllAtOnceFiveAreJudged(t *testing.T) {
	c := newCounter(t)
	const guesses = 12
	c.gate.awaited = &sync.WaitGroup{}
	c.gate.awaited.Add(guesses)
	var all sync.WaitGroup
	var mu sync.Mutex
	judged := 0
	for range guesses {
		in := c.taking
		in.Document = number
		all.Go(func() {
			_, _, err := c.Finish(t.Context(), in)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, bank.ErrIdentity):
				judged++
			case !errors.Is(err, bank.ErrLink):
				t.Errorf("Finish: %v", err)
			}
		})
	}
	all.Wait()
	c.gate.awaited = nil
	if judged != 5 {
		t.Errorf("%d guesses were judged, want 5", judged)
	}
	if _, _, err := c.Finish(t.Context(), c.taking); !errors.Is(err, bank.ErrLink) {
		t.Errorf("the right papers after that: %v", err)
	}
}

func TestTheFifthTryCanBeTheRightOne(t *testing.T) {
	c := newCounter(t)
	for want := 4; want > 0; want-- {
		in := c.taking
		in.Document = number
		if _, left, err := c.Finish(t.Context(), in); !errors.Is(err, bank.ErrIdentity) || left != want {
			t.Fatalf("a wrong one: %d left, %v", left, err)
		}
	}
	a, _, err := c.Finish(t.Context(), c.taking)
	if err != nil || a.Credential.Password == "" || len(a.Profile.Contacts) != 1 {
		t.Errorf("the right one: %v", err)
	}
}

func TestALinkThatEndsMeanwhileOpensNothing(t *testing.T) {
	for name, end := range map[string]func(c *counter, o *bank.Opening){
		"its time is over":    func(c *counter, o *bank.Opening) { o.Until = c.Clock.Now() },
		"another took it":     func(_ *counter, o *bank.Opening) { o.State = "done" },
		"another link stands": func(_ *counter, o *bank.Opening) { o.Link = seal.Hash([]byte("another")) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCounter(t)
			c.signed = func() {
				if _, err := c.ChangeRegistration(t.Context(), c.opened, func(o *bank.Opening) error { end(c, o); return nil }); err != nil {
					t.Error(err)
				}
			}
			if a, _, err := c.Finish(t.Context(), c.taking); !errors.Is(err, bank.ErrLink) {
				t.Errorf("got %v, %v", a, err)
			}
		})
	}
}

func TestRegistrationsAreNoMisses(t *testing.T) {
	c := newCounter(t)
	snils, err := civil.ParseSNILS(c.taking.SNILS)
	if err != nil {
		t.Fatal(err)
	}
	miss := func(reference string) error {
		_, err := c.Confirm(t.Context(), &partner.Partner{ID: "zarechny", Kind: partner.Bank}, bank.Word{
			Once: partner.Once{Partner: "zarechny", Key: reference, Fingerprint: []byte{1}}, Reference: reference,
			Identity: bank.Identity{SNILS: snils, BirthDate: civil.MustDate(1901, 1, 1)},
		})
		return err
	}
	for _, reference := range []string{"ZR-2", "ZR-3", "ZR-4"} {
		if err := miss(reference); err != nil {
			t.Fatal(err)
		}
	}
	if err := miss("ZR-5"); !errors.Is(err, fault.Limited) {
		t.Fatal("misses are not bounded")
	}
	register := func(reference string) error {
		phone, err := civil.ParsePhone(storagetest.Phone())
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Register(t.Context(), &partner.Partner{ID: "zarechny", Kind: partner.Bank}, bank.Application{
			Once: partner.Once{Partner: "zarechny", Key: reference, Fingerprint: []byte{1}}, Reference: reference,
			Person: storagetest.Person(t), Phone: phone, Lang: "ru",
		})
		return err
	}
	for _, reference := range []string{"ZR-6", "ZR-7"} {
		if err := register(reference); err != nil {
			t.Errorf("a registration after too many misses: %v", err)
		}
	}
	if err := register("ZR-8"); !errors.Is(err, fault.Limited) {
		t.Errorf("registrations are not bounded: %v", err)
	}
}
