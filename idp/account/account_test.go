package account

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func person(t interface{ Fatal(...any) }, snils string, year int) Person {
	s, err := civil.ParseSNILS(snils)
	if err != nil {
		t.Fatal(err)
	}
	return Person{SNILS: s, BirthDate: civil.MustDate(year, 4, 7)}
}

func standard(t *testing.T) *Account {
	t.Helper()
	a := &Account{Standing: Standing{ID: 1 << 41, Level: Simplified}}
	if fell := a.Agree(person(t, "112-233-445 95", 1991), noon); fell || a.Level != Standard || a.Epoch != 0 {
		t.Fatalf("first agreement: fell %v, level %s, epoch %d; want a quiet rise to standard", fell, a.Level, a.Epoch)
	}
	return a
}

func TestSimplifiedAccountCannotBeConfirmed(t *testing.T) {
	a := &Account{Standing: Standing{Level: Simplified}}
	if err := a.Confirm(Confirmation{ID: "c", Method: ServiceCenter}); !errors.Is(err, ErrNotStandard) || !errors.Is(err, fault.Denied) {
		t.Errorf("Confirm = %v, want ErrNotStandard", err)
	}
}

func TestConfirmationsAccumulateStrongestFirst(t *testing.T) {
	a := standard(t)
	for i, m := range []Method{MailCode, ServiceCenter, Bank} {
		if err := a.Confirm(Confirmation{ID: string(rune('a' + i)), Method: m, At: noon}); err != nil {
			t.Fatal(err)
		}
	}
	var got []Method
	for _, c := range a.Assurance(noon).Confirmations {
		got = append(got, c.Method)
	}
	if want := []Method{ServiceCenter, Bank, MailCode}; !slices.Equal(got, want) || a.Level != Verified {
		t.Errorf("confirmations %v at %s, want %v at verified", got, a.Level, want)
	}
	if a.Epoch != 0 {
		t.Errorf("rising moved the epoch to %d", a.Epoch)
	}
}

func TestLosingAnyConfirmationIsAFall(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "letter", Method: MailCode})
	_ = a.Confirm(Confirmation{ID: "visit", Method: ServiceCenter})
	if err := a.Withdraw("visit", noon); err != nil || a.Level != Verified || a.Epoch != 1 {
		t.Errorf("one of two withdrawn: %v, %s, epoch %d; want verified and epoch 1", err, a.Level, a.Epoch)
	}
	if err := a.Withdraw("letter", noon); err != nil || a.Level != Standard || a.Epoch != 2 {
		t.Errorf("last withdrawn: %v, %s, epoch %d; want standard and epoch 2", err, a.Level, a.Epoch)
	}
	if err := a.Withdraw("letter", noon); !errors.Is(err, fault.NotFound) || a.Epoch != 2 {
		t.Errorf("withdrawn twice: %v, epoch %d; want NotFound and no move", err, a.Epoch)
	}
}

func TestChangedDataOfTheSamePersonKeepsConfirmations(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "visit", Method: ServiceCenter})
	renamed := a.Profile.Person
	renamed.BirthPlace = "г. Тверь"
	if fell := a.Agree(renamed, noon.Add(time.Hour)); fell || a.Level != Verified || a.Epoch != 0 {
		t.Errorf("same person: fell %v, %s, epoch %d", fell, a.Level, a.Epoch)
	}
}

func TestDataOfAnotherPersonSuspendsConfirmations(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "visit", Method: ServiceCenter})
	if fell := a.Agree(person(t, "087-654-303 00", 1990), noon); !fell || a.Level != Standard || a.Epoch != 1 {
		t.Errorf("other person: fell %v, %s, epoch %d; want a fall to standard", fell, a.Level, a.Epoch)
	}
	if got := a.Assurance(noon); got.Level != Standard || len(got.Confirmations) != 0 {
		t.Errorf("assurance %+v; suspended confirmations must count for nothing", got)
	}
}

func TestRecoveryThroughOneContactCountsAsSimplifiedForAWhile(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "visit", Method: ServiceCenter})
	a.RestrictedUntil = noon.Add(72 * time.Hour)
	if got := a.Assurance(noon); got.Level != Simplified || got.Confirmations != nil {
		t.Errorf("within 72 h: %+v, want simplified", got)
	}
	if got := a.Assurance(noon.Add(72 * time.Hour)); got.Level != Verified {
		t.Errorf("after 72 h: %+v, want verified again", got)
	}
}

func TestLowerToSimplifiedSuspendsAndAgreementRestores(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "visit", Method: ServiceCenter})
	if err := a.Lower(Simplified, noon); err != nil || a.Level != Simplified || a.Epoch != 1 || len(a.Confirmations) != 1 {
		t.Fatalf("Lower = %v: %s, epoch %d, %d confirmations", err, a.Level, a.Epoch, len(a.Confirmations))
	}
	if err := a.Lower(Standard, noon); !errors.Is(err, fault.Denied) {
		t.Errorf("lowering upwards = %v, want Denied", err)
	}
	later := noon.Add(time.Hour)
	if fell := a.Agree(a.Profile.Person, later); fell || a.Level != Verified || a.Epoch != 1 || !a.VerifiedAt.Equal(later) {
		t.Errorf("the same person agreed again: fell %v, %s, epoch %d, verified at %v; want a quiet rise to verified", fell, a.Level, a.Epoch, a.VerifiedAt)
	}
}

func TestAfterALoweringAnotherPersonGetsNoConfirmation(t *testing.T) {
	a := standard(t)
	own := a.Profile.Person
	_ = a.Confirm(Confirmation{ID: "visit", Method: ServiceCenter})
	_ = a.Lower(Simplified, noon)
	if fell := a.Agree(person(t, "087-654-303 00", 1990), noon); fell || a.Level != Standard || !a.Confirmations[0].Suspended {
		t.Fatalf("another person: fell %v, %s, suspended %v", fell, a.Level, a.Confirmations[0].Suspended)
	}
	_ = a.Confirm(Confirmation{ID: "letter", Method: MailCode})
	if fell := a.Agree(own, noon); !fell || a.Level != Verified || a.Confirmations[0].Suspended || !a.Confirmations[1].Suspended {
		t.Errorf("back to the first person: fell %v, %s, %+v; want the visit alone, and a fall", fell, a.Level, a.Confirmations)
	}
}

func TestConfirmationSuspendedBeforeItsPersonWasKeptStaysSo(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "visit", Method: ServiceCenter})
	_ = a.Lower(Simplified, noon)
	a.Profile.Confirmed = nil
	if a.Agree(a.Profile.Person, noon); a.Level != Standard {
		t.Errorf("level %s; nobody knows whose the confirmation is", a.Level)
	}
}

func TestRecoveriesDuringARestrictionNeverMoveItsBeginning(t *testing.T) {
	a := standard(t)
	old := Contact{Kind: Email, Proved: noon.Add(-time.Hour)}
	since := Contact{Kind: Email, Proved: noon.Add(time.Hour)}
	for n := range 3 {
		at := noon.Add(time.Duration(n) * 2 * time.Hour)
		a.Restrict(Phone, at, at, at.Add(72*time.Hour))
	}
	if !a.Restriction.Since.Equal(noon) || !a.RestrictedUntil.Equal(noon.Add(76*time.Hour)) {
		t.Errorf("restricted from %v to %v", a.Restriction.Since, a.RestrictedUntil)
	}
	if a.Vouches(since) || !a.Vouches(old) || a.Vouches(Contact{Kind: Phone, Proved: old.Proved}) {
		t.Error("only a contact from before, through which nothing was recovered, vouches")
	}
	a.Restrict(Email, noon, noon, noon.Add(time.Hour))
	if a.Vouches(old) || !a.RestrictedUntil.Equal(noon.Add(76*time.Hour)) {
		t.Error("a contact that served a recovery vouches, or a restriction became shorter")
	}
	late := noon.Add(100 * time.Hour)
	a.Restrict(Email, late, late, late.Add(72*time.Hour))
	if !a.Restriction.Since.Equal(late) || len(a.Restriction.Through) != 1 {
		t.Errorf("a restriction after one that has passed: %+v", a.Restriction)
	}
}

func TestTokenSaysTheMinimumOfSnapshotAndPresent(t *testing.T) {
	visit, letter := Confirmation{ID: "v", Method: ServiceCenter}, Confirmation{ID: "l", Method: MailCode}
	for _, c := range []struct {
		name      string
		then, now Assurance
		want      Level
		methods   int
	}{
		{"a rise does not show", Assurance{Level: Standard}, Assurance{Verified, []Confirmation{visit}}, Standard, 0},
		{"a fall shows", Assurance{Verified, []Confirmation{visit}}, Assurance{Level: Standard}, Standard, 0},
		{"a new confirmation does not show", Assurance{Verified, []Confirmation{letter}}, Assurance{Verified, []Confirmation{visit, letter}}, Verified, 1},
		{"a lost one is gone", Assurance{Verified, []Confirmation{visit, letter}}, Assurance{Verified, []Confirmation{letter}}, Verified, 1},
		{"a method confirmed anew is no loss", Assurance{Verified, []Confirmation{visit}}, Assurance{Verified, []Confirmation{{ID: "v2", Method: ServiceCenter}}}, Verified, 1},
		{"nothing in common is standard", Assurance{Verified, []Confirmation{visit}}, Assurance{Verified, []Confirmation{letter}}, Standard, 0},
	} {
		if got := Min(c.then, c.now); got.Level != c.want || len(got.Confirmations) != c.methods {
			t.Errorf("%s: Min = %s with %d methods, want %s with %d", c.name, got.Level, len(got.Confirmations), c.want, c.methods)
		}
	}
}

// Whatever happens to an account, the level says what stands behind it, and losing anything moves the epoch.
func TestLevelAlwaysMatchesWhatStandsBehindIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &Account{Standing: Standing{Level: Simplified}}
		people := []Person{person(t, "112-233-445 95", 1991), person(t, "087-654-303 00", 1990)}
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			before, epoch := a.Assurance(noon), a.Epoch
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				a.Agree(people[rapid.IntRange(0, 1).Draw(t, "person")], noon)
			case 1:
				_ = a.Confirm(Confirmation{ID: string(rune('a' + i)), Method: rapid.SampledFrom(Methods()).Draw(t, "method")})
			case 2:
				if len(a.Confirmations) > 0 {
					_ = a.Withdraw(a.Confirmations[0].ID, noon)
				}
			case 3:
				_ = a.Lower(Level(rapid.IntRange(1, 2).Draw(t, "to")), noon)
			}
			after := a.Assurance(noon)
			switch {
			case (after.Level == Verified) != (len(after.Confirmations) > 0):
				t.Fatalf("level %s with %d live confirmations", after.Level, len(after.Confirmations))
			case !a.Profile.Checked.IsZero() && slices.ContainsFunc(a.Confirmations, func(c Confirmation) bool {
				return c.Suspended == (a.Profile.Confirmed[c.ID] == a.Profile.Person.Identity())
			}):
				t.Fatalf("confirmations %+v of %+v, data of %+v", a.Confirmations, a.Profile.Confirmed, a.Profile.Person)
			case len(a.Profile.Confirmed) != len(a.Confirmations):
				t.Fatalf("%d confirmations of %d known persons", len(a.Confirmations), len(a.Profile.Confirmed))
			case (after.Level == Simplified) != a.Profile.Checked.IsZero():
				t.Fatalf("level %s, data checked %v", after.Level, a.Profile.Checked)
			case after.Level < before.Level && a.Epoch == epoch:
				t.Fatalf("fell from %s to %s within epoch %d", before.Level, after.Level, epoch)
			case a.Epoch < epoch:
				t.Fatalf("the epoch went back from %d to %d", epoch, a.Epoch)
			}
		}
	})
}

func TestIDsSurviveJSONNumbers(t *testing.T) {
	for range 1000 {
		id, err := NewID(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		var f float64
		if err := json.Unmarshal([]byte(id.String()), &f); err != nil || ID(f) != id {
			t.Fatalf("id %s becomes %v as a JSON number", id, f)
		}
		if back, err := ParseID(id.String()); err != nil || back != id {
			t.Fatalf("ParseID(%s) = %v, %v", id, back, err)
		}
	}
	if _, err := NewID(bytes.NewReader(nil)); err == nil {
		t.Error("an id without randomness")
	}
	for _, s := range []string{"", "0", "-1", "9007199254740992", "1e3", "abc"} {
		if _, err := ParseID(s); !errors.Is(err, fault.Invalid) {
			t.Errorf("ParseID(%q) = %v, want Invalid", s, err)
		}
	}
}
