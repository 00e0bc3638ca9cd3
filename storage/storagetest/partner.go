package storagetest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/seal"
)

func partners(t *testing.T, s *Stores) {
	ctx := t.Context()

	t.Run("move the version when they change", func(t *testing.T) {
		_, err := s.Partner(ctx, "zarechny")
		absent(t, "Partner", err)
		before, err := s.PartnerVersion(ctx)
		ok(t, "PartnerVersion", err)
		p := &partner.Partner{
			ID: "zarechny", Kind: partner.Bank, Name: map[string]string{"ru": "Банк «Заречный»"}, Number: "040000999", Home: "https://bank.example/confirm",
			JWKS: json.RawMessage(`{"keys":[{"kty":"EC"}]}`), Hourly: 7, Changed: s.Clock.Now(),
		}
		ok(t, "SavePartner", s.SavePartner(ctx, p))
		got, err := s.Partner(ctx, "zarechny")
		ok(t, "Partner", err)
		same(t, "partner", got, p)
		p.Disabled = true
		ok(t, "SavePartner", s.SavePartner(ctx, p))
		ok(t, "SavePartner", s.SavePartner(ctx, &partner.Partner{ID: "Amur", Kind: partner.Printer}))
		all, err := s.Partners(ctx)
		if err != nil || len(all) != 2 || all[0].ID != "Amur" || !all[1].Disabled {
			t.Errorf("Partners: got %v, %v; want Amur, then zarechny switched off", all, err)
		}
		after, err := s.PartnerVersion(ctx)
		if err != nil || after != before+3 {
			t.Errorf("version: got %d, %v; want %d after three writes", after, err, before+3)
		}
	})

	t.Run("keep one answer for a key, however many come at once", func(t *testing.T) {
		key := rand.Text()
		_, err := s.PartnerAnswer(ctx, "zarechny", key)
		absent(t, "PartnerAnswer", err)
		const n = 6
		won := 0
		for i, err := range parallel(n, func(i int) error {
			return s.Atomically(ctx, func(x *tx) error {
				return x.SavePartnerAnswer(ctx, &partner.Answer{
					Partner: "zarechny", Key: key, Fingerprint: []byte{0, byte(i)}, Status: 200 + i, Body: json.RawMessage(`{"a":"б"}`), At: s.Clock.Now(),
				})
			})
		}) {
			switch {
			case err == nil:
				won++
				a, err := s.PartnerAnswer(ctx, "zarechny", key)
				if err != nil || a.Status != 200+i || len(a.Fingerprint) != 2 || a.Fingerprint[1] != byte(i) || string(a.Body) != `{"a":"б"}` || !a.At.Equal(s.Clock.Now()) {
					t.Errorf("PartnerAnswer: got %+v, %v; want the one that was kept", a, err)
				}
			case !errors.Is(err, fault.Exists):
				t.Errorf("SavePartnerAnswer: %v, want fault.Exists", err)
			}
		}
		if won != 1 {
			t.Errorf("kept %d times", won)
		}
		ok(t, "SavePartnerAnswer of another partner", s.SavePartnerAnswer(ctx, &partner.Answer{Partner: "Amur", Key: key, Fingerprint: []byte{1}, Status: 201, Body: json.RawMessage(`{}`), At: s.Clock.Now()}))
	})

	t.Run("lose the answer with the effect", func(t *testing.T) {
		key, stop := rand.Text(), errors.New("stop")
		err := s.Atomically(ctx, func(x *tx) error {
			if err := x.SavePartnerAnswer(ctx, &partner.Answer{Partner: "zarechny", Key: key, Fingerprint: []byte{1}, Status: 201, Body: json.RawMessage(`{}`), At: s.Clock.Now()}); err != nil {
				return err
			}
			return stop
		})
		is(t, "the transaction", err, stop)
		_, err = s.PartnerAnswer(ctx, "zarechny", key)
		absent(t, "PartnerAnswer", err)
	})

	t.Run("forget old answers", func(t *testing.T) {
		old, now := rand.Text(), s.Clock.Now()
		ok(t, "SavePartnerAnswer", s.SavePartnerAnswer(ctx, &partner.Answer{Partner: "old", Key: old, Fingerprint: []byte{1}, Status: 200, Body: json.RawMessage(`{}`), At: now.Add(-time.Hour)}))
		n, err := s.DropPartnerAnswers(ctx, now.Add(-time.Minute), 100)
		if err != nil || n != 1 {
			t.Errorf("DropPartnerAnswers: got %d, %v; want 1", n, err)
		}
		_, err = s.PartnerAnswer(ctx, "old", old)
		absent(t, "PartnerAnswer", err)
	})
}

func vouchings(t *testing.T, s *Stores) {
	ctx := t.Context()

	t.Run("are one for each reference", func(t *testing.T) {
		v := &bank.Vouching{
			Partner: "zarechny", Kind: bank.Confirmation, Reference: rand.Text(), Account: 7, Confirmation: "c", At: s.Clock.Now(),
			Body: bank.Body{Outcome: bank.Outcome{Reference: "r", Status: bank.Waiting, Receipt: "a.b.c"}, Person: &seal.IndexDigest{KeyID: 3, Digest: []byte{1, 2}}},
		}
		ok(t, "SaveVouching", s.SaveVouching(ctx, v))
		got, err := s.Vouching(ctx, v.Partner, v.Kind, v.Reference)
		ok(t, "Vouching", err)
		same(t, "vouching", got, v)
		is(t, "SaveVouching again", s.SaveVouching(ctx, v), fault.Exists)
		other := *v
		other.Kind = bank.Registration
		ok(t, "SaveVouching of the other kind", s.SaveVouching(ctx, &other))
		_, err = s.Vouching(ctx, "Amur", v.Kind, v.Reference)
		absent(t, "another partner's", err)
		for _, err := range parallel(5, func(int) error {
			_, err := s.ChangeVouching(ctx, v.Partner, v.Kind, v.Reference, func(v *bank.Vouching) error { v.Account++; return nil })
			return err
		}) {
			ok(t, "ChangeVouching", err)
		}
		got, err = s.Vouching(ctx, v.Partner, v.Kind, v.Reference)
		if err != nil || got.Account != 12 || got.Version != 6 {
			t.Errorf("got %+v, %v; want five changes", got, err)
		}
		_, err = s.ChangeVouching(ctx, v.Partner, v.Kind, "unknown", func(*bank.Vouching) error { return nil })
		absent(t, "ChangeVouching", err)
	})

	t.Run("of registrations erase what nobody took over, and nothing else", func(t *testing.T) {
		a := s.Standard(t)
		a.Profile.Contacts, a.Credential.Password = nil, ""
		s.Create(t, a)
		o := &bank.Opening{ID: rand.Text(), Account: a.ID, Partner: "zarechny", Reference: "r", Phone: "+79000000000", Lang: "ru", Person: a.Profile.Person, State: "new", Link: []byte{1}, Begun: s.Clock.Now(), Until: s.Clock.Now().Add(time.Hour)}
		ok(t, "SaveRegistration", s.SaveRegistration(ctx, o))
		got, err := s.LastRegistration(ctx, a.ID)
		ok(t, "LastRegistration", err)
		same(t, "opening", got, o)
		ok(t, "FileApplication", s.FileApplication(ctx, s.File(t, a)))
		in := s.StartOne(t, a)
		ok(t, "RemoveUnclaimed", s.Atomically(ctx, func(x *tx) error { return x.RemoveUnclaimed(ctx, a.ID) }))
		_, err = s.Account(ctx, a.ID)
		absent(t, "Account", err)
		_, err = s.Registration(ctx, o.ID)
		absent(t, "Registration", err)
		_, err = s.LastApplication(ctx, a.ID)
		absent(t, "LastApplication", err)
		_, err = s.Session(ctx, in.ID)
		absent(t, "Session", err)
		_, err = s.FindAccount(ctx, account.BySNILS, a.Profile.Person.SNILS.String())
		absent(t, "FindAccount", err)

		owned := s.Create(t, s.Simplified(t))
		is(t, "RemoveUnclaimed of somebody's", s.RemoveUnclaimed(ctx, owned.ID), fault.Conflict)
		_, err = s.Account(ctx, owned.ID)
		ok(t, "Account", err)
	})
}
