package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

// A key is one thing by which an account is found.
type key struct {
	kind    account.Key
	value   string
	checked bool
}

// sole tells that nobody else may hold it: contacts are all proved, a SNILS counts once it is checked.
func (k key) sole() bool {
	return k.kind == account.ByPhone || k.kind == account.ByEmail || k.kind == account.BySNILS && k.checked
}

// lookupOf lists the keys of an account. Its civil types have normalised them.
func lookupOf(a *account.Account) map[key]bool {
	keys := map[key]bool{}
	p := &a.Profile.Person
	checked := !a.Profile.Checked.IsZero()
	for _, c := range a.Profile.Contacts {
		keys[key{account.Key(c.Kind), c.Key(), true}] = true
	}
	if !p.SNILS.IsZero() {
		keys[key{account.BySNILS, p.SNILS.String(), checked}] = true
	}
	if p.Document != nil {
		keys[key{account.ByDocument, p.Document.Key(), checked}] = true
	}
	if !p.BirthDate.IsZero() {
		name := civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}
		keys[key{account.ByPerson, civil.PersonKey(name, p.BirthDate), checked}] = true
	}
	return keys
}

var (
	lookupTaken = both(`
		SELECT account FROM lookup WHERE kind = $1 AND key_id = $2 AND digest = $3 AND sole = 1 AND account <> $4`)
	lookupAdd = both(`
		INSERT INTO lookup (kind, key_id, digest, account, checked, sole) VALUES ($1, $2, $3, $4, $5, $6)`)
	lookupDrop  = both(`DELETE FROM lookup WHERE account = $1 AND kind = $2`)
	lookupFound = together(`
		SELECT {n} `+accountColumns+` FROM {join} lookup l JOIN account a ON a.id = l.account
		WHERE l.kind = $1 AND l.key_id = $2 AND l.digest = $3 AND l.sole = 1`, false, textual, whole, octets)
	lookupAll = both(`
		SELECT account FROM lookup WHERE kind = $1 AND key_id = $2 AND digest = $3 ORDER BY account LIMIT $4`)
)

// claim refuses keys that another account holds. One that comes between this look and the writing is met
// by the unique index, and then the whole transaction runs anew and sees it here.
func (s *Stores) claim(ctx context.Context, id account.ID, keys map[key]bool) error {
	for k := range keys {
		if !k.sole() {
			continue
		}
		for _, d := range s.r.vault.Ring.Digests(string(k.kind), k.value) {
			others, err := list(ctx, s, scanInt, lookupTaken, string(k.kind), int64(d.KeyID), d.Digest, int64(id))
			if err != nil {
				return said("look for another holder", err)
			}
			if len(others) > 0 {
				return fmt.Errorf("sqlstore: the %s is another account's: %w", k.kind, fault.Exists)
			}
		}
	}
	return nil
}

func scanInt(row scanner) (int64, error) {
	var n int64
	err := row.Scan(&n)
	return n, err
}

// addLookup writes rows under every index key there is.
func (s *Stores) addLookup(ctx context.Context, id account.ID, keys map[key]bool) error {
	for k := range keys {
		for _, d := range s.r.vault.Ring.Digests(string(k.kind), k.value) {
			_, err := s.exec(ctx, lookupAdd, string(k.kind), int64(d.KeyID), d.Digest, int64(id), number(k.checked), number(k.sole()))
			if err != nil && s.r.db.dialect.taken(err) {
				return errAgain
			}
			if err != nil {
				return said("write lookup", err)
			}
		}
	}
	return nil
}

// changeLookup writes anew the kinds that changed. Whole kinds, because rows under an index key that has
// since been dropped could not be told by their digest.
func (s *Stores) changeLookup(ctx context.Context, id account.ID, before, after map[key]bool) error {
	kinds := map[account.Key]bool{}
	for k := range before {
		if !after[k] {
			kinds[k.kind] = true
		}
	}
	added := map[key]bool{}
	for k := range after {
		if !before[k] {
			kinds[k.kind] = true
			added[k] = true
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	if err := s.claim(ctx, id, added); err != nil {
		return err
	}
	for kind := range kinds {
		if _, err := s.exec(ctx, lookupDrop, int64(id), string(kind)); err != nil {
			return said("drop lookup", err)
		}
	}
	for k := range after {
		if kinds[k.kind] {
			added[k] = true
		}
	}
	return s.addLookup(ctx, id, added)
}

// FindAccount returns the account that alone holds a key (account.Store). Newest index key first: only
// while an older one is being dropped does a key that nobody holds cost a second trip.
func (s *Stores) FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error) {
	for _, d := range s.r.vault.Ring.Digests(string(by), folded(by, value)) {
		var a accountRow
		err := s.hotRow(ctx, lookupFound, string(by), int64(d.KeyID), d.Digest).Scan(a.dest()...)
		if err == nil {
			return s.r.openAccount(&a)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return nil, said("find account by "+string(by), err)
		}
	}
	return nil, fmt.Errorf("sqlstore: find account by %s: %w", by, fault.NotFound)
}

// FindAccounts returns the ids of all accounts with a key (account.Store).
func (s *Stores) FindAccounts(ctx context.Context, by account.Key, value string, limit int) ([]account.ID, error) {
	var out []account.ID
	seen := map[int64]bool{}
	for _, d := range s.r.vault.Ring.Digests(string(by), folded(by, value)) {
		ids, err := list(ctx, s, scanInt, lookupAll, string(by), int64(d.KeyID), d.Digest, limit)
		if err != nil {
			return nil, said("find accounts by "+string(by), err)
		}
		for _, id := range ids {
			if !seen[id] && len(out) < limit {
				seen[id] = true
				out = append(out, account.ID(id))
			}
		}
	}
	return out, nil
}

// folded is a value as lookupOf has it.
func folded(by account.Key, value string) string {
	return account.Contact{Kind: account.ContactKind(by), Value: value}.Key()
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
