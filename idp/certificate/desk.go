package certificate

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/transient"
)

// A Reader is what the desk reads.
type Reader interface {
	confirm.ApplicationReader
	Anchors(ctx context.Context) ([]*Anchor, error)
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
	RecordEvent(ctx context.Context, e audit.Event) error
}

// Config is what the desk works with.
type Config struct {
	Read       Reader
	Atomically func(ctx context.Context, f func(confirm.Tx) error) error
	Transients transient.Store
	Ring       *seal.Ring
	Notices    *notice.Notices
	Issuer     string // the provider's address, as the statement names it
	// Gost checks GOST signatures; nil: nobody does.
	Gost Gost
	// Client asks authorities about revocation; nil: the default transport.
	Client *http.Client
	// Failure is what happens when nobody can tell whether a certificate is revoked; empty: Hard.
	Failure Failure
	// Rules are the policies; with no Qualified ones, Classes.
	Rules Rules
	// Life is how long a statement may be signed; 0: a day.
	Life      time.Duration
	Now, Wall func() time.Time
	Log       *slog.Logger
}

// A Desk takes signed statements and presented certificates.
type Desk struct {
	Config
	watch       *Watch
	statements  *transient.Box[Statement]
	invitations *transient.Box[Invitation]
	outcomes    *transient.Box[Outcome]
	limits      *limit.Keeper
}

// New makes a desk.
func New(c Config) *Desk {
	if c.Gost == nil {
		c.Gost = NoGost{}
	}
	if len(c.Rules.Qualified) == 0 {
		c.Rules.Qualified = Classes()
	}
	c.Failure, c.Life = cmp.Or(c.Failure, Hard), cmp.Or(c.Life, 24*time.Hour)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{
		Config: c, watch: &Watch{Client: c.Client, Gost: c.Gost, Wall: c.Wall},
		statements:  transient.NewBox[Statement](c.Transients, c.Ring, "statement", c.Now),
		invitations: transient.NewBox[Invitation](c.Transients, c.Ring, "certificate_invitation", c.Now),
		outcomes:    transient.NewBox[Outcome](c.Transients, c.Ring, "certificate_outcome", c.Now),
		limits:      &limit.Keeper{Store: c.Transients, Digest: c.Ring, Now: c.Now},
	}
}

// The limits: what is sent costs computation, and questions to authorities.
var (
	statementRule = limit.Rule{Name: "statement", Free: 20, Window: 24 * time.Hour}
	submitRule    = limit.Rule{Name: "signed statement", Free: 10, Window: time.Hour, First: 30 * time.Second, Most: 10 * time.Minute}
	inviteRule    = limit.Rule{Name: "certificate invitation", Free: 100, Window: time.Hour}
	presentRule   = limit.Rule{Name: "presented certificate", Free: 30, Window: time.Hour, First: 10 * time.Second, Most: 10 * time.Minute}
)

// Methods are those that can be used here: none while the trust list is empty, and cards where they have
// policies.
func (d *Desk) Methods(ctx context.Context) ([]account.Method, error) {
	all, err := d.Read.Anchors(ctx)
	if err != nil {
		return nil, fmt.Errorf("certificate: trust list: %w", err)
	}
	at := d.Wall()
	if !slices.ContainsFunc(all, func(a *Anchor) bool { return a.Accredited(at) }) {
		return nil, nil
	}
	if len(d.Rules.Card) == 0 {
		return []account.Method{account.QualifiedSignature}, nil
	}
	return []account.Method{account.QualifiedSignature, account.ElectronicCard}, nil
}

// Statement makes a statement for an account to sign, if it may be confirmed by signature now (errors of
// confirm.May).
func (d *Desk) Statement(ctx context.Context, id account.ID) (*Statement, error) {
	a, err := d.Read.Account(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("certificate: statement: %w", err)
	}
	now := d.Now()
	if err := d.open(ctx, a, now); err != nil {
		return nil, err
	}
	if _, err := d.limits.Take(ctx, statementRule, id.String()); err != nil {
		return nil, fmt.Errorf("certificate: statement: %w", err)
	}
	s := &Statement{ID: rand.Text(), Account: id, Person: a.Profile.Person, Made: now, Until: now.Add(d.Life)}
	if err := write(s, d.Issuer); err != nil {
		return nil, err
	}
	if err := d.statements.Create(ctx, s.ID, *s, s.Until); err != nil {
		return nil, fmt.Errorf("certificate: keep the statement: %w", err)
	}
	return s, nil
}

// open tells whether either of the two methods may be used.
func (d *Desk) open(ctx context.Context, a *account.Account, now time.Time) error {
	err := confirm.May(ctx, d.Read, a, account.QualifiedSignature, now)
	if errors.Is(err, confirm.ErrShut) {
		err = confirm.May(ctx, d.Read, a, account.ElectronicCard, now)
	}
	return err
}

// Reread gives an account its statement again; StatementOver if it is used, past its time or another's.
func (d *Desk) Reread(ctx context.Context, id account.ID, statement string) (*Statement, error) {
	s, err := d.statements.Load(ctx, statement)
	switch {
	case errors.Is(err, fault.NotFound), err == nil && s.Account != id:
		return nil, refuse(StatementOver)
	case err != nil:
		return nil, fmt.Errorf("certificate: statement: %w", err)
	}
	return &s, nil
}

// A Submission is a signed file, as it came.
type Submission struct {
	Account   account.ID
	Statement string // its id
	File      []byte
	Request   string // id of the request, for the record
}

// Submit takes a signed statement and confirms the account by it. A Refusal says why not; the statement can
// be signed and sent again until it is used. Of several that come at once one is used.
func (d *Desk) Submit(ctx context.Context, in Submission) (*account.Confirmation, error) {
	hit, err := d.limits.Take(ctx, submitRule, in.Account.String())
	if err != nil {
		return nil, fmt.Errorf("certificate: submit: %w", err)
	}
	c, err := d.submit(ctx, in)
	if err != nil {
		return nil, d.refused(ctx, in.Account, "statement", in.Request, err)
	}
	if err := hit.Clear(ctx); err != nil {
		d.Log.WarnContext(ctx, "tries of signed statements not cleared", "error", err)
	}
	return c, nil
}

func (d *Desk) submit(ctx context.Context, in Submission) (*account.Confirmation, error) {
	at := d.Wall()
	s, err := d.Reread(ctx, in.Account, in.Statement)
	if err != nil {
		return nil, err
	}
	a, err := d.Read.Account(ctx, in.Account)
	if err != nil {
		return nil, fmt.Errorf("certificate: submit: %w", err)
	}
	if err := d.open(ctx, a, d.Now()); err != nil {
		return nil, err
	}
	if !s.fits(a.Profile.Person) {
		return nil, refuse(StatementOver)
	}
	m, err := readMessage(in.File)
	if err != nil {
		return nil, err
	}
	if err := m.verify(ctx, d.Gost, s.Content); err != nil {
		return nil, err
	}
	h, err := d.judge(ctx, m.signer, m.others(), Signing, at)
	if err != nil {
		return nil, err
	}
	if !h.Subject.Is(a.Profile.Person) {
		return nil, refuse(WrongPerson)
	}
	if err := d.revocation(ctx, h); err != nil {
		return nil, err
	}
	if _, err := d.statements.Take(ctx, s.ID); errors.Is(err, fault.NotFound) {
		return nil, refuse(StatementOver) // another one like it came first
	} else if err != nil {
		return nil, fmt.Errorf("certificate: submit: %w", err)
	}
	c, err := d.prove(ctx, a, h, in.Request, map[string]string{"statement": s.ID})
	if err != nil && !errors.Is(err, fault.Denied) {
		// The statement was not used up after all.
		if back := d.statements.Create(context.WithoutCancel(ctx), s.ID, *s, s.Until); back != nil {
			err = errors.Join(err, back)
		}
	}
	return c, err
}

// A Holder is whom a certificate was judged to belong to.
type Holder struct {
	// Account is whose it is; 0: of a signed statement, where it is known already.
	Account account.ID     `json:"account,omitempty"`
	Subject Subject        `json:"subject"`
	Method  account.Method `json:"method"`
	Issuer  string         `json:"issuer"`
	Serial  string         `json:"serial"`
	// Algorithm is of the key: rsa, ecdsa, ed25519, gost2012.
	Algorithm string `json:"algorithm"`
	Anchor    string `json:"anchor"` // id
	// Unsure says that nobody could tell whether the certificate is revoked, and the settings let it pass.
	Unsure bool `json:"unsure,omitempty"`
	path   *path
}

// judge judges a certificate and who issued it.
func (d *Desk) judge(ctx context.Context, leaf *x509.Certificate, extra []*x509.Certificate, use Use, at time.Time) (*Holder, error) {
	s, method, refusal := Inspect(leaf, use, at, d.Rules)
	if refusal != nil && refusal.Reason != NoPerson && refusal.Reason != NotQualified {
		return nil, refusal
	}
	anchors, err := d.Read.Anchors(ctx)
	if err != nil {
		return nil, fmt.Errorf("certificate: trust list: %w", err)
	}
	p, err := find(ctx, d.Gost, leaf, extra, roots(anchors), at)
	if err != nil {
		return nil, err
	}
	if refusal != nil { // what a certificate says of its holder counts only under a known root
		return nil, refusal
	}
	return &Holder{
		Subject: s, Method: method, Issuer: Issuer(leaf), Serial: Serial(leaf), Algorithm: AlgorithmOf(leaf), Anchor: p.anchor.ID, path: p,
	}, nil
}

// revocation asks whether the holder's certificate, or one above it, is revoked.
func (d *Desk) revocation(ctx context.Context, h *Holder) error {
	err := d.watch.Check(ctx, h.path)
	if refused(err, RevocationUnknown) {
		if cmp.Or(h.path.anchor.Failure, d.Failure) == Soft {
			d.Log.WarnContext(ctx, "nobody could tell whether a certificate is revoked; it passes", "anchor", h.Anchor, "error", err)
			h.Unsure = true
			return nil
		}
	}
	return err
}

// Present judges the certificate of a TLS client, which has shown in the handshake that it holds the key, and
// finds the account that it belongs to: SNILS checked and full name equal. The chain begins with the client's
// own certificate. network is where it came from, for the limit of tries. Whoever has no account, or one that
// they have still to take over, gets fault.NotFound: they are who they are, so that is no secret from them.
func (d *Desk) Present(ctx context.Context, chain []*x509.Certificate, network, request string) (*Holder, error) {
	if len(chain) == 0 {
		return nil, refuse(NoCertificate)
	}
	hit, err := d.limits.Take(ctx, presentRule, network)
	if err != nil {
		return nil, fmt.Errorf("certificate: present: %w", err)
	}
	h, err := d.present(ctx, chain)
	if err != nil {
		var a account.ID
		if h != nil {
			a = h.Account
		}
		return nil, d.refused(ctx, a, "presented", request, err)
	}
	if err := hit.Back(ctx); err != nil {
		d.Log.WarnContext(ctx, "try of a presented certificate not given back", "error", err)
	}
	return h, nil
}

func (d *Desk) present(ctx context.Context, chain []*x509.Certificate) (*Holder, error) {
	h, err := d.judge(ctx, chain[0], chain[1:], Presenting, d.Wall())
	if err != nil {
		return nil, err
	}
	if err := d.revocation(ctx, h); err != nil {
		return nil, err
	}
	a, err := d.Read.FindAccount(ctx, account.BySNILS, h.Subject.SNILS.String())
	if err != nil {
		return nil, fmt.Errorf("certificate: holder: %w", err)
	}
	if a.Unclaimed() { // whose it will be, its person has still to show: a certificate must not be quicker
		return nil, fmt.Errorf("certificate: holder: the account is unclaimed: %w", fault.NotFound)
	}
	h.Account = a.ID
	if !h.Subject.Is(a.Profile.Person) {
		return h, refuse(WrongPerson)
	}
	return h, nil
}

// Confirm confirms an account by a certificate that its citizen has presented a moment ago.
func (d *Desk) Confirm(ctx context.Context, id account.ID, h *Holder, request string) (*account.Confirmation, error) {
	a, err := d.Read.Account(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("certificate: confirm: %w", err)
	}
	if h.Account != id || !h.Subject.Is(a.Profile.Person) {
		return nil, d.refused(ctx, id, "presented", request, refuse(WrongPerson))
	}
	return d.prove(ctx, a, h, request, nil)
}

func (d *Desk) prove(ctx context.Context, a *account.Account, h *Holder, request string, detail map[string]string) (*account.Confirmation, error) {
	if detail == nil {
		detail = map[string]string{}
	}
	detail["algorithm"], detail["anchor"] = h.Algorithm, h.Anchor
	if h.Unsure {
		detail["revocation"] = "unknown"
	}
	var out account.Confirmation
	err := d.Atomically(ctx, func(tx confirm.Tx) error {
		_, c, err := confirm.Prove(ctx, tx, d.Notices, confirm.Proof{
			Account: a.ID, Judged: a.Profile.Person,
			Confirmation: account.Confirmation{Method: h.Method, Organization: h.Issuer, Serial: h.Serial, Algorithm: h.Algorithm},
			Detail:       detail, Request: request, Now: d.Now(), Wall: d.Wall(),
		})
		out = c
		return err
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// refused records why, and gives the error back. The cause may quote a stranger's certificate, so the
// record has the reason alone.
func (d *Desk) refused(ctx context.Context, a account.ID, how, request string, err error) error {
	var r *Refusal
	if !errors.As(err, &r) {
		return err
	}
	if r.Reason == RevocationUnknown || r.Reason == GostUnavailable {
		d.Log.WarnContext(ctx, "certificate not judged", "reason", string(r.Reason), "error", r.Cause)
	}
	if a == 0 {
		d.Log.InfoContext(ctx, "certificate of nobody here refused", "reason", string(r.Reason))
		return err // a record that strangers could fill would be none
	}
	e := audit.Event{At: d.Wall(), Kind: audit.CertificateRefused, Account: a, Reason: string(r.Reason), Detail: map[string]string{"how": how}, Request: request}
	if recordErr := d.Read.RecordEvent(ctx, e); recordErr != nil {
		return errors.Join(err, recordErr)
	}
	return err
}
