package authn

import (
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn/password"
)

// Admissible judges a new password typed twice by rules: wrong fields "password" and "password-again",
// or nil.
func Admissible(rules password.Rules, pw, again string, personal ...string) error {
	return rules.Admissible(pw, again, personal...)
}

// Personal is what others know of a citizen, and so must not stand in the password.
func Personal(a *account.Account) []string {
	out := []string{
		a.Profile.Person.FamilyName.String(), a.Profile.Person.GivenName.String(), a.Profile.Person.Patronymic.String(),
		a.Profile.Person.SNILS.String(),
	}
	for _, c := range a.Profile.Contacts {
		out = append(out, c.Value)
	}
	return out
}
