// Package shift lets an operator of a service centre work in the centre's own software instead of the console.
//
// The software proves itself as a partner; a shift says which operator sits at it. The operator signs in at the console,
// with both factors, and opens a shift there for one program of the centre. The console shows the shift's token once;
// the operator gives it to the program, which sends it with every call:
//
//	console ──token──▶ operator ──▶ program ──Propusk-Operator, DPoP──▶ /partner/v1/centre
//
// The token alone opens nothing: it counts only beside an access token of that partner, and from the first call on only
// with the key that the first call was made with. It ends when the console session that opened it is ended, and no more than
// twelve hours after the second factor; the quarter of an hour of the console's own idle time does not count, since the
// operator works elsewhere meanwhile. It ends when another is opened or the operator ends it; and whenever the operator's account
// falls, is locked or frozen, or their membership ends. Nothing here widens what an operator may do.
package shift

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/transient"
)

var (
	// ErrOver is the one answer to a token that opens nothing: unknown, over, another program's, another key's, or of
	// somebody who does not serve there any more.
	ErrOver = fmt.Errorf("shift: it does not stand: %w", fault.Denied)
	// ErrProgram reports a program that is not one of the operator's centre.
	ErrProgram = fmt.Errorf("shift: not a program of the centre: %w", fault.NotFound)
)

// A Shift is an operator at a program.
type Shift struct {
	ID      string     `json:"id"` // for records; it opens nothing
	Account account.ID `json:"account"`
	Epoch   int        `json:"epoch"`
	Centre  string     `json:"centre"`
	Partner partner.ID `json:"partner"`
	Session session.ID `json:"session"`       // of the console; the shift ends with it
	Key     string     `json:"key,omitempty"` // what the first call was made with; "": none yet
	Opened  time.Time  `json:"opened"`        // Now
	Until   time.Time  `json:"until"`         // Now
}

// Config is what a Desk works with.
type Config struct {
	Read interface {
		Account(ctx context.Context, id account.ID) (*account.Account, error)
		Member(ctx context.Context, id account.ID) (*centre.Member, error)
		Session(ctx context.Context, id session.ID) (*session.Session, error)
		Partners(ctx context.Context) ([]*partner.Partner, error)
		audit.Log
	}
	Transients transient.Store
	Ring       *seal.Ring
	Now, Wall  func() time.Time
}

// A Desk opens shifts and knows them again.
type Desk struct {
	Config
	shifts *transient.Box[Shift]  // by the digest of the token
	owners *transient.Box[string] // the digest, by the operator: there is one shift at a time
}

// New makes a Desk.
func New(c Config) *Desk {
	return &Desk{c, transient.NewBox[Shift](c.Transients, c.Ring, "shift", c.Now), transient.NewBox[string](c.Transients, c.Ring, "shift_of", c.Now)}
}

// Programs lists the partners that are software of a centre.
func (d *Desk) Programs(ctx context.Context, at string) ([]*partner.Partner, error) {
	all, err := d.Read.Partners(ctx)
	if err != nil {
		return nil, fmt.Errorf("shift: programs: %w", err)
	}
	var out []*partner.Partner
	for _, p := range all {
		if p.Kind == partner.Centre && p.Number == at && !p.Disabled {
			out = append(out, p)
		}
	}
	return out, nil
}

// Open opens a shift for a program of the operator's centre, and returns its token, which is shown once. The shift that the
// operator had before is over.
func (d *Desk) Open(ctx context.Context, s *session.Session, program partner.ID, request string) (string, *Shift, error) {
	m, err := d.serving(ctx, s.Account)
	if err != nil {
		return "", nil, err
	}
	programs, err := d.Programs(ctx, m.Centre)
	if err != nil {
		return "", nil, err
	}
	known := false
	for _, p := range programs {
		known = known || p.ID == program
	}
	if !known {
		return "", nil, ErrProgram
	}
	if err := d.Close(ctx, s.Account); err != nil {
		return "", nil, err
	}
	var secret [32]byte
	rand.Read(secret[:])
	token := base64.RawURLEncoding.EncodeToString(secret[:])
	out := Shift{ID: rand.Text(), Account: s.Account, Epoch: s.Epoch, Session: s.ID, Centre: m.Centre, Partner: program, Opened: d.Now(), Until: s.Expires}
	if err := d.Read.RecordEvent(ctx, audit.Event{
		At: d.Wall(), Kind: audit.ShiftOpened, Account: s.Account, Actor: s.Account, Session: string(s.ID), Device: s.Device, Client: string(program),
		Detail: map[string]string{"shift": out.ID, "centre": m.Centre}, Request: request,
	}); err != nil {
		return "", nil, fmt.Errorf("shift: record: %w", err)
	}
	if err := d.shifts.Put(ctx, digest(token), out, out.Until); err != nil {
		return "", nil, fmt.Errorf("shift: open: %w", err)
	}
	if err := d.owners.Put(ctx, out.Account.String(), digest(token), out.Until); err != nil {
		return "", nil, fmt.Errorf("shift: open: %w", err)
	}
	return token, &out, nil
}

// Close ends the operator's shift, if there is one.
func (d *Desk) Close(ctx context.Context, id account.ID) error {
	at, err := d.owners.Take(ctx, id.String())
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		err = d.shifts.Delete(ctx, at)
	}
	if err != nil {
		return fmt.Errorf("shift: close: %w", err)
	}
	return nil
}

// Of gives the operator's shift, or nil.
func (d *Desk) Of(ctx context.Context, id account.ID) (*Shift, error) {
	at, err := d.owners.Load(ctx, id.String())
	var s Shift
	if err == nil {
		s, err = d.shifts.Load(ctx, at)
	}
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("shift: of: %w", err)
	}
	return &s, nil
}

var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// Present tells who a token speaks for, when the program p sends it with a key; ErrOver. The first call binds the shift
// to its key; of two first calls with different keys one wins. The operator is looked at each time.
func (d *Desk) Present(ctx context.Context, token string, p *partner.Partner, key string) (*Shift, error) {
	if !tokenForm.MatchString(token) || key == "" {
		return nil, ErrOver
	}
	at := digest(token)
	s, err := d.shifts.Load(ctx, at)
	if err == nil && s.Key == "" && s.Partner == p.ID {
		s, err = d.shifts.Change(ctx, at, func(s *Shift) error {
			if s.Key == "" {
				s.Key = key
			}
			return nil
		})
	}
	if errors.Is(err, fault.NotFound) {
		return nil, ErrOver
	}
	if err != nil {
		return nil, fmt.Errorf("shift: present: %w", err)
	}
	if s.Partner != p.ID || s.Key != key || s.Centre != p.Number {
		return nil, ErrOver
	}
	m, err := d.serving(ctx, s.Account)
	if err != nil {
		return nil, err
	}
	a, err := d.Read.Account(ctx, s.Account)
	if errors.Is(err, fault.NotFound) {
		return nil, ErrOver
	}
	if err != nil {
		return nil, fmt.Errorf("shift: present: %w", err)
	}
	console, err := d.Read.Session(ctx, s.Session)
	if errors.Is(err, fault.NotFound) || err == nil && !console.Ended.IsZero() {
		return nil, ErrOver
	}
	if err != nil {
		return nil, fmt.Errorf("shift: present: %w", err)
	}
	if m.Centre != s.Centre || a.Epoch != s.Epoch || a.Lock.Locked(d.Now()) || !a.Locks.Frozen.IsZero() {
		return nil, ErrOver
	}
	return &s, nil
}

// serving reads the membership of somebody who serves at a window now; ErrOver.
func (d *Desk) serving(ctx context.Context, id account.ID) (*centre.Member, error) {
	m, err := d.Read.Member(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && (!m.Active || m.Role != centre.Operator) {
		return nil, ErrOver
	}
	if err != nil {
		return nil, fmt.Errorf("shift: membership: %w", err)
	}
	return m, nil
}

// digest is under what a token is kept: the store does not hold what opens it.
func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
