package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/storagetest"
	"github.com/propusk/propusk/storage/storagetest/servers"
)

// How often the provider is killed, and how many people of each kind are in the middle of something then.
const (
	kills   = 5
	abreast = 2
)

// TestKilledInTheMiddleNothingIsLostAndNothingStandsTwice kills the provider again and again while checks
// run, letters go to the post, codes confirm and messages go out, and while people press buttons; they
// press again when nothing answers. Afterwards everybody must stand where those stand for whom nobody was
// killed: the same level, the same events, the same messages, each under one id.
func TestKilledInTheMiddleNothingIsLostAndNothingStandsTwice(t *testing.T) {
	for _, stores := range []struct {
		name string
		open func(t *testing.T) (records, transients string)
	}{
		{"sqlite", func(t *testing.T) (string, string) {
			dir := t.TempDir()
			return "sqlite:" + filepath.Join(dir, "propusk.db"), "sqlite:" + filepath.Join(dir, "transients.db")
		}},
		{"postgres+redis", func(t *testing.T) (string, string) { return servers.StartPostgres(t), servers.StartRedis(t) }},
	} {
		t.Run(stores.name, func(t *testing.T) {
			t.Parallel()
			killing(t, newVictim(t, stores.open))
		})
	}
}

func killing(t *testing.T, v *victim) {
	quiet := v.gather(t, 1)
	v.act(t, quiet)
	v.settled(t, quiet, time.Minute)
	want := v.standing(t, quiet)
	for kind, s := range want {
		t.Logf("undisturbed, a %s: %s", kind, s[0])
	}

	// From here on everything outside takes its time, so that a kill finds work in hand.
	v.Outside.SetRegistry("pension", "slow", 600*time.Millisecond)
	v.Outside.SetRegistry("interior", "slow", 300*time.Millisecond)
	v.slowly.Store(true)
	crowd := v.gather(t, kills*abreast)
	open := 0
	for round := range kills {
		killed := make(chan error, 1)
		go func() {
			time.Sleep(time.Duration(mathrand.IntN(1500)) * time.Millisecond)
			v.kill()
			n, err := v.stores.DB.OpenJobs(context.Background())
			open += n
			killed <- errors.Join(err, v.launch())
		}()
		v.act(t, crowd.part(round*abreast, abreast))
		if err := <-killed; err != nil {
			t.Fatal(err)
		}
	}
	last := time.Now()
	v.settled(t, crowd, 2*time.Minute)
	t.Logf("%d jobs were open at %d kills; all was done %v after the last; %d calls were repeated outside",
		open, kills, time.Since(last).Round(time.Second), v.repeats())
	if open == 0 {
		t.Error("no kill met any work; the test proves nothing")
	}
	for kind, all := range v.standing(t, crowd) {
		for i, got := range all {
			if got != want[kind][0] {
				t.Errorf("%s %d:\n got %s\nwant %s", kind, i, got, want[kind][0])
			}
		}
	}
	v.everyMessageArrived(t)
	v.repeatsWereTheSame(t)
	v.newcomersGoOn(t, crowd)
}

// A crowd is people in the middle of something.
type crowd struct {
	applicants, writers, readers []*citizen
	newcomers                    []*citizen
}

func (c *crowd) part(from, n int) *crowd {
	cut := func(all []*citizen) []*citizen { return all[from : from+n] }
	return &crowd{cut(c.applicants), cut(c.writers), cut(c.readers), cut(c.newcomers)}
}

// A citizen is one of them, in a browser of their own.
type citizen struct {
	*idptest.Browser
	account *account.Account
	person  account.Person // what an applicant says
	code    string         // what a reader's letter says
	phone   string
	asked   *idptest.Page // where a newcomer waits for the SMS
}

// gather makes n people of each kind and takes them to where they are about to do something.
func (v *victim) gather(t *testing.T, n int) *crowd {
	t.Helper()
	c := &crowd{}
	in := func(level account.Level) *citizen {
		a := idptest.Citizen(t, time.Now(), level)
		if err := v.stores.CreateAccount(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		who := &citizen{Browser: v.browser(t), account: a, phone: idptest.Phone(a)}
		who.SignIn(a)
		return who
	}
	for range n {
		applicant := in(account.Simplified)
		applicant.person = storagetest.Person(t)
		v.Outside.Enter(idptest.Registered(applicant.person, applicant.phone))
		c.applicants = append(c.applicants, applicant)
		c.writers = append(c.writers, in(account.Standard))
		reader := in(account.Standard)
		v.order(t, reader)
		c.readers = append(c.readers, reader)
		c.newcomers = append(c.newcomers, &citizen{Browser: v.browser(t), phone: storagetest.Phone()})
	}
	for _, reader := range c.readers {
		v.await(t, "the letter at the post", time.Minute, func() bool {
			ls := v.Outside.Letters(reader.phone)
			if len(ls) > 0 {
				reader.code = ls[0].Code
			}
			return reader.code != ""
		})
	}
	return c
}

// act has everybody do what they came for. What the kill swallowed they do again, as people do: until the
// provider shows that it has it.
func (v *victim) act(t *testing.T, c *crowd) {
	t.Helper()
	for i := range c.applicants {
		who := c.newcomers[i]
		who.asked = who.Get("/register").Submit("family-name", "Калинина", "given-name", "Вера", "tel", who.phone, "consent", "1")
		v.apply(t, c.applicants[i])
		v.order(t, c.writers[i])
		v.confirm(t, c.readers[i])
	}
}

func (v *victim) apply(t *testing.T, who *citizen) {
	t.Helper()
	f := registry.FormOf(who.person)
	v.until(t, func() bool {
		_, err := v.stores.LastApplication(t.Context(), who.account.ID)
		return v.found(t, err)
	}, func() {
		who.Post("/account/profile", url.Values{
			"family-name": {f.FamilyName}, "given-name": {f.GivenName}, "patronymic": {f.Patronymic}, "sex": {f.Sex},
			"birth-day": {f.BirthDay}, "birth-month": {f.BirthMonth}, "birth-year": {f.BirthYear}, "birth-place": {f.BirthPlace},
			"citizenship": {f.Citizenship}, "snils": {f.SNILS}, "document-type": {f.DocumentType}, "document-number": {f.DocumentNumber},
			"issued-day": {f.IssuedDay}, "issued-month": {f.IssuedMonth}, "issued-year": {f.IssuedYear},
			"department-code": {f.DepartmentCode}, "issuer": {f.Issuer},
		})
		who.Post("/account/profile/check", url.Values{})
	})
}

func (v *victim) order(t *testing.T, who *citizen) {
	t.Helper()
	v.until(t, func() bool {
		_, err := v.stores.LastLetter(t.Context(), who.account.ID)
		return v.found(t, err)
	}, func() {
		who.Post("/account/confirm/letter?new=1", url.Values{
			"postal-code": {"170100"}, "region": {"Тверская область"}, "locality": {"Тверь"}, "street": {"Советская ул."}, "house": {"11"},
		})
		who.Post("/account/confirm/letter/check", url.Values{})
	})
}

func (v *victim) confirm(t *testing.T, who *citizen) {
	t.Helper()
	v.until(t, func() bool {
		a, err := v.stores.Account(t.Context(), who.account.ID)
		return v.found(t, err) && a.Level == account.Verified
	}, func() {
		who.Post("/account/confirm/letter", url.Values{"act": {"enter"}, "letter-code": {who.code}})
	})
}

func (v *victim) until(t *testing.T, done func() bool, do func()) {
	t.Helper()
	for range 10 {
		if done() {
			return
		}
		do()
	}
	if !done() {
		t.Fatal("ten times over, the provider does not take it")
	}
}

func (v *victim) found(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// settled waits until nothing is left to do.
func (v *victim) settled(t *testing.T, c *crowd, within time.Duration) {
	t.Helper()
	v.await(t, "every verdict", within, func() bool {
		for _, who := range c.applicants {
			app, err := v.stores.LastApplication(t.Context(), who.account.ID)
			if err != nil {
				t.Fatal(err)
			}
			if app.State == registry.Running || app.Checks[registry.Tax].Verdict == registry.Waiting {
				return false
			}
		}
		return true
	})
	v.await(t, "every letter at the post", within, func() bool {
		return !slices.ContainsFunc(c.writers, func(who *citizen) bool { return len(v.Outside.Letters(who.phone)) == 0 })
	})
	v.await(t, "every job", within, func() bool {
		n, err := v.stores.DB.OpenJobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
}

// standing is what there is of everybody, by kind, in a form that can be compared.
func (v *victim) standing(t *testing.T, c *crowd) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for kind, all := range map[string][]*citizen{"applicant": c.applicants, "writer": c.writers, "reader": c.readers} {
		for _, who := range all {
			ctx, id := t.Context(), who.account.ID
			a, err := v.stores.Account(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			es, err := v.stores.Events(ctx, id, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, e := range es {
				if e.Kind != audit.SignedIn {
					kinds = append(kinds, string(e.Kind))
				}
			}
			slices.Sort(kinds)
			out[kind] = append(out[kind], fmt.Sprintf("%s, %d confirmations, INN %v, %d letters, events %s, told: %s", a.Level, len(a.Confirmations),
				!a.Profile.Person.INN.IsZero(), len(v.Outside.Letters(who.phone)), strings.Join(kinds, " "), v.told(a)))
		}
	}
	return out
}

// told is what a citizen was told, by phone and by mail, without what differs from one to the next.
func (v *victim) told(a *account.Account) string {
	var all []string
	for _, to := range []string{idptest.Phone(a), idptest.Email(a)} {
		for _, m := range v.Outside.Messages(to) {
			all = append(all, m.Channel+": "+varying.ReplaceAllString(m.Text, "#"))
		}
	}
	slices.Sort(all)
	return fmt.Sprintf("%q", all)
}

// everyMessageArrived compares the provider's outbox with what came, id by id.
func (v *victim) everyMessageArrived(t *testing.T) {
	t.Helper()
	sent := v.messages(t)
	came := map[string]int{}
	for _, id := range v.arrived(t) {
		came[id]++
	}
	for id, done := range sent {
		if !done || came[id] != 1 {
			t.Errorf("message %s: sent=%v, came %d times", id, done, came[id])
		}
	}
	for id := range came {
		if _, ok := sent[id]; !ok {
			t.Errorf("message %s came and is not one of the provider's", id)
		}
	}
	t.Logf("%d messages", len(sent))
}

// newcomersGoOn has those who waited for a code enter it: it came, and it is the right one.
func (v *victim) newcomersGoOn(t *testing.T, c *crowd) {
	t.Helper()
	for _, who := range c.newcomers {
		m := v.Outside.Message(who.phone, 0)
		p := who.asked.At("/register/code", http.StatusOK).Submit("code", m.Code).At("/register/password", http.StatusOK)
		p.Submit("password", idptest.Password, "password-again", idptest.Password).At("/register/done", http.StatusOK)
	}
}

func (v *victim) await(t *testing.T, what string, within time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !done(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v\n%s", what, within, v.log())
		}
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
