package storagetest

import (
	"errors"
	"testing"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage/sqlstore"
)

// tx is the stores inside a transaction.
type tx = sqlstore.Stores

// Conformance holds stores to the contracts of the domain.
func Conformance(t *testing.T, s *Stores) {
	for _, part := range []struct {
		name string
		test func(*testing.T, *Stores)
	}{
		{"accounts", accounts}, {"sessions", sessions}, {"consents", consents}, {"grants", grants},
		{"applications", applicationsTest}, {"letters and visits", lettersAndVisits}, {"desks of centres", desks}, {"claims", claimsTest}, {"changes that wait", pendings}, {"wishes", wishes}, {"parties", parties}, {"partners", partners}, {"vouchings", vouchings},
		{"events", events}, {"messages", messages}, {"deliveries", deliveries}, {"office", office}, {"anchors", anchors}, {"batches of letters", batchesTest}, {"sources of confirmations", sources}, {"recalls", recalls}, {"what is in use", inUse},
		{"keyring", keyring},
		{"sign-ins", signIns}, {"transients", transients}, {"meters", meters}, {"jobs", jobs}, {"nodes", nodes}, {"seeding", seeding},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, s) })
	}
}

// is checks the kind of an error.
func is(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got error %v, want one that is %v", what, err, kind)
	}
}

// ok ends the test at an error.
func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// absent checks for fault.NotFound.
func absent(t *testing.T, what string, err error) {
	t.Helper()
	is(t, what, err, fault.NotFound)
}
