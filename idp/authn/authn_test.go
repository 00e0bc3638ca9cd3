package authn

import (
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage/storagetest"
)

func TestIdentifiersAreReadAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct {
		typed string
		by    account.Key
		value string
	}{
		{"8 (900) 000-00-41", account.ByPhone, "+79000000041"},
		{"+7 900 000 00 41", account.ByPhone, "+79000000041"},
		{"Maria@EXAMPLE.org", account.ByEmail, "maria@example.org"},
		{"112-233-445 95", account.BySNILS, "11223344595"},
	} {
		ns := names(c.typed)
		found := false
		for _, n := range ns {
			found = found || n.by == c.by && n.value == c.value
		}
		if !found {
			t.Errorf("names(%q) = %v, want %s %s among them", c.typed, ns, c.by, c.value)
		}
	}
	if ns := names("administrator"); len(ns) != 0 {
		t.Errorf("names of a word: %v", ns)
	}
}

func TestSpellingsOfOneNameShareACounter(t *testing.T) {
	one, two := "8 (900) 000-00-41", "+79000000041"
	if a, b := counted(one, names(one)), counted(two, names(two)); a != b {
		t.Errorf("%q and %q count apart: %q, %q", one, two, a, b)
	}
	if a, b := counted(" Admin ", nil), counted("admin", nil); a != b {
		t.Errorf("spellings of a word count apart: %q, %q", a, b)
	}
}

func TestMarkIsKnownForItsAccountOnlyAndHouseholdsAreBounded(t *testing.T) {
	s := storagetest.New(t)
	d := New(Config{Ring: s.Keyring.Ring, Transients: s.Transients, Now: s.Clock.Now, Wall: s.Clock.Now})
	cookie := ""
	ids := make([]account.ID, marksKept+1)
	for i := range ids {
		ids[i] = storagetest.ID(t)
		next, fresh, err := d.Mark(cookie, ids[i])
		if err != nil || !fresh {
			t.Fatalf("Mark = %v, %v", fresh, err)
		}
		cookie = next
	}
	if _, ok := d.marked(cookie, ids[0]); ok {
		t.Error("more marks are kept than a household has people")
	}
	for _, id := range ids[1:] {
		if _, ok := d.marked(cookie, id); !ok {
			t.Errorf("account %s is not known any more", id)
		}
	}
	if _, fresh, _ := d.Mark(cookie, ids[3]); fresh {
		t.Error("a known account is fresh again")
	}
	if _, ok := d.marked(cookie[:len(cookie)-2]+"AA", ids[3]); ok {
		t.Error("a changed mark is believed")
	}
}

func TestCodeOfTheAppCountsWithinOneStepAndOnce(t *testing.T) {
	const key = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	at := time.Date(2026, 11, 21, 12, 0, 7, 0, time.UTC)
	code, err := totp.GenerateCode(key, at)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := step(key, code[:3]+" "+code[3:], at, 0)
	if !ok {
		t.Fatal("the present code is refused")
	}
	if _, ok := step(key, code, at, s); ok {
		t.Error("a code counts twice")
	}
	for _, c := range []struct {
		shift time.Duration
		want  bool
	}{{30 * time.Second, true}, {-30 * time.Second, true}, {61 * time.Second, false}, {-61 * time.Second, false}} {
		if _, ok := step(key, code, at.Add(c.shift), 0); ok != c.want {
			t.Errorf("a code at a clock off by %v: %v, want %v", c.shift, ok, c.want)
		}
	}
}

func TestNewPasswordIsTypedTwice(t *testing.T) {
	rules := password.Rules{}
	if err := Admissible(rules, "Kolibri-2026", "Kolibri-2026"); err != nil {
		t.Fatal(err)
	}
	err := Admissible(rules, "Kolibri-2026", "Kolibri-2027")
	if f, ok := err.(fault.Fields); !ok || f.Code("password-again") != "password.again" {
		t.Errorf("two passwords: %v", err)
	}
	err = Admissible(rules, "Belousova-1", "Belousova-1", "Belousova")
	if f, ok := err.(fault.Fields); !ok || f.Code("password") == "" {
		t.Errorf("a password with the family name: %v", err)
	}
}
