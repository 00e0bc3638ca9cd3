package confirm

import (
	"context"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
)

// Enter takes the code of the live letter. What cannot be a code at all, by its length or check character,
// is a fault.Fields and costs no try; a wrong code is a WrongCodeError and costs one; an unknown, used,
// cancelled or outlived letter is ErrNoLetter, whatever was typed.
func (m *Mail) Enter(ctx context.Context, id account.ID, typed string) (*account.Confirmation, error) {
	a, err := m.Store.Account(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("confirm: enter: %w", err)
	}
	if err := m.may(ctx, m.Store, a); err != nil {
		return nil, fmt.Errorf("confirm: enter: %w", err)
	}
	l, err := last(ctx, m.Store, id)
	if err != nil {
		return nil, fmt.Errorf("confirm: enter: %w", err)
	}
	if l == nil || !l.Live(m.Now()) {
		return nil, ErrNoLetter
	}
	same, err := m.fits(l.Person, personKind, "", l.ID, a.Profile.Person)
	if err != nil {
		return nil, fmt.Errorf("confirm: enter: %w", err)
	}
	if !same { // sent to who the account was before
		if err := m.Atomically(ctx, func(tx Tx) error { return m.end(ctx, tx, l.ID, AccountFell) }); err != nil {
			return nil, fmt.Errorf("confirm: enter: %w", err)
		}
		return nil, ErrNoLetter
	}
	code, err := civil.ParseLetterCode(typed)
	if err != nil {
		return nil, fault.Fields{{Name: "letter-code", Code: civil.CodeOf(err)}}
	}
	fits, err := m.fits(l.CodeHash, codeKind, code.String(), l.ID, a.Profile.Person)
	if err != nil {
		return nil, fmt.Errorf("confirm: enter: %w", err)
	}
	var wrong error
	var proof *account.Confirmation
	err = m.Atomically(ctx, func(tx Tx) (err error) {
		if fits {
			proof, err = m.confirm(ctx, tx, l.ID, a)
			return err
		}
		wrong, err = m.miss(ctx, tx, l.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: enter: %w", err)
	}
	return proof, wrong
}

// confirm spends the letter and raises the account. Of parallel calls one finds the letter live.
func (m *Mail) confirm(ctx context.Context, tx Tx, letter string, judged *account.Account) (*account.Confirmation, error) {
	now, wall := m.Now(), m.Wall()
	l, err := tx.ChangeLetter(ctx, letter, func(l *Letter) error {
		if !l.Live(now) {
			return ErrNoLetter
		}
		l.Used, l.Code = now, ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	_, proof, err := Prove(ctx, tx, m.Notices, Proof{
		Account: l.Account, Judged: judged.Profile.Person, Now: now, Wall: wall,
		Confirmation: account.Confirmation{Method: account.MailCode, Letter: l.ID, Track: l.Track, Batch: l.Batch},
		Detail:       batchDetail(l),
	})
	if err != nil {
		return nil, err
	}
	return &proof, nil
}

func batchDetail(l *Letter) map[string]string {
	if l.Batch == "" {
		return nil
	}
	return map[string]string{"batch": l.Batch}
}

// miss counts a wrong code, which must stand although the citizen is refused.
func (m *Mail) miss(ctx context.Context, tx Tx, letter string) (error, error) {
	now, spent := m.Now(), false
	l, err := tx.ChangeLetter(ctx, letter, func(l *Letter) error {
		spent = false
		if !l.Live(now) {
			return ErrNoLetter
		}
		if l.Tries++; l.Tries >= m.Tries {
			l.Cancelled, l.Reason, l.Code, spent = now, TriesSpent, "", true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := m.record(ctx, tx, audit.LetterWrongCode, l, ""); err != nil {
		return nil, err
	}
	if spent {
		if err := m.record(ctx, tx, audit.LetterCancelled, l, TriesSpent); err != nil {
			return nil, err
		}
		a, err := tx.Account(ctx, l.Account)
		if err != nil {
			return nil, err
		}
		if err := m.Notices.Tell(ctx, tx, a, notice.LetterSpent, notice.With{Until: NextLetter(l, m.Rest)}); err != nil {
			return nil, err
		}
	}
	return &WrongCodeError{Left: max(0, m.Tries-l.Tries)}, nil
}
