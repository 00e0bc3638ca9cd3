package register_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/register"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// An office is the desk over real stores, with every message heard on its way out.
type office struct {
	*storagetest.Stores
	*register.Desk
	t *testing.T

	mu   sync.Mutex
	sent []notice.Message
}

type tap struct {
	*sqlstore.Stores
	o *office
}

func (x tap) PostMessage(ctx context.Context, m notice.Message) error {
	x.o.mu.Lock()
	x.o.sent = append(x.o.sent, m)
	x.o.mu.Unlock()
	return x.Stores.PostMessage(ctx, m)
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{Stores: storagetest.New(t), t: t}
	now := o.Clock.Now
	notices, err := notice.New(notice.Config{Issuer: "https://propusk.example", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	o.Desk = register.New(register.Config{
		Accounts: o.Records, Transients: o.Transients, Ring: o.Keyring.Ring, Notices: notices, Processing: "2026-11", Now: now, Wall: now,
		Atomically: func(ctx context.Context, f func(register.Tx) error) error {
			return o.Records.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tap{tx, o}) })
		},
		Hasher: password.NewHasher(password.Params{Memory: 8, Time: 1, Threads: 1}, password.Limit{}),
		Rules:  password.Rules{Known: password.NewBlocklist()},
	})
	return o
}

const (
	here  = "the secret of this browser"
	there = "the secret of another browser"
	good  = "Kolibri-2026"
)

func form(tel, email string) register.Form {
	return register.Form{FamilyName: "Иванова", GivenName: "Мария", Tel: tel, Email: email, Consent: true, Lang: "ru", Browser: here, Network: "198.51.100.7"}
}

// start begins a registration with a contact.
func (o *office) start(to string) string {
	o.t.Helper()
	f := form(to, "")
	if strings.Contains(to, "@") {
		f = form("", to)
	}
	ref, err := o.Start(o.t.Context(), f)
	if err != nil {
		o.t.Fatalf("Start with %s: %v", to, err)
	}
	return ref
}

// last is the newest message to a contact.
func (o *office) last(to string) string {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range slices.Backward(o.sent) {
		if m.To == to {
			return m.Text
		}
	}
	o.t.Fatalf("no message to %s", to)
	return ""
}

var (
	digits = regexp.MustCompile(`^\d{6}`)
	token  = regexp.MustCompile(`/register/link/(\S+)`)
)

func (o *office) code(to string) string { o.t.Helper(); return digits.FindString(o.last(to)) }

func (o *office) link(to string) string {
	o.t.Helper()
	m := token.FindStringSubmatch(o.last(to))
	if m == nil {
		o.t.Fatalf("no link in %q", o.last(to))
	}
	return m[1]
}

func other(code string) string {
	if code[0] == '9' {
		return "0" + code[1:]
	}
	return "9" + code[1:]
}

func (o *office) finish(ref string) (*account.Account, error) {
	a, _, err := o.Finish(o.t.Context(), register.Password{Ref: ref, Browser: here, Password: good, Again: good, Device: "Firefox, Linux"})
	return a, err
}

// want checks the kind of an error.
func want(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got %v, want %v", what, err, kind)
	}
}

func TestFormTellsEveryMistakeByItsField(t *testing.T) {
	o := newOffice(t)
	for name, c := range map[string]struct {
		change func(*register.Form)
		want   []string
	}{
		"nothing at all":  {func(f *register.Form) { *f = register.Form{} }, []string{"consent", "contact", "family_name", "given_name"}},
		"two contacts":    {func(f *register.Form) { f.Email = "maria@example.org" }, []string{"contact"}},
		"not a mobile":    {func(f *register.Form) { f.Tel = "8 495 000-00-00" }, []string{"tel"}},
		"no address":      {func(f *register.Form) { f.Tel, f.Email = "", "maria" }, []string{"email"}},
		"no consent":      {func(f *register.Form) { f.Consent = false }, []string{"consent"}},
		"a Latin surname": {func(f *register.Form) { f.FamilyName = "Ivanova<" }, []string{"family_name"}},
	} {
		f := form(storagetest.Phone(), "")
		c.change(&f)
		_, err := o.Start(t.Context(), f)
		var wrong fault.Fields
		if !errors.As(err, &wrong) {
			t.Errorf("%s: %v, want mistakes of fields", name, err)
			continue
		}
		var got []string
		for _, w := range wrong {
			got = append(got, w.Name)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: mistakes at %v, want %v", name, got, c.want)
		}
	}
	if len(o.sent) != 0 {
		t.Errorf("%d messages were sent for wrong forms", len(o.sent))
	}
}

func TestCodeHasFiveTries(t *testing.T) {
	o := newOffice(t)
	tel := storagetest.Phone()
	ref, code := o.start(tel), o.code(tel)
	for i := range contact.MaxTries {
		left, err := o.Enter(t.Context(), ref, here, other(code))
		kind := contact.ErrCode
		if i == contact.MaxTries-1 {
			kind = contact.ErrCodeSpent
		}
		want(t, "a wrong code", err, kind)
		if left != contact.MaxTries-1-i {
			t.Errorf("after %d wrong codes %d are left", i+1, left)
		}
	}
	_, err := o.Enter(t.Context(), ref, here, code)
	want(t, "the right code after five wrong ones", err, contact.ErrCodeSpent)
	_, err = o.finish(ref)
	want(t, "Finish without a proof", err, contact.ErrOver)
}

func TestWrongCodesAtTheSameTimeAreAllCounted(t *testing.T) {
	o := newOffice(t)
	tel := storagetest.Phone()
	ref, code := o.start(tel), o.code(tel)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() { _, _ = o.Enter(t.Context(), ref, here, other(code)) })
	}
	all.Wait()
	_, err := o.Enter(t.Context(), ref, here, code)
	want(t, "the right code after twelve wrong ones at once", err, contact.ErrCodeSpent)
}

func TestCodeLivesFiveMinutesAndANewOneVoidsIt(t *testing.T) {
	o := newOffice(t)
	tel := storagetest.Phone()
	ref, first := o.start(tel), o.code(tel)
	o.Clock.Advance(contact.CodeLife - time.Second)
	err := o.Resend(t.Context(), ref, here, "198.51.100.7")
	want(t, "Resend while the code lives", err, fault.Limited)
	if wait, ok := fault.Wait(err); !ok || wait != time.Second {
		t.Errorf("Resend asks to wait %v, want the second that is left", wait)
	}
	o.Clock.Advance(time.Second)
	_, err = o.Enter(t.Context(), ref, here, first)
	want(t, "a code at the end of its life", err, contact.ErrCodeOver)
	if err := o.Resend(t.Context(), ref, here, "198.51.100.7"); err != nil {
		t.Fatalf("Resend: %v", err)
	}
	second := o.code(tel)
	if first != second {
		_, err = o.Enter(t.Context(), ref, here, first)
		want(t, "the code that was replaced", err, contact.ErrCode)
	}
	if _, err := o.Enter(t.Context(), ref, here, " "+second[:3]+"-"+second[3:]+" "); err != nil {
		t.Errorf("the new code as people type it: %v", err)
	}
	// Asking anew after the proof keeps it.
	o.Clock.Advance(contact.CodeLife)
	if err := o.Resend(t.Context(), ref, here, "198.51.100.7"); err != nil {
		t.Errorf("Resend after the proof: %v", err)
	}
	if _, err := o.finish(ref); err != nil {
		t.Errorf("Finish: %v", err)
	}
}

func TestReferenceServesItsOwnBrowserOnly(t *testing.T) {
	o := newOffice(t)
	tel := storagetest.Phone()
	ref := o.start(tel)
	_, err := o.Flow(t.Context(), ref, there)
	want(t, "Flow in another browser", err, contact.ErrOtherBrowser)
	_, err = o.Enter(t.Context(), ref, there, o.code(tel))
	want(t, "Enter in another browser", err, contact.ErrOtherBrowser)
	want(t, "Resend in another browser", o.Resend(t.Context(), ref, there, ""), contact.ErrOtherBrowser)
	_, _, err = o.Finish(t.Context(), register.Password{Ref: ref, Browser: there, Password: good, Again: good})
	want(t, "Finish in another browser", err, contact.ErrOtherBrowser)
	_, err = o.Flow(t.Context(), ref[:len(ref)-2]+"AA", here)
	want(t, "a forged reference", err, seal.ErrSealed)
	o.Clock.Advance(contact.LinkLife + time.Hour)
	_, err = o.Flow(t.Context(), ref, here)
	want(t, "a flow past its time", err, contact.ErrOver)
}

func TestLinkTakesTheFlowOverToTheBrowserThatOpensIt(t *testing.T) {
	o := newOffice(t)
	const mailbox = "maria@example.org"
	ref := o.start(mailbox)
	secret := o.link(mailbox)
	_, err := o.Enter(t.Context(), ref, here, "")
	want(t, "a code for a mailbox", err, contact.ErrCodeOver)
	if _, err := o.Opened(t.Context(), secret); err != nil {
		t.Fatalf("Opened: %v", err)
	}
	if f, err := o.Flow(t.Context(), ref, here); err != nil || f.Proved() {
		t.Fatalf("after a look at the link: %v, proved %v", err, f.Proved())
	}
	moved, err := o.Open(t.Context(), secret, there)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	_, err = o.Flow(t.Context(), ref, here)
	want(t, "the first browser", err, contact.ErrOtherBrowser)
	_, err = o.Open(t.Context(), secret, here)
	want(t, "the link once more, elsewhere", err, contact.ErrLink)
	if _, err := o.Open(t.Context(), secret, there); err != nil {
		t.Errorf("the link once more, in its browser: %v", err)
	}
	a, _, err := o.Finish(t.Context(), register.Password{Ref: moved, Browser: there, Password: good, Again: good})
	if err != nil || len(a.Profile.Contacts) != 1 || a.Profile.Contacts[0].Value != mailbox {
		t.Errorf("Finish: %v, %v", a, err)
	}
	_, err = o.Opened(t.Context(), secret)
	want(t, "the link after the end", err, contact.ErrLink)
	_, err = o.Open(t.Context(), "unknown", here)
	want(t, "no link of ours", err, contact.ErrLink)
}

func TestEachLinkLivesThreeDaysFromItsSending(t *testing.T) {
	o := newOffice(t)
	const mailbox = "anna@example.org"
	ref := o.start(mailbox)
	first := o.link(mailbox)
	o.Clock.Advance(2 * 24 * time.Hour)
	if err := o.Resend(t.Context(), ref, here, "198.51.100.7"); err != nil {
		t.Fatalf("Resend of a link: %v", err)
	}
	second := o.link(mailbox)
	o.Clock.Advance(24 * time.Hour)
	_, err := o.Opened(t.Context(), first)
	want(t, "the first link after three days", err, contact.ErrLink)
	o.Clock.Advance(48*time.Hour - time.Second)
	if _, err := o.Opened(t.Context(), second); err != nil {
		t.Errorf("the second link a second before its end: %v", err)
	}
	o.Clock.Advance(time.Second)
	_, err = o.Opened(t.Context(), second)
	want(t, "the second link after three days", err, contact.ErrLink)
}

// Nobody learns from the answers whether a contact has an account; the message tells its owner.
func TestTakenContactIsToldToItsOwnerOnly(t *testing.T) {
	o := newOffice(t)
	holder := o.Simplified(t)
	holder.Profile.Contacts = append(holder.Profile.Contacts, account.Contact{Kind: account.Email, Value: "taken@example.org", Proved: o.Clock.Now()})
	o.Create(t, holder)
	tel := holder.Profile.Contacts[0].Value

	ref := o.start(tel)
	f, err := o.Flow(t.Context(), ref, here)
	if err != nil || f.Proof.Left() != contact.MaxTries || !f.Proof.Until.Equal(o.Clock.Now().Add(contact.CodeLife)) {
		t.Errorf("the flow of a taken number: %+v, %v", f, err)
	}
	if m := o.last(tel); digits.MatchString(m) || !strings.Contains(m, "уже привязан") {
		t.Errorf("the owner was told %q", m)
	}
	left, err := o.Enter(t.Context(), ref, here, f.Proof.Code)
	want(t, "even the right code of a taken number", err, contact.ErrCode)
	if left != contact.MaxTries-1 {
		t.Errorf("%d tries are left, want them counted as ever", left)
	}
	_, err = o.finish(ref)
	want(t, "Finish", err, contact.ErrOver)

	o.start("taken@example.org")
	if m := o.last("taken@example.org"); token.MatchString(m) || !strings.Contains(m, "уже привязан") {
		t.Errorf("the owner was told %q", m)
	}
}

func TestContactTakenMeanwhileIsToldToWhoProvedIt(t *testing.T) {
	o := newOffice(t)
	tel := storagetest.Phone()
	one := o.start(tel)
	if _, err := o.Enter(t.Context(), one, here, o.code(tel)); err != nil {
		t.Fatal(err)
	}
	o.Clock.Advance(contact.CodeLife)
	two := o.start(tel)
	if _, err := o.Enter(t.Context(), two, here, o.code(tel)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.finish(two); err != nil {
		t.Fatal(err)
	}
	_, err := o.finish(one)
	want(t, "the slower one", err, register.ErrTaken)
}

func TestFinishAtTheSameTimeOpensOneAccount(t *testing.T) {
	o := newOffice(t)
	tel := storagetest.Phone()
	ref := o.start(tel)
	if _, err := o.Enter(t.Context(), ref, here, o.code(tel)); err != nil {
		t.Fatal(err)
	}
	const n = 6
	var all sync.WaitGroup
	opened, errs := make([]*account.Account, n), make([]error, n)
	for i := range n {
		all.Go(func() { opened[i], errs[i] = o.finish(ref) })
	}
	all.Wait()
	var winner *account.Account
	for i := range n {
		switch {
		case errs[i] == nil && winner == nil:
			winner = opened[i]
		case errs[i] == nil:
			t.Errorf("two accounts were opened: %s and %s", winner.ID, opened[i].ID)
		case !errors.Is(errs[i], register.ErrTaken) && !errors.Is(errs[i], contact.ErrOver):
			t.Errorf("Finish: %v", errs[i])
		}
	}
	if winner == nil {
		t.Fatalf("nobody opened an account: %v", errs)
	}
	got, err := o.FindAccount(t.Context(), account.ByPhone, tel)
	if err != nil || got.ID != winner.ID || got.Level != account.Simplified || got.Profile.Processing.Version != "2026-11" {
		t.Errorf("the account: %+v, %v", got, err)
	}
	welcomed := 0
	for _, m := range o.sent {
		if m.To == tel && m.Account == winner.ID {
			welcomed++
		}
	}
	if events, err := o.Events(t.Context(), winner.ID, 0, 10); err != nil || len(events) != 1 || welcomed != 1 {
		t.Errorf("%d events and %d messages, want one of each (%v)", len(events), welcomed, err)
	}
}

func TestPasswordIsJudgedBeforeTheAccountIsOpened(t *testing.T) {
	o := newOffice(t)
	tel := storagetest.Phone()
	ref := o.start(tel)
	if _, err := o.Enter(t.Context(), ref, here, o.code(tel)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ first, again string }{{"", ""}, {"short", "short"}, {good, good + "x"}, {"password", "password"}} {
		_, _, err := o.Finish(t.Context(), register.Password{Ref: ref, Browser: here, Password: c.first, Again: c.again})
		var wrong fault.Fields
		if !errors.As(err, &wrong) {
			t.Errorf("%q and %q: %v, want mistakes of fields", c.first, c.again, err)
		}
	}
	_, err := o.FindAccount(t.Context(), account.ByPhone, tel)
	want(t, "an account before its password", err, fault.NotFound)
	if _, err := o.finish(ref); err != nil {
		t.Errorf("Finish with a good password: %v", err)
	}
	_, err = o.Flow(t.Context(), ref, here)
	want(t, "the flow after the end", err, contact.ErrOver)
}
