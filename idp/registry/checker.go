package registry

import (
	"context"
	"slices"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
)

// An Answer is what a registry said.
type Answer struct {
	Verdict Verdict  // Waiting: it has the question and will answer later
	Fields  []string // refused: what differs, as Fields names them
	INN     civil.INN
}

// A Checker asks one registry. An error of the kind fault.Unavailable says that the registry did not do
// its part; package outside has the codes.
type Checker interface {
	// Ask puts the question under a stable id: a repeat has the same answer.
	Ask(ctx context.Context, id string, p account.Person) (Answer, error)
	// Poll asks for the answer to a question put before; fault.NotFound if the registry has lost it.
	Poll(ctx context.Context, id string) (Answer, error)
}

// fields are the names that registries may say differ.
var fields = []string{
	"family_name", "given_name", "patronymic", "sex", "birth_date", "birth_place", "citizenship",
	"snils", "document_number", "issued_on", "issuer", "department_code",
}

// Fields lists the names of the fields that registries compare, in the order of the form.
func Fields() []string { return slices.Clone(fields) }

// KnownFields tells whether a registry names only fields that there are, and at least one.
func KnownFields(names []string) bool {
	for _, n := range names {
		if !slices.Contains(fields, n) {
			return false
		}
	}
	return len(names) > 0
}
