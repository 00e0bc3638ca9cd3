// Package recovery gives citizens back an account whose password they have lost, and gives it to nobody else.
//
//	who? ─▶ a code or a link to the account's contact ─▶ SNILS and document ─▶ new password, twice
//	                                                     (if the account has a SNILS)
//
// The first answer is always "we sent a message": to the contact that was named, or for a SNILS to the
// account's own contacts. Whether there is an account stands in the message. A member of staff, an
// account locked without end, and one whose data cannot be asked recover only in person; that too stands
// in the message alone.
//
// Recovery is not a takeover (design.md 8): a verified account recovered through one contact counts as
// simplified for 72 hours, everything issued before ends, and every contact is told. It never raises a
// level. A second factor stays: who lost both comes in person.
package recovery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/transient"
)

var (
	// ErrIdentity reports that SNILS or document number are not the account's; which, is not told.
	ErrIdentity = fmt.Errorf("recovery: the data does not agree: %w", fault.Denied)
	// ErrInPerson reports that no tries are left, so that only a visit helps.
	ErrInPerson = fmt.Errorf("recovery: only in person: %w", fault.Denied)
)

// A Tx is what a recovery writes together.
type Tx interface {
	session.Tx
	notice.Outbox
	lock.Store
	job.Queue
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
}

// Accounts finds the account and tells whether its owner works for Propusk.
type Accounts interface {
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
}

// Config is what a Desk works with.
type Config struct {
	Accounts   Accounts
	Atomically func(ctx context.Context, f func(Tx) error) error
	Transients transient.Store
	Ring       *seal.Ring
	Hasher     *password.Hasher
	Rules      password.Rules
	Notices    *notice.Notices
	// Restrict is how long a verified account recovered through one contact counts as simplified: 72 h.
	Restrict  time.Duration
	Now, Wall func() time.Time
}

// A Desk recovers accounts.
type Desk struct {
	Config
	limits *limit.Keeper
	flows  *transient.Box[Flow]
	links  *transient.Box[string]
}

// New makes a Desk.
func New(c Config) *Desk {
	if c.Restrict == 0 {
		c.Restrict = 72 * time.Hour
	}
	return &Desk{
		Config: c,
		limits: &limit.Keeper{Store: c.Transients, Digest: c.Ring, Now: c.Now},
		flows:  transient.NewBox[Flow](c.Transients, c.Ring, "recover", c.Now),
		links:  transient.NewBox[string](c.Transients, c.Ring, "recover_link", c.Now),
	}
}

// flowLife is that of a flow in which nothing is proved; provedLife is how long a proof serves.
const (
	flowLife   = contact.LinkLife + time.Hour
	provedLife = time.Hour
)

// perAccount bounds guessing of SNILS and document number over all flows of one account.
var perAccount = limit.Rule{Name: "recover identity", Free: 10, Window: 7 * 24 * time.Hour}

// identityTries are those of one flow.
const identityTries = 5

// A Named is how the account was named: it decides what the pages say.
type Named string

// The ways of naming.
const (
	ByPhone Named = "phone"
	ByEmail Named = "email"
	BySNILS Named = "snils"
)

// A Flow is a recovery under way.
type Flow struct {
	Browser []byte     `json:"browser"`
	Waiting string     `json:"waiting"`
	Lang    string     `json:"lang"`
	Named   Named      `json:"named"`
	Typed   string     `json:"typed"` // canonical
	Account account.ID `json:"account,omitempty"`
	Epoch   int        `json:"epoch,omitempty"`
	// Phone and Mail are the proofs that were asked for; a SNILS may ask for both. What proves first decides.
	Phone contact.Proof `json:"phone"`
	Mail  contact.Proof `json:"mail"`
	// Since is when the first of them proved, on the movable clock.
	Since time.Time `json:"since,omitzero"`
	// Known names the browser that asks, if the account has signed in there.
	Known string `json:"known,omitempty"`
	// Mailing is what the job has to send.
	Mailing *Mailing `json:"mailing,omitempty"`
	// Identity tells that SNILS and document number are asked, Identified that they agreed.
	Identity   bool `json:"identity,omitempty"`
	Identified bool `json:"identified,omitempty"`
	Tries      int  `json:"tries,omitempty"`
}

// A Stage is what comes next in a flow.
type Stage string

// The stages.
const (
	Proving     Stage = "proving"
	Identifying Stage = "identifying"
	Choosing    Stage = "choosing" // a new password
	InPerson    Stage = "in_person"
)

// Stage names what comes next.
func (f *Flow) Stage() Stage {
	switch {
	case f.Phone.Proved.IsZero() && f.Mail.Proved.IsZero():
		return Proving
	case !f.Identity || f.Identified:
		return Choosing
	case f.Tries >= identityTries:
		return InPerson
	}
	return Identifying
}

// Through is the kind of contact that proved.
func (f *Flow) Through() account.ContactKind { return f.proof().Kind }

func (f *Flow) proof() *contact.Proof {
	if !f.Phone.Proved.IsZero() {
		return &f.Phone
	}
	return &f.Mail
}

// over tells that the proof has served its time.
func (f *Flow) over(now time.Time) bool {
	return !f.Since.IsZero() && !now.Before(f.Since.Add(provedLife))
}

// parse reads what the account is named by. Eleven digits may be a phone or a SNILS; a phone is written
// with its plus, 7, 8 or 9 at the front, and a SNILS that could be one is told by the holder's account.
func parse(typed string) ([]struct {
	named Named
	value string
}, error) {
	type name = struct {
		named Named
		value string
	}
	if strings.Contains(typed, "@") {
		e, err := civil.ParseEmail(typed)
		if err != nil {
			return nil, fault.Fields{{Name: "username", Code: civil.CodeOf(err)}}
		}
		return []name{{ByEmail, e.String()}}, nil
	}
	var out []name
	p, err := civil.ParsePhone(typed)
	if err == nil {
		out = append(out, name{ByPhone, p.String()})
	}
	if n, err := civil.ParseSNILS(typed); err == nil {
		out = append(out, name{BySNILS, n.String()})
	}
	if len(out) == 0 {
		return nil, fault.Fields{{Name: "username", Code: "login.required"}}
	}
	return out, nil
}

var keys = map[Named]account.Key{ByPhone: account.ByPhone, ByEmail: account.ByEmail, BySNILS: account.BySNILS}

// A Form is the first page, as typed.
type Form struct {
	Username                        string
	Lang, Waiting, Browser, Network string
	Mark                            string // the browser's marks, as its cookie has them
}

// Start orders the messages and returns the sealed reference to the flow. Its errors are a fault.Fields
// and a fault.RetryAfter, neither of which depends on whether there is an account. Nor does the work done
// here: every reading of the name is looked up, and the messages, of which there may be none, one or two,
// are composed by a job.
func (d *Desk) Start(ctx context.Context, in Form) (ref string, err error) {
	ns, err := parse(in.Username)
	if err != nil {
		return "", err
	}
	f := Flow{Browser: session.HashBrowser(in.Browser), Waiting: in.Waiting, Lang: in.Lang, Named: ns[0].named, Typed: ns[0].value}
	var a *account.Account
	for _, n := range ns {
		found, err := d.Accounts.FindAccount(ctx, keys[n.named], n.value)
		if err == nil && a == nil {
			// The page speaks of the first reading in any case, so it does not tell which one was found.
			a, f.Account, f.Epoch = found, found.ID, found.Epoch
		}
		if err != nil && !errors.Is(err, fault.NotFound) {
			return "", fmt.Errorf("recovery: find the account: %w", err)
		}
	}
	f.Known, _ = authn.Marked(d.Ring, in.Mark, f.Account)
	id := rand.Text()
	if err := d.prepare(ctx, id, &f, a, in.Network); err != nil {
		return "", err
	}
	if err := d.flows.Create(ctx, id, f, d.Now().Add(flowLife)); err != nil {
		return "", fmt.Errorf("recovery: start: %w", err)
	}
	return d.seal(id), d.order(ctx, id)
}

// onlyInPerson tells which accounts nobody recovers from afar: those of operators and administrators,
// those locked without end or frozen by their citizen, and those with a SNILS but no document to ask for.
func (d *Desk) onlyInPerson(ctx context.Context, members interface {
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
}, a *account.Account) (bool, error) {
	var id account.ID // nobody's 0 is asked for too: the same trips for every name
	if a != nil {
		id = a.ID
	}
	m, err := members.Member(ctx, id)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return false, fmt.Errorf("recovery: staff: %w", err)
	}
	if a == nil {
		return false, nil
	}
	endless := a.Lock.Endless()
	p := a.Profile.Person
	return err == nil && m.Active || endless || !a.Locks.Frozen.IsZero() || !p.SNILS.IsZero() && p.Document == nil, nil
}

// serves judges, in the transaction that ends a recovery, whether what was true at its beginning still is:
// the epoch, the contact that proved, that the account may be recovered from afar, and that its identity was
// asked for.
func (d *Desk) serves(ctx context.Context, tx Tx, p lock.Password, a *account.Account) error {
	held, ok := a.Profile.Contact(p.Through.Kind)
	if a.Epoch != p.Epoch || !ok || !held.Same(p.Through) || !a.Profile.Person.SNILS.IsZero() && !p.Identified {
		return contact.ErrOver
	}
	inPerson, err := d.onlyInPerson(ctx, tx, a)
	if err == nil && inPerson {
		err = contact.ErrOver
	}
	return err
}
