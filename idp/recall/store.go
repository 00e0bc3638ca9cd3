package recall

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/rp"
)

// A Mark is a place in the list of confirmations of a source; the zero one is its beginning.
type Mark struct {
	At           time.Time
	Account      account.ID
	Confirmation string
}

// A Sourced is a confirmation of a source, and the account that has it.
type Sourced struct {
	Mark
	Standing account.Standing
}

// A Use is a relying party that an account is signed in to now, and through how many grants.
type Use struct {
	Account account.ID
	Client  rp.ID
	Grants  int
}

// A Store keeps recalls. What it says of sources is as true as the accounts: it follows every write of
// theirs in the same transaction.
type Store interface {
	SaveRecall(ctx context.Context, r *Recall) error // new
	// Recall returns a recall; fault.NotFound.
	Recall(ctx context.Context, id ID) (*Recall, error)
	// Recalls lists the newest, at most limit.
	Recalls(ctx context.Context, limit int) ([]*Recall, error)
	// ChangeRecall loads, applies f and writes under a lock, in the transaction it belongs to.
	ChangeRecall(ctx context.Context, id ID, f func(*Recall) error) (*Recall, error)

	// Sourced lists confirmations that a filter takes, at most limit, after a mark. The confirmations are in
	// order of time; an account comes once for each. Some that are just outside of the window may come too.
	Sourced(ctx context.Context, f Filter, after Mark, limit int) ([]Sourced, error)
	// Confirmers lists who confirmed anybody, by kind, at most limit, in order.
	Confirmers(ctx context.Context, k Kind, limit int) ([]string, error)
	// AliveSessions counts the sessions of accounts that have not ended by now.
	AliveSessions(ctx context.Context, of []account.ID, now time.Time) (int, error)
	// Uses lists the relying parties that accounts are signed in to now.
	Uses(ctx context.Context, of []account.ID, now time.Time) ([]Use, error)

	// UnusedLetters lists letters ordered since a time that are neither used nor cancelled, at most limit, in
	// order of time and id; those of that very time after one by its id ("": from the first).
	UnusedLetters(ctx context.Context, since time.Time, after string, limit int) ([]*confirm.Letter, error)
	// UnusedEnvelopes lists the like made since a time, at most limit, in order of id, after one.
	UnusedEnvelopes(ctx context.Context, since time.Time, after string, limit int) ([]*confirm.Envelope, error)

	// Gather makes an item of every account that has a confirmation taken by the filter and is no item yet,
	// and tells how many those are. Some whose confirmation is just outside of the window may be among them.
	Gather(ctx context.Context, id ID, f Filter) (int, error)
	// AddItems makes items of accounts that are none yet, and tells how many those are.
	AddItems(ctx context.Context, id ID, of []account.ID) (int, error)
	// TakeItems returns items in a state, at most limit, of accounts after one, in order, and locks them
	// until the transaction ends. Items that another transaction has taken are left out.
	TakeItems(ctx context.Context, id ID, s ItemState, after account.ID, limit int) ([]Item, error)
	// SettleItem writes an item that TakeItems returned.
	SettleItem(ctx context.Context, id ID, i Item) error
	// Progress counts the items.
	Progress(ctx context.Context, id ID) (Progress, error)
	// StandRecall returns the state, which then stands until the transaction ends.
	StandRecall(ctx context.Context, id ID) (State, error)
}

// A Tx is the transaction in which a recall takes a step or treats accounts.
type Tx interface {
	Store
	confirm.Tx
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
}
