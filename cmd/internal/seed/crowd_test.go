package seed

import (
	"testing"

	"github.com/propusk/propusk/idp/civil"
)

func TestCrowdMembersAreRightAndDifferent(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range []int{0, 1, 2, 99, 100, 101, 999, 12345, 999_999, 9_999_999} {
		m := crowdMember(n)
		if _, err := civil.ParseDocument(*m.Person.Document, m.Person.BirthDate, civil.DateOf(epoch)); err != nil {
			t.Errorf("member %d: %v", n, err)
		}
		for _, key := range []string{m.Phone.String(), m.Person.SNILS.String(), m.Person.INN.String(), m.Person.Document.Number, m.Email.Key()} {
			if seen[key] {
				t.Errorf("member %d repeats %s", n, key)
			}
			seen[key] = true
		}
	}
}
