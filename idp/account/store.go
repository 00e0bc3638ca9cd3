package account

import "context"

// A Key says by what an account is looked up. Values are normalised by their civil types before they
// reach the store, which keeps only keyed digests of them.
type Key string

// The keys of the lookup.
const (
	ByPhone    Key = "phone"    // unique once proved; all contacts of an Account are proved
	ByEmail    Key = "email"    // unique once proved; in any case of its letters
	BySNILS    Key = "snils"    // unique once checked; claimed in the verdict's transaction
	ByDocument Key = "document" // type and number; not unique
	ByPerson   Key = "person"   // normalised full name and birth date; not unique
)

// A Store keeps accounts. Its methods are atomic and safe for concurrent use.
type Store interface {
	// Account returns the account, or an error that is fault.NotFound.
	Account(ctx context.Context, id ID) (*Account, error)
	// FindAccount returns the account that holds a unique key (checked SNILS only), or fault.NotFound.
	FindAccount(ctx context.Context, by Key, value string) (*Account, error)
	// FindAccounts returns the ids of all accounts with a key, checked or not, at most limit.
	FindAccounts(ctx context.Context, by Key, value string, limit int) ([]ID, error)
	// CreateAccount writes a new account; fault.Exists if one of its contacts is taken.
	CreateAccount(ctx context.Context, a *Account) error
	// ChangeAccount loads the account, applies f and writes the result in one transaction, the lookup
	// rows with it. After a collision f runs again, so it must be pure. fault.Exists if the change
	// claims a contact or a checked SNILS that another account holds.
	ChangeAccount(ctx context.Context, id ID, f func(*Account) error) (*Account, error)
}
