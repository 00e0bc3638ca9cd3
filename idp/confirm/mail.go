package confirm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/seal"
)

var (
	// ErrNoLetter reports that no letter's code can be entered: none was ordered, or it is over.
	ErrNoLetter = fmt.Errorf("confirm: no live letter: %w", fault.NotFound)
	// ErrRefused reports a letter that the post will never take: its address, its size.
	ErrRefused = fmt.Errorf("confirm: the post refuses the letter: %w", fault.Denied)
	// ErrTurnedAway reports a post that lets us in for no letter: the settings are wrong, here or there.
	ErrTurnedAway = fmt.Errorf("confirm: the post turns us away: %w", fault.Unavailable)
	// ErrNotPrinted reports news of a letter that nobody was given yet.
	ErrNotPrinted = fmt.Errorf("confirm: the letter is not printed yet: %w", fault.Conflict)
	// ErrMoved reports an account that changed while something was done to it.
	ErrMoved = fmt.Errorf("confirm: the account changed meanwhile: %w", fault.Conflict)
)

// WrongCodeError says how many tries are left after a wrong code; at 0 the letter is over.
type WrongCodeError struct{ Left int }

func (e *WrongCodeError) Error() string { return "confirm: wrong code" }

// Unwrap gives the kind.
func (e *WrongCodeError) Unwrap() error { return fault.Denied }

// The kinds of jobs. The ref is a letter's id, a batch's, or all.
const (
	JobPost    = "letter_post"     // hand it to the post, or let it wait for a batch
	JobTrack   = "letter_track"    // ask the post where it is
	JobRemind  = "letter_expiring" // a week before the code ends
	JobGather  = "letter_gather"   // all that wait make a batch
	JobBatch   = "letter_batch"    // a batch goes to where the printer takes it
	JobReports = "letter_reports"  // what the printer reports is taken
)

// all is the ref of jobs that are about no one letter.
const all = "all"

// A Parcel is a letter as the post takes it.
type Parcel struct {
	ID      string
	Number  string // of the order, as printed
	Name    string
	Phone   string
	Address civil.Address
	PDF     []byte
}

// A Post carries registered letters. A repeated id is one letter. Send answers ErrRefused of a letter that
// it will never take, ErrTurnedAway when it is us that it does not take anything from.
type Post interface {
	Send(ctx context.Context, p Parcel) (track string, err error)
	Follow(ctx context.Context, id string) (LetterStatus, []LetterEvent, error)
}

// A Bundle is a batch with its papers.
type Bundle struct {
	ID      string
	Made    time.Time
	Letters []Parcel
}

// A Printer is given letters by batches. Put leaves a batch where the printer takes it: whole or not at all,
// whenever it is broken off, and once, however often it is called. It tells which letters lie there: if the
// batch is there already, those of the first time.
type Printer interface {
	Put(ctx context.Context, b Bundle) (letters []string, err error)
}

// Reports are what a printer leaves for us. Take gives each to f, and forgets those that f took; an error of
// f ends it, and that report comes again.
type Reports interface {
	Take(ctx context.Context, f func(letter string, r Report) error) error
}

// A Sheet is all that stands on the paper.
type Sheet struct {
	Lang    string
	Name    string
	Address civil.Address
	Number  string
	Code    civil.LetterCode
	Ordered time.Time
	Valid   int // days from hand-over
}

// MailConfig is what Mail works with. What is zero takes the values of the domain.
type MailConfig struct {
	Store interface {
		Store
		Account(ctx context.Context, id account.ID) (*account.Account, error)
		LastApplication(ctx context.Context, id account.ID) (*registry.Application, error)
	}
	Atomically func(ctx context.Context, f func(Tx) error) error
	// Post takes letters one by one, as they are ordered.
	Post Post
	// Printer, if set, takes them by batches instead, and Reports tell of them.
	Printer Printer
	Reports Reports
	// Told means that where letters are is reported to us (Report): nobody is asked.
	Told bool
	// Print makes the PDF; print.Letter is the one.
	Print     func(Sheet) ([]byte, error)
	Ring      *seal.Ring
	Notices   *notice.Notices
	Now, Wall func() time.Time
	Log       *slog.Logger

	Rest  time.Duration // between two letters; 30 days
	Valid time.Duration // of a code, from hand-over; 45 days
	Tries int           // wrong codes that end a letter; 5
	Poll  time.Duration // how often the post is asked; an hour
	// Patience is how long a post that turns us away is asked again; 3 days from the order.
	Patience time.Duration
	Every    time.Duration  // how often letters are gathered into a batch; a day, at midnight UTC
	Largest  int            // letters in a batch; 100
	Watch    time.Duration  // how often reports are looked for; a minute
	Zone     *time.Location // of the day that letters are recalled by; Moscow's
}

// Mail confirms by registered letter.
type Mail struct{ MailConfig }

// NewMail makes it.
func NewMail(c MailConfig) *Mail {
	if c.Rest == 0 {
		c.Rest = 30 * 24 * time.Hour
	}
	if c.Valid == 0 {
		c.Valid = 45 * 24 * time.Hour
	}
	if c.Tries == 0 {
		c.Tries = 5
	}
	if c.Poll == 0 {
		c.Poll = time.Hour
	}
	if c.Patience == 0 {
		c.Patience = 3 * 24 * time.Hour
	}
	if c.Every == 0 {
		c.Every = 24 * time.Hour
	}
	if c.Largest == 0 {
		c.Largest = 100
	}
	if c.Watch == 0 {
		c.Watch = time.Minute
	}
	if c.Zone == nil {
		c.Zone = time.FixedZone("MSK", 3*60*60)
	}
	return &Mail{c}
}

// Number is the order's number for people.
func (l *Letter) Number() string {
	h := sha256.Sum256([]byte(l.ID))
	n := binary.BigEndian.Uint32(h[:4]) % 100_000_000
	return fmt.Sprintf("%04d-%04d", n/10_000, n%10_000)
}

// may tells whether the account may order or enter now.
func (m *Mail) may(ctx context.Context, r ApplicationReader, a *account.Account) error {
	return May(ctx, r, a, account.MailCode, m.Now())
}

// An ApplicationReader knows of running checks.
type ApplicationReader interface {
	LastApplication(ctx context.Context, id account.ID) (*registry.Application, error)
}

func checking(ctx context.Context, r ApplicationReader, id account.ID) (bool, error) {
	app, err := r.LastApplication(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && app.State == registry.Running, err
}

// last returns the newest letter, or nil.
func last(ctx context.Context, tx interface {
	LastLetter(ctx context.Context, id account.ID) (*Letter, error)
}, id account.ID) (*Letter, error) {
	l, err := tx.LastLetter(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	return l, err
}

// codeKind separates letter codes from other keyed hashes.
const codeKind = "letter_code"

// salt binds a code to its letter and to the person that it was sent to: SNILS and birth date. Whoever
// turns the account into somebody else's after ordering holds a code that fits nobody.
func salt(letter string, p account.Person) []byte {
	return []byte(letter + "|" + p.SNILS.String() + "|" + p.BirthDate.String())
}

// personKind marks the digest of whom a letter was sent to.
const personKind = "letter_person"

// hash is the digest of a value, bound to letter and person, with the id of its key in front.
func (m *Mail) hash(kind, value, letter string, p account.Person) ([]byte, error) {
	d, err := m.Ring.KeyedHash(kind, value, salt(letter, p))
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32(nil, d.KeyID), d.Digest...), nil
}

func (m *Mail) fits(hash []byte, kind, value, letter string, p account.Person) (bool, error) {
	if len(hash) <= 4 {
		return false, nil
	}
	d := seal.IndexDigest{KeyID: binary.BigEndian.Uint32(hash), Digest: hash[4:]}
	return m.Ring.CheckKeyedHash(d, kind, value, salt(letter, p))
}

// Order orders a letter to an address, which becomes the address of residence. A live letter that the rule
// of 30 days allows to replace is replaced.
func (m *Mail) Order(ctx context.Context, id account.ID, to civil.Address) (*Letter, error) {
	to, err := civil.ParseAddress(to)
	if err != nil {
		return nil, err
	}
	a, err := m.Store.Account(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("confirm: order: %w", err)
	}
	code, err := civil.NewLetterCode(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("confirm: order: %w", err)
	}
	person, now := a.Profile.Person, m.Now()
	l := &Letter{
		ID: rand.Text(), Account: id, Name: fullName(person), Address: to, Code: code.String(), Ordered: now, Status: Ordered,
	}
	if l.CodeHash, err = m.hash(codeKind, code.String(), l.ID, person); err != nil {
		return nil, fmt.Errorf("confirm: order: %w", err)
	}
	if l.Person, err = m.hash(personKind, "", l.ID, person); err != nil {
		return nil, fmt.Errorf("confirm: order: %w", err)
	}
	err = m.Atomically(ctx, func(tx Tx) error {
		// The account's row is the lock that two parallel orders meet at.
		a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error {
			if !a.Profile.Person.SamePerson(person) {
				return ErrMoved
			}
			a.Profile.Address = &to
			return nil
		})
		if err != nil {
			return err
		}
		if err := m.may(ctx, tx, a); err != nil {
			return err
		}
		old, err := last(ctx, tx, id)
		if err != nil {
			return err
		}
		if from := NextLetter(old, m.Rest); now.Before(from) {
			return &TooSoonError{from}
		}
		if old != nil && old.Live(now) {
			if err := m.end(ctx, tx, old.ID, Replaced); err != nil {
				return err
			}
		}
		if err := tx.SaveLetter(ctx, l); err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, job.Job{Kind: JobPost, Ref: l.ID}); err != nil {
			return err
		}
		if err := m.record(ctx, tx, audit.LetterOrdered, l, ""); err != nil {
			return err
		}
		return m.Notices.Tell(ctx, tx, a, notice.LetterOrdered, notice.With{Number: l.Number()})
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: order: %w", err)
	}
	return l, nil
}

func fullName(p account.Person) string {
	return civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}.Format()
}

// end cancels a letter, if it is not over.
func (m *Mail) end(ctx context.Context, tx Tx, letter, reason string) error {
	return endLetter(ctx, tx, letter, reason, m.Now(), m.Wall())
}

// Fallen cancels the live letter and the live envelope of an account whose level was taken down: a code in the
// mail or in a drawer must not raise it again by itself. Whoever lowers an account calls it in the same
// transaction.
func Fallen(ctx context.Context, tx interface {
	Store
	EnvelopeStore
	audit.Log
}, id account.ID, now, wall time.Time) error {
	if err := endEnvelope(ctx, tx, id, now); err != nil {
		return err
	}
	l, err := last(ctx, tx, id)
	if err != nil || l == nil {
		return err
	}
	return endLetter(ctx, tx, l.ID, AccountFell, now, wall)
}

func endLetter(ctx context.Context, tx interface {
	Store
	audit.Log
}, letter, reason string, now, wall time.Time) error {
	done := false
	l, err := tx.ChangeLetter(ctx, letter, func(l *Letter) error {
		if done = l.Used.IsZero() && l.Cancelled.IsZero(); done {
			l.Cancelled, l.Reason, l.Code = now, reason, ""
		}
		return nil
	})
	if err != nil || !done {
		return err
	}
	return tx.RecordEvent(ctx, letterEvent(audit.LetterCancelled, l, reason, wall))
}

func letterEvent(kind audit.Kind, l *Letter, reason string, wall time.Time) audit.Event {
	return audit.Event{At: wall, Kind: kind, Account: l.Account, Reason: reason, Detail: map[string]string{"letter": l.ID}}
}

func (m *Mail) record(ctx context.Context, tx Tx, kind audit.Kind, l *Letter, reason string) error {
	return tx.RecordEvent(ctx, letterEvent(kind, l, reason, m.Wall()))
}

// Cancel takes the live letter's code back.
func (m *Mail) Cancel(ctx context.Context, id account.ID) error {
	err := m.Atomically(ctx, func(tx Tx) error {
		l, err := last(ctx, tx, id)
		if err != nil {
			return err
		}
		if l == nil || !l.Live(m.Now()) {
			return ErrNoLetter
		}
		return m.end(ctx, tx, l.ID, ByCitizen)
	})
	if err != nil {
		return fmt.Errorf("confirm: cancel: %w", err)
	}
	return nil
}
