package confirm

import (
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
)

// A Risk is why one pair of eyes is not enough for an act at a window.
type Risk string

// The risks.
const (
	FreshContact   Risk = "contact"  // a contact was added a few days ago: somebody else may be reached by it
	FreshAccess    Risk = "restored" // access was or is being restored: whoever comes may be whoever took it
	GreatAge       Risk = "age"      // the old are those whom others bring to windows
	CannotBeUndone Risk = "final"
)

// RiskRules say when a second operator must look. Zero values take the defaults.
type RiskRules struct {
	Fresh time.Duration // how long a contact or a restored access is fresh; 7 days; negative: never
	Age   int           // years from which on; 80; negative: never
	Off   bool          // one person is always enough, but for what cannot be undone
}

func (r *RiskRules) usual() {
	if r.Fresh == 0 {
		r.Fresh = 7 * 24 * time.Hour
	}
	if r.Age == 0 {
		r.Age = 80
	}
}

// settling is how long after its beginning an account's contacts count as the ones it began with.
const settling = time.Hour

// Risks judges an act. It is a pure function.
func (r RiskRules) Risks(a *account.Account, why VisitReason, now, wall time.Time, today civil.Date) []Risk {
	var out []Risk
	fresh := func(at, clock time.Time) bool { return r.Fresh > 0 && !at.IsZero() && clock.Before(at.Add(r.Fresh)) }
	if slices.ContainsFunc(a.Profile.Contacts, func(c account.Contact) bool {
		return c.Proved.After(a.Created.Add(settling)) && fresh(c.Proved, wall)
	}) {
		out = append(out, FreshContact)
	}
	if why == ToRestore || now.Before(a.RestrictedUntil) || fresh(a.Credential.Restored.At, now) {
		out = append(out, FreshAccess)
	}
	if birth := a.Profile.Person.BirthDate; r.Age > 0 && !birth.IsZero() && birth.Age(today) >= r.Age {
		out = append(out, GreatAge)
	}
	if r.Off {
		out = nil
	}
	if why == ToDelete {
		out = append(out, CannotBeUndone)
	}
	return out
}
