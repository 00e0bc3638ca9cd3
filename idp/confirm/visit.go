package confirm

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/seal"
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

// The reasons, which are what is done once the comparison has agreed.
const (
	ToConfirm  VisitReason = "confirm"
	ToHandCode VisitReason = "code"    // an activation code in an envelope, entered at home
	ToRestore  VisitReason = "restore" // a new phone, and a way to a new password
	ToCorrect  VisitReason = "correct" // the data of a new document, checked and confirmed
	ToDelete   VisitReason = "delete"
)

// ToRegister opens an account for somebody who has none: RegisterHere makes such visits, and no search.
const ToRegister VisitReason = "register"

// VisitReasons lists the reasons for which an account is searched, in the order of forms.
func VisitReasons() []VisitReason {
	return []VisitReason{ToConfirm, ToHandCode, ToRestore, ToCorrect, ToDelete}
}

func (r VisitReason) valid() bool { return slices.Contains(VisitReasons(), r) }

// The outcomes of a visit.
const (
	VisitConfirmed = "confirmed"
	VisitHanded    = "handed"
	VisitRestored  = "restored"
	VisitChecking  = "checking" // the registries have new data
	VisitDeleted   = "deleted"
	VisitRefused   = "refused"
	VisitWaiting   = "waiting" // for a colleague's eyes
)

// outcome is what a visit for this reason comes to when all agrees.
func (r VisitReason) outcome() string {
	switch r {
	case ToHandCode:
		return VisitHanded
	case ToRestore:
		return VisitRestored
	case ToCorrect, ToRegister:
		return VisitChecking
	case ToDelete:
		return VisitDeleted
	}
	return VisitConfirmed
}

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
	// Closed is an account whose owner was reported to have died: an administrator opens it again, no window does.
	Closed Obstacle = "closed"
	// Lowered is an account whose data counted once and does not now: its document was annulled, or it was taken
	// down. With the person before them operators put it right, give access back or close it.
	Lowered Obstacle = "lowered"
	// Staff is somebody who works for a centre. No window takes their account over or away, or one operator could
	// act as another: their membership ends first.
	Staff Obstacle = "staff"
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
	FindAccounts(ctx context.Context, by account.Key, value string, limit int) ([]account.ID, error)
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
	Centre(ctx context.Context, id string) (*centre.Centre, error)
	Visit(ctx context.Context, id string) (*Visit, error)
	LastApplication(ctx context.Context, id account.ID) (*registry.Application, error)
	LastLetter(ctx context.Context, id account.ID) (*Letter, error)
	LastEnvelope(ctx context.Context, id account.ID) (*Envelope, error)
	LastVisit(ctx context.Context, id account.ID) (*Visit, error)
	VisitsOf(ctx context.Context, centre string, since time.Time, limit int) ([]*Visit, error)
	Application(ctx context.Context, id string) (*registry.Application, error)
	EventsBy(ctx context.Context, actor account.ID, before int64, limit int) ([]audit.Event, error)
}

// A VisitTx is the transaction of a step of a visit.
type VisitTx interface {
	Tx
	registry.Tx
	CreateAccount(ctx context.Context, a *account.Account) error
	FindAccounts(ctx context.Context, by account.Key, value string, limit int) ([]account.ID, error)
	// RemoveUnclaimed erases an account that nobody has taken over; fault.Conflict if somebody has.
	RemoveUnclaimed(ctx context.Context, id account.ID) error
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
	EnvelopeStore
	// EraseAccount removes an account with all that is kept of it; events stay, which name nobody.
	EraseAccount(ctx context.Context, id account.ID) error
}

// VisitConfig is what Visits work with.
type VisitConfig struct {
	Read       VisitReader
	Atomically func(ctx context.Context, f func(VisitTx) error) error
	Notices    *notice.Notices
	Print      VisitPrinter
	Codes      *VisitCodes
	// Registry checks the data that is taken down at a window.
	Registry interface {
		File(ctx context.Context, tx registry.Tx, f registry.Filing) (*registry.Application, error)
		Today() civil.Date
	}
	// Processing is the version of the consent to the processing of personal data that is signed there.
	Processing string
	Ring       *seal.Ring
	Limits     *limit.Keeper
	// Two says when one operator is not enough.
	Two RiskRules
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
	c.Two.usual()
	return &Visits{c}
}

func (v *Visits) today() civil.Date { return civil.DateOf(v.Now().In(v.Zone)) }
