package authn

import (
	"time"

	"github.com/propusk/propusk/idp/account"
)

// TakeCode uses up a code of an account's app, within a change of that account; ErrCode. It counts no tries:
// it is for those who need no door to reach the account, and who say by it that they are the owner.
func TakeCode(a *account.Account, code string, wall time.Time) error {
	if a.Credential.TOTP == nil {
		return ErrCode
	}
	s, ok := step(a.Credential.TOTP.Secret, code, wall, a.Credential.TOTP.LastStep)
	if !ok {
		return ErrCode
	}
	t := *a.Credential.TOTP
	t.LastStep = s
	a.Credential.TOTP = &t
	return nil
}
