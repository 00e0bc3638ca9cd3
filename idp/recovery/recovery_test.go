package recovery

import (
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage/storagetest"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestStagesFollowEachOther(t *testing.T) {
	proved := contact.Proof{Kind: account.Phone, Proved: noon}
	for _, c := range []struct {
		name string
		flow Flow
		want Stage
	}{
		{"nothing proved", Flow{Identity: true}, Proving},
		{"proved, no SNILS in the account", Flow{Phone: proved}, Choosing},
		{"proved by mail", Flow{Mail: proved}, Choosing},
		{"proved, SNILS asked", Flow{Phone: proved, Identity: true}, Identifying},
		{"data agreed", Flow{Phone: proved, Identity: true, Identified: true, Tries: 5}, Choosing},
		{"no tries left", Flow{Phone: proved, Identity: true, Tries: 5}, InPerson},
		{"identified without a proof gains nothing", Flow{Identity: true, Identified: true}, Proving},
	} {
		if got := c.flow.Stage(); got != c.want {
			t.Errorf("%s: stage %s, want %s", c.name, got, c.want)
		}
	}
}

func TestNamesAreReadAsPeopleWriteThem(t *testing.T) {
	for typed, want := range map[string]Named{
		"8 900 000-00-41": ByPhone, "maria@example.org": ByEmail, "112-233-445 95": BySNILS,
	} {
		ns, err := parse(typed)
		if err != nil {
			t.Fatalf("parse(%q): %v", typed, err)
		}
		found := false
		for _, n := range ns {
			found = found || n.named == want
		}
		if !found {
			t.Errorf("parse(%q) = %v, want %s", typed, ns, want)
		}
	}
	for _, typed := range []string{"", "Мария", "123", "@", "a@b@c"} {
		if _, err := parse(typed); !errors.Is(err, fault.Invalid) {
			t.Errorf("parse(%q) = %v, want Invalid", typed, err)
		}
	}
}

func TestIdentityNeedsBothNumbers(t *testing.T) {
	a := &account.Account{Profile: account.Profile{Person: storagetest.Person(t)}}
	p := a.Profile.Person
	for _, c := range []struct {
		name   string
		number string
		own    bool
		want   bool
	}{
		{"both, in groups", p.Document.Number[:4] + " " + p.Document.Number[4:], true, true},
		{"another document", "4500000001", true, false},
		{"another SNILS", p.Document.Number, false, false},
		{"nothing", "", true, false},
	} {
		snils := p.SNILS
		if !c.own {
			snils = storagetest.SNILS(t)
		}
		if got := agrees(a, snils, c.number); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	a.Profile.Person.Document = nil
	if agrees(a, p.SNILS, "") {
		t.Error("an account without a document agrees with an empty number")
	}
}
