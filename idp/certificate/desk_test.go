package certificate_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

const issuer = "https://propusk.example"

// A bench is a desk over real stores.
type bench struct {
	*storagetest.Stores
	*certificate.Desk
	world *certificate.World
}

func newBench(t testing.TB, change ...func(*certificate.Config)) *bench {
	t.Helper()
	s := storagetest.New(t)
	b := &bench{Stores: s, world: certificate.NewWorld(t, certificate.ECKey())}
	notices, err := notice.New(notice.Config{Issuer: issuer, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	c := certificate.Config{
		Read: s.Records, Transients: s.Transients, Ring: s.Keyring.Ring, Notices: notices, Issuer: issuer, Now: s.Clock.Now, Wall: s.Clock.Now,
		Atomically: func(ctx context.Context, f func(confirm.Tx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	}
	for _, f := range change {
		f(&c)
	}
	b.Desk = certificate.New(c)
	b.trust(t, b.world.Anchor())
	return b
}

func (b *bench) trust(t testing.TB, a *certificate.Anchor) {
	t.Helper()
	if err := b.SaveAnchor(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// citizen is a standard account of the person whom the world's certificates name.
func (b *bench) citizen(t testing.TB) *account.Account {
	t.Helper()
	a := b.Simplified(t)
	p := certificate.Ivanova
	if a.Agree(p, b.Clock.Now()); a.Level != account.Standard {
		t.Fatal("not standard")
	}
	return b.Create(t, a)
}

func (b *bench) statement(t testing.TB, a *account.Account) *certificate.Statement {
	t.Helper()
	s, err := b.Statement(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bench) signed(t testing.TB, s *certificate.Statement) []byte {
	return certificate.Sign(t, b.world.Citizen, s.Content, true, b.world.Issuing.Cert)
}

func (b *bench) submit(t testing.TB, s *certificate.Statement, file []byte) (*account.Confirmation, error) {
	return b.Submit(t.Context(), certificate.Submission{Account: s.Account, Statement: s.ID, File: file, Request: "ABCD-EFGH"})
}

func reason(err error) certificate.Reason {
	var r *certificate.Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}

func refuses(t testing.TB, what string, err error, want certificate.Reason) {
	t.Helper()
	if reason(err) != want || err == nil {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

func TestASignedStatementConfirms(t *testing.T) {
	b := newBench(t)
	a := b.citizen(t)
	s := b.statement(t, a)
	for _, want := range []string{"Иванова Мария Петровна", "112-233-445 95", a.ID.String(), s.ID, issuer, "ЗАЯВЛЕНИЕ", "STATEMENT"} {
		if !strings.Contains(string(s.Content), want) {
			t.Errorf("the statement lacks %q", want)
		}
	}
	if strings.Count(string(s.Content), "\n") != strings.Count(string(s.Content), "\r\n") || strings.Contains(s.FileName(), "vanova") {
		t.Errorf("the statement is %q", s.FileName())
	}
	c, err := b.submit(t, s, b.signed(t, s))
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Account(t.Context(), a.ID)
	if err != nil || got.Level != account.Verified || len(got.Confirmations) != 1 {
		t.Fatalf("the account is %s with %v, %v", got.Level, got.Confirmations, err)
	}
	if c.Method != account.QualifiedSignature || c.Organization != "CN=УЦ Первый, O=Минцифры, C=RU" || c.Serial != certificate.Serial(b.world.Citizen.Cert) {
		t.Errorf("confirmed by %+v", c)
	}
	events, err := b.Events(t.Context(), a.ID, 0, 10)
	if err != nil || len(events) != 1 || events[0].Kind != audit.Confirmed || events[0].Detail["statement"] != s.ID || events[0].Detail["algorithm"] != "ecdsa" {
		t.Errorf("events %+v, %v", events, err)
	}
	_, err = b.submit(t, s, b.signed(t, s))
	refuses(t, "sent again", err, certificate.StatementOver)
}

func TestACardConfirmsAsACard(t *testing.T) {
	b := newBench(t, func(c *certificate.Config) { c.Rules.Card = []string{certificate.CardPolicy} })
	s := b.statement(t, b.citizen(t))
	card := certificate.Issue(t, b.world.Issuing, certificate.RSAKey(), certificate.Named, func(c *x509.Certificate) {
		p, err := x509.ParseOID(certificate.CardPolicy)
		if err != nil {
			t.Fatal(err)
		}
		c.Policies = []x509.OID{p}
	})
	c, err := b.submit(t, s, certificate.Sign(t, card, s.Content, false, b.world.Issuing.Cert))
	if err != nil || c.Method != account.ElectronicCard {
		t.Errorf("%+v, %v; want confirmed by a card", c, err)
	}
}

func TestAStatementIsItsCitizensAlone(t *testing.T) {
	b := newBench(t)
	a := b.citizen(t)
	s := b.statement(t, a)
	file := b.signed(t, s)
	other := b.Create(t, b.Standard(t))
	_, err := b.Submit(t.Context(), certificate.Submission{Account: other.ID, Statement: s.ID, File: file})
	refuses(t, "another's statement", err, certificate.StatementOver)
	mine := b.statement(t, other)
	_, err = b.submit(t, mine, file)
	refuses(t, "a file of another statement", err, certificate.AlteredContent)
	_, err = b.submit(t, mine, b.signed(t, mine))
	refuses(t, "signed by another", err, certificate.WrongPerson)
	if _, err = b.submit(t, s, file); err != nil {
		t.Errorf("after all that, its own citizen: %v", err)
	}
}

func TestAStatementIsOverWhenItsTimeOrItsPersonIs(t *testing.T) {
	b := newBench(t)
	a := b.citizen(t)
	s := b.statement(t, a)
	file := b.signed(t, s)
	b.Clock.Advance(24 * time.Hour)
	_, err := b.submit(t, s, file)
	refuses(t, "a day later", err, certificate.StatementOver)
	s = b.statement(t, a)
	if _, err := b.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		p := certificate.Ivanova
		p.FamilyName = certificate.Ivanova.GivenName
		a.Agree(p, b.Clock.Now())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, err = b.submit(t, s, b.signed(t, s))
	refuses(t, "of another name", err, certificate.StatementOver)
}

func TestASimplifiedAccountCannotSkipTheRegistries(t *testing.T) {
	b := newBench(t)
	a := b.Create(t, b.Simplified(t))
	if _, err := b.Statement(t.Context(), a.ID); !errors.Is(err, confirm.ErrNotStandard) {
		t.Errorf("a statement for a simplified account: %v", err)
	}
}

func TestALockedMethodIsRefused(t *testing.T) {
	b := newBench(t)
	a := b.citizen(t)
	s := b.statement(t, a)
	if _, err := b.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		a.Locks.Never = []account.Method{account.QualifiedSignature}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.submit(t, s, b.signed(t, s)); !errors.Is(err, confirm.ErrShut) {
		t.Errorf("by a method that the citizen has shut: %v", err)
	}
}

func TestOfParallelSubmissionsOneConfirms(t *testing.T) {
	b := newBench(t)
	a := b.citizen(t)
	s := b.statement(t, a)
	file := b.signed(t, s)
	var won, over int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := b.submit(t, s, file)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case reason(err) == certificate.StatementOver:
				over++
			default:
				t.Errorf("submit: %v", err)
			}
		})
	}
	wg.Wait()
	events, err := b.Events(t.Context(), a.ID, 0, 50)
	confirmed := slices.DeleteFunc(events, func(e audit.Event) bool { return e.Kind != audit.Confirmed })
	if err != nil || won != 1 || over != 7 || len(confirmed) != 1 {
		t.Errorf("%d won, %d came too late, %d events, %v", won, over, len(confirmed), err)
	}
}

func TestWhenAuthoritiesAreSilentTheSettingDecides(t *testing.T) {
	for name, row := range map[string]struct {
		failure certificate.Failure
		anchor  certificate.Failure
		want    certificate.Reason
	}{
		"hard by default":      {"", "", certificate.RevocationUnknown},
		"soft":                 {certificate.Soft, "", ""},
		"soft, this root hard": {certificate.Soft, certificate.Hard, certificate.RevocationUnknown},
		"hard, this root soft": {certificate.Hard, certificate.Soft, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *certificate.Config) { c.Failure = row.failure })
			b.trust(t, b.world.Anchor(func(a *certificate.Anchor) { a.Failure = row.anchor }))
			a := b.citizen(t)
			s := b.statement(t, a)
			b.world.Set("down", 0)
			_, err := b.submit(t, s, b.signed(t, s))
			if reason(err) != row.want {
				t.Fatalf("silent: %v, want %q", err, row.want)
			}
			events, _ := b.Events(t.Context(), a.ID, 0, 10)
			if row.want == "" {
				if len(events) != 1 || events[0].Detail["revocation"] != "unknown" {
					t.Errorf("the record does not say that nobody could tell: %+v", events)
				}
				return
			}
			if len(events) != 1 || events[0].Kind != audit.CertificateRefused || events[0].Reason != string(row.want) {
				t.Errorf("events %+v", events)
			}
			// The statement is not used up by somebody else's silence.
			b.world.Set("", 0)
			b.Clock.Advance(time.Minute)
			if _, err := b.submit(t, s, b.signed(t, s)); err != nil {
				t.Errorf("once the authority answers: %v", err)
			}
		})
	}
}

func TestARevocationBetweenTwoUsesIsSeen(t *testing.T) {
	b := newBench(t)
	b.citizen(t)
	chain := []*x509.Certificate{b.world.Citizen.Cert, b.world.Issuing.Cert}
	if _, err := b.Present(t.Context(), chain, "192.0.2.1", ""); err != nil {
		t.Fatal(err)
	}
	b.world.Revoke(b.world.Citizen.Cert)
	_, err := b.Present(t.Context(), chain, "192.0.2.1", "")
	refuses(t, "revoked between", err, certificate.Revoked)
	// A revoked certificate is refused under a soft setting too.
	b.trust(t, b.world.Anchor(func(a *certificate.Anchor) { a.Failure = certificate.Soft }))
	b.world.Set("down", 0)
	_, err = b.Present(t.Context(), chain, "192.0.2.1", "")
	refuses(t, "revoked, and then silence", err, certificate.Revoked)
}

func TestPresentingFindsTheHoldersAccount(t *testing.T) {
	b := newBench(t)
	chain := []*x509.Certificate{b.world.Citizen.Cert, b.world.Issuing.Cert}
	if _, err := b.Present(t.Context(), chain, "192.0.2.1", ""); !errors.Is(err, fault.NotFound) {
		t.Errorf("without an account: %v", err)
	}
	a := b.citizen(t)
	h, err := b.Present(t.Context(), chain, "192.0.2.1", "")
	if err != nil || h.Account != a.ID || h.Method != account.QualifiedSignature {
		t.Fatalf("Present: %+v, %v", h, err)
	}
	other := b.Create(t, b.Standard(t))
	_, err = b.Confirm(t.Context(), other.ID, h, "")
	refuses(t, "another's account", err, certificate.WrongPerson)
	if _, err := b.Confirm(t.Context(), a.ID, h, ""); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Account(t.Context(), a.ID); err != nil || got.Level != account.Verified {
		t.Errorf("confirmed by presenting: %s, %v", got.Level, err)
	}
	if _, err := b.Present(t.Context(), nil, "192.0.2.1", ""); reason(err) != certificate.NoCertificate {
		t.Errorf("nothing presented: %v", err)
	}
}

func TestACertificateOpensNoAccountThatIsStillToBeTakenOver(t *testing.T) {
	b := newBench(t)
	a := b.Simplified(t)
	a.Agree(certificate.Ivanova, b.Clock.Now())
	a.Profile.Contacts, a.Credential.Password = nil, ""
	b.Create(t, a)
	chain := []*x509.Certificate{b.world.Citizen.Cert, b.world.Issuing.Cert}
	if h, err := b.Present(t.Context(), chain, "192.0.2.1", ""); !errors.Is(err, fault.NotFound) {
		t.Fatalf("of an account without contact and password: %+v, %v", h, err)
	}
	if _, err := b.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { a.Credential.Password = "hash"; return nil }); err != nil {
		t.Fatal(err)
	}
	if h, err := b.Present(t.Context(), chain, "192.0.2.1", ""); err != nil || h.Account != a.ID {
		t.Errorf("once it is taken over: %+v, %v", h, err)
	}
}

func TestATrustListIsLive(t *testing.T) {
	b := newBench(t)
	s := b.statement(t, b.citizen(t))
	anchor := b.world.Anchor()
	if err := b.DeleteAnchor(t.Context(), anchor.ID); err != nil {
		t.Fatal(err)
	}
	_, err := b.submit(t, s, b.signed(t, s))
	refuses(t, "the root taken off", err, certificate.UnknownRoot)
	b.trust(t, anchor)
	if _, err := b.submit(t, s, b.signed(t, s)); err != nil {
		t.Errorf("the root put back: %v", err)
	}
}

func TestTriesAreLimited(t *testing.T) {
	b := newBench(t)
	s := b.statement(t, b.citizen(t))
	junk := bytes.Repeat([]byte{0x30}, 64)
	for range 11 {
		_, err := b.submit(t, s, junk)
		refuses(t, "junk", err, certificate.Malformed)
	}
	_, err := b.submit(t, s, b.signed(t, s))
	if wait, ok := fault.Wait(err); !ok || wait <= 0 || wait > time.Minute {
		t.Errorf("the twelfth try: %v", err)
	}
	b.Clock.Advance(time.Minute)
	if _, err := b.submit(t, s, b.signed(t, s)); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestAPresentationIsUsedOnce(t *testing.T) {
	b := newBench(t)
	a := b.citizen(t)
	chain := []*x509.Certificate{b.world.Citizen.Cert, b.world.Issuing.Cert}
	ticket, err := b.Invite(t.Context(), certificate.Invitation{Tx: "sealed", Request: "r"}, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	in, code, err := b.Meet(t.Context(), ticket, chain, "192.0.2.1", "")
	if err != nil || in.Tx != "sealed" {
		t.Fatalf("Meet: %+v, %v", in, err)
	}
	if _, _, err := b.Meet(t.Context(), ticket, chain, "192.0.2.1", ""); !errors.Is(err, certificate.ErrOver) {
		t.Errorf("the invitation used twice: %v", err)
	}
	if o, err := b.Outcome(t.Context(), code); err != nil || o.Holder.Account != a.ID || o.Request != "r" {
		t.Errorf("Outcome: %+v, %v", o, err)
	}
	if _, err := b.Redeem(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Redeem(t.Context(), code); !errors.Is(err, certificate.ErrOver) {
		t.Errorf("the outcome used twice: %v", err)
	}
	late, err := b.Invite(t.Context(), certificate.Invitation{}, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	_, code, err = b.Meet(t.Context(), late, nil, "192.0.2.1", "")
	if o, lookErr := b.Outcome(t.Context(), code); err != nil || lookErr != nil || o.Holder != nil || o.Refused != certificate.NoCertificate {
		t.Errorf("nothing presented: %+v, %v, %v", o, err, lookErr)
	}
	b.Clock.Advance(3 * time.Minute)
	if _, err := b.Outcome(t.Context(), code); !errors.Is(err, certificate.ErrOver) {
		t.Errorf("an outcome of long ago: %v", err)
	}
}
