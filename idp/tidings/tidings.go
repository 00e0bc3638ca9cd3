// Package tidings hears what changes after the registries have agreed: a document annulled, a person
// deceased, and the day on which a document lapses.
//
// The registries keep feeds, which we read as their client and from where we left off. Every notice has an
// id, is written down in the transaction of its effect, and so has one effect however often it comes: the
// feed may repeat itself, we may die between two notices, two nodes may read at once. A notice that fails is
// read again, but not for ever: the feed goes on without it, and it is left to people.
//
//	document annulled, lapsed  →  level simplified, confirmations suspended until the registries agree anew
//	person deceased            →  the account is closed, and opened again only by an administrator
package tidings

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/registry"
)

// A Kind says what a notice tells.
type Kind string

// The kinds.
const (
	Annulled Kind = "document_annulled" // by the interior ministry
	Deceased Kind = "person_deceased"   // by the pension fund
)

// A Notice is one line of a registry's feed.
type Notice struct {
	ID        string // the registry's, stable
	Kind      Kind
	Document  civil.Document // Annulled: type and number
	SNILS     civil.SNILS    // Deceased
	BirthDate civil.Date     // Deceased
}

// What came of a notice, for the record.
const (
	Lowered  = "lowered"
	Closed   = "closed"
	Nobody   = "nobody"   // no account has the document or the SNILS
	Standing = "standing" // nothing to take: already lowered, already closed
	Mismatch = "mismatch" // the SNILS is of an account with another birth date: for people to look into
	Unread   = "unread"   // of a kind that we do not know
	Failed   = "failed"   // it could not be acted on, however often it was tried: for people to look into
	// Trying begins what stands of a notice that is tried again: after it comes how often it was tried.
	Trying = "trying:"
)

// A Page is a part of a feed.
type Page struct {
	Notices []Notice
	Next    string // the cursor after them
	More    bool   // there are further ones
}

// A Feed reads what a registry tells. An error of the kind fault.Unavailable says that the registry did not
// do its part, fault.NotFound that it keeps no feed.
type Feed interface {
	Notices(ctx context.Context, after string) (Page, error)
}

// A Store keeps how far feeds are read, and what came of each notice.
type Store interface {
	// FeedCursor returns how far a feed was read; "" at first.
	FeedCursor(ctx context.Context, b registry.Bureau) (string, error)
	SaveFeedCursor(ctx context.Context, b registry.Bureau, cursor string) error
	// NoteTiding writes a notice down, and tells whether it is new or still tried. Until the transaction ends
	// nobody else finds it so.
	NoteTiding(ctx context.Context, b registry.Bureau, id string, at time.Time) (fresh bool, err error)
	// SettleTiding writes what came of it.
	SettleTiding(ctx context.Context, b registry.Bureau, id, outcome string) error
	// Tiding returns what came of a notice; fault.NotFound.
	Tiding(ctx context.Context, b registry.Bureau, id string) (outcome string, err error)
}

// A Tx is the transaction of a notice.
type Tx interface {
	Store
	confirm.Tx
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
	FindAccounts(ctx context.Context, by account.Key, value string, limit int) ([]account.ID, error)
}

// ErrOpen reports an account that is not closed.
var ErrOpen = fmt.Errorf("tidings: the account is not closed: %w", fault.Conflict)
