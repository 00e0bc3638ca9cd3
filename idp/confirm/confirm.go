// Package confirm leads from standard to verified: the letter with a code, the visit to a service centre,
// and the frame that further methods stand in.
package confirm

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/contact"
)

// A LetterStatus is where a registered letter is.
type LetterStatus string

// The statuses, in the post's words.
const (
	Ordered    LetterStatus = "ordered" // not yet taken by the post, nor by who prints it
	Accepted   LetterStatus = "accepted"
	Printed    LetterStatus = "printed"
	HandedOver LetterStatus = "handed_over"
	InTransit  LetterStatus = "in_transit"
	Arrived    LetterStatus = "arrived"
	Delivered  LetterStatus = "delivered"
	Returned   LetterStatus = "returned"
	// Refused is never a letter's status: it is what a post says of one that it does not take. The letter is
	// cancelled by it.
	Refused LetterStatus = "refused"
)

// Why letters are cancelled.
const (
	ByCitizen   = "citizen"
	CameBack    = "returned"
	TriesSpent  = "tries"
	Replaced    = "replaced"
	AccountFell = "fallen"
	PostRefused = "post_refused"
)

// lost is how long after its order a letter that nobody handed over to the post is thought to be on its way.
const lost = 90 * 24 * time.Hour

// A LetterEvent is a line of tracking.
type LetterEvent struct {
	Status LetterStatus `json:"status"`
	At     time.Time    `json:"at"`
	Place  string       `json:"place,omitempty"`
}

// A Letter is a registered letter with a confirmation code. The code itself is kept only until the post
// has taken the letter, encrypted, and as a keyed hash for as long as the letter lives.
type Letter struct {
	ID        string
	Account   account.ID
	Name      string        // of the addressee, as printed; encrypted at rest
	Address   civil.Address // encrypted at rest
	Code      string        // encrypted at rest; empty once the post has the letter
	CodeHash  []byte
	Person    []byte // keyed hash of whom it was sent to: another person's account cannot use it
	Tries     int    // wrong codes so far; five end the letter
	Ordered   time.Time
	Track     string
	Status    LetterStatus
	Events    []LetterEvent
	ValidTill time.Time // Now: 45 days from hand-over; zero before it
	Used      time.Time
	Cancelled time.Time
	Reason    string // of the cancellation
	Reminded  time.Time
	// Batch is what the letter was printed and sent with: a printer's batch, or else the day. Recalls go by it.
	Batch   string
	Version int64
}

// Taken tells whether the post has the letter, or who prints it.
func (l *Letter) Taken() bool { return l.Status != "" && l.Status != Ordered }

// Live tells whether the letter's code can still be entered at now.
func (l *Letter) Live(now time.Time) bool {
	till := l.ValidTill
	if till.IsZero() {
		till = l.Ordered.Add(lost)
	}
	return l.Used.IsZero() && l.Cancelled.IsZero() && now.Before(till)
}

// A Batch is letters that a printer is given together. Nothing in it is personal.
type Batch struct {
	ID       string    `json:"id"`
	Gathered time.Time `json:"gathered"`
	Written  time.Time `json:"written,omitzero"`  // since when it lies where the printer takes it
	Letters  []string  `json:"letters,omitempty"` // as written
}

// A Visit is an operator's opening of a citizen's account, and how it ended.
type Visit struct {
	ID       string
	Number   string // printed form, such as "Ц-0417-118"
	Account  account.ID
	Operator account.ID
	Centre   string
	Reason   string
	Opened   time.Time
	Closed   time.Time
	At       time.Time `json:",omitzero"` // Closed on the wall clock
	Outcome  string    // "": open
	Mismatch []string
	Person   *account.Person // as compared, once confirmed: what the form prints; encrypted at rest
	Version  int64
	Shown    []byte // digest of what was compared: it must still stand
	// Risks are why a colleague must look too, and Second is who did.
	Risks  []Risk     `json:",omitempty"`
	Second account.ID `json:",omitempty"`
	// Phone is a number that the person at the window is proving, or has proved.
	Phone *contact.Proof `json:",omitempty"`
	// New is the data of a new document, as the operator typed it; it is what is compared then.
	New *account.Person `json:",omitempty"`
	// Application is what the registries were asked with: its answer ends the visit, and no other's does.
	Application string `json:",omitempty"`
	// Code is the envelope's, for as long as its paper can be printed.
	Code string `json:",omitempty"`
	// Looked are the colleagues who have opened a visit that waits.
	Looked []account.ID `json:",omitempty"`
	// Others are accounts that may be the same person's.
	Others []Other `json:",omitempty"`
}

// A Store keeps letters and visits.
type Store interface {
	SaveLetter(ctx context.Context, l *Letter) error // new
	Letter(ctx context.Context, id string) (*Letter, error)
	// LastLetter returns the newest letter of an account; fault.NotFound.
	LastLetter(ctx context.Context, id account.ID) (*Letter, error)
	// ChangeLetter loads, applies f and writes under a lock, in the transaction it belongs to.
	ChangeLetter(ctx context.Context, id string, f func(*Letter) error) (*Letter, error)
	// LiveLetters lists the letters ordered since a time that are neither used nor cancelled, the oldest first.
	LiveLetters(ctx context.Context, since time.Time, limit int) ([]*Letter, error)

	// QueueLetter lets a letter wait for a batch; one that waits or is in one stays there.
	QueueLetter(ctx context.Context, id string, at time.Time) error
	PutInBatch(ctx context.Context, id, batch string) error
	UnqueueLetter(ctx context.Context, id string) error
	// BatchLetters lists the letters of a batch, the first ordered first; those that wait are in batch "".
	BatchLetters(ctx context.Context, batch string, limit int) ([]string, error)
	SaveBatch(ctx context.Context, b *Batch) error // new or changed
	Batch(ctx context.Context, id string) (*Batch, error)
	Batches(ctx context.Context, limit int) ([]*Batch, error) // the newest first

	SaveVisit(ctx context.Context, v *Visit) error // new
	Visit(ctx context.Context, id string) (*Visit, error)
	ChangeVisit(ctx context.Context, id string, f func(*Visit) error) (*Visit, error)
	// VisitsOf lists the visits that were opened at a centre since a time, the newest first.
	VisitsOf(ctx context.Context, centre string, since time.Time, limit int) ([]*Visit, error)
}
