package confirm

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/registry"
)

// A visit: a citizen comes to a service centre with the document of their profile in hand.
//
//	search ─▶ open ─▶ compare ─┬─▶ confirmed ─▶ the application form, two copies
//	                           └─▶ refused
//
// What is confirmed is what was compared: a visit remembers a digest of it, and an account of which that
// changed meanwhile must be opened again. Every search and every opening is recorded with its
// reason, whether anything came of it or not.

// A VisitReason is why somebody came to the window.
type VisitReason string

// The reasons. A confirmation serves the second too: it ends the time in which an account that was
// recovered through one contact counts as simplified (design.md 8).
const (
	ToConfirm VisitReason = "confirm"
	ToRestore VisitReason = "restore"
	ToCorrect VisitReason = "correct"
)

// VisitReasons lists the reasons in the order of forms.
func VisitReasons() []VisitReason { return []VisitReason{ToConfirm, ToRestore, ToCorrect} }

func (r VisitReason) valid() bool { return r == ToConfirm || r == ToRestore || r == ToCorrect }

// The outcomes of a visit.
const (
	VisitConfirmed = "confirmed"
	VisitRefused   = "refused"
)

const (
	// VisitLife is how long an opened visit can be decided: the person stands at the window.
	VisitLife = time.Hour
	// FormLife is how long the application form of a visit can be printed.
	FormLife = 24 * time.Hour
)

var (
	// ErrNotStaff reports somebody who does not serve at a window: no member of staff, one whose
	// membership has ended, an administrator.
	ErrNotStaff = fmt.Errorf("confirm: not an operator of a centre: %w", fault.Denied)
	// ErrNobody reports that no account holds the SNILS as checked.
	ErrNobody = fmt.Errorf("confirm: nobody with these numbers: %w", fault.NotFound)
	// ErrOtherDocument reports that the account of the SNILS has another document than the one in hand.
	ErrOtherDocument = fmt.Errorf("confirm: the profile has another document: %w", fault.NotFound)
	// ErrNoVisit reports a visit that is not there, or is another operator's.
	ErrNoVisit = fmt.Errorf("confirm: no such visit: %w", fault.NotFound)
	// ErrChanged reports that the account is not what was opened. Whoever compared must open it again.
	ErrChanged = fmt.Errorf("confirm: the account changed since it was opened: %w", fault.Conflict)
	// ErrVisitClosed reports a visit that has ended another way.
	ErrVisitClosed = fmt.Errorf("confirm: the visit is closed: %w", fault.Conflict)
	// ErrVisitOver reports a visit, or a form, whose time is over.
	ErrVisitOver = fmt.Errorf("confirm: the visit's time is over: %w", fault.Expired)
)

// An Obstacle is why an account cannot be confirmed at this window now. It is an error of the kind
// fault.Denied.
type Obstacle string

// The obstacles. The first two are between operator and citizen, and close the account's data too.
const (
	OwnAccount    Obstacle = "own"
	SharesContact Obstacle = "shares_contact"
	NotStandard   Obstacle = "not_standard"
	ChecksRunning Obstacle = "checks_running"
	DocumentLapse Obstacle = "lapsed"
)

func (o Obstacle) Error() string { return "confirm: cannot be confirmed: " + string(o) }

// Is makes an Obstacle an error of the kind fault.Denied.
func (o Obstacle) Is(target error) bool { return target == fault.Denied }

// Partial tells that the operator is not impartial, and so sees nothing and decides nothing.
func (o Obstacle) Partial() bool { return o == OwnAccount || o == SharesContact }

// An Operator is who asks, and from where: for the audit events. The desk reads the membership itself,
// each time.
type Operator struct {
	Account account.ID
	Session string // ids only
	Device  string
	Request string
}

// A VisitReader is what visits read outside of a transaction.
type VisitReader interface {
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
	Centre(ctx context.Context, id string) (*centre.Centre, error)
	Visit(ctx context.Context, id string) (*Visit, error)
	LastApplication(ctx context.Context, id account.ID) (*registry.Application, error)
	LastLetter(ctx context.Context, id account.ID) (*Letter, error)
	EventsBy(ctx context.Context, actor account.ID, before int64, limit int) ([]audit.Event, error)
}

// A VisitTx is the transaction of a step of a visit.
type VisitTx interface {
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	ChangeAccount(ctx context.Context, id account.ID, f func(*account.Account) error) (*account.Account, error)
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
	LastApplication(ctx context.Context, id account.ID) (*registry.Application, error)
	SaveVisit(ctx context.Context, v *Visit) error
	ChangeVisit(ctx context.Context, id string, f func(*Visit) error) (*Visit, error)
	// Pendings and ChangePending are the locks that a visit opens, Queue what follows a rise.
	Pendings(ctx context.Context, a account.ID) ([]*lock.Pending, error)
	ChangePending(ctx context.Context, id string, f func(*lock.Pending) error) (*lock.Pending, error)
	job.Queue
	audit.Log
	notice.Outbox
}

// VisitConfig is what Visits work with.
type VisitConfig struct {
	Read       VisitReader
	Atomically func(ctx context.Context, f func(VisitTx) error) error
	Notices    *notice.Notices
	Print      VisitPrinter
	Codes      *VisitCodes
	// Zone is that of the dates on paper and of the operator's day; nil means Moscow's.
	Zone      *time.Location
	Now, Wall func() time.Time
}

// Visits is the desk of the service centres.
type Visits struct{ VisitConfig }

// NewVisits makes the desk.
func NewVisits(c VisitConfig) *Visits {
	if c.Zone == nil {
		c.Zone = time.FixedZone("MSK", 3*60*60)
	}
	return &Visits{c}
}

func (v *Visits) today() civil.Date { return civil.DateOf(v.Now().In(v.Zone)) }
