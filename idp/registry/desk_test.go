package registry_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/storagetest"
)

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name              string
		pension, interior answerer
		state             registry.State
		level             account.Level
		fields            []string
	}{
		{"both agree", agrees, agrees, registry.Agreed, account.Standard, nil},
		{"pension refuses", refuses(`"birth_date"`), agrees, registry.Refused, account.Simplified, []string{"birth_date"}},
		{"interior refuses", agrees, refuses(`"document_number","issued_on"`), registry.Refused, account.Simplified, []string{"document_number", "issued_on"}},
		{"both refuse, one answer", refuses(`"snils"`), refuses(`"family_name"`), registry.Refused, account.Simplified, []string{"family_name", "snils"}},
		{"one is waiting", agrees, pending, registry.Running, account.Simplified, nil},
		{"one refused, the other waiting", refuses(`"snils"`), pending, registry.Running, account.Simplified, []string{"snils"}},
		{"one is down", down, agrees, registry.Running, account.Simplified, nil},
		{"one is slow", agrees, late, registry.Running, account.Simplified, nil},
		{"not JSON", says(200, `<html>`), agrees, registry.Running, account.Simplified, nil},
		{"an answer to another question", says(200, `{"id":"other","status":"done","verdict":"agreed"}`), agrees, registry.Running, account.Simplified, nil},
		{"an unknown verdict", says(200, `{"id":"ID","status":"done","verdict":"perhaps"}`), agrees, registry.Running, account.Simplified, nil},
		{"agreed, but with fields", says(200, `{"id":"ID","status":"done","verdict":"agreed","fields":["snils"]}`), agrees, registry.Running, account.Simplified, nil},
		{"refused without fields", refuses(``), agrees, registry.Running, account.Simplified, nil},
		{"refused for a field that is none", refuses(`"shoe_size"`), agrees, registry.Running, account.Simplified, nil},
		{"done said with 202", says(202, `{"id":"ID","status":"done","verdict":"agreed"}`), agrees, registry.Running, account.Simplified, nil},
		{"pending said with 200", says(200, `{"id":"ID","status":"pending"}`), agrees, registry.Running, account.Simplified, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, storagetest.New(t))
			w.regs.set("pension", test.pension)
			w.regs.set("interior", test.interior)
			a := w.Create(t, w.Simplified(t))
			app := w.submit(a, storagetest.Person(t))
			app = w.run(app, registry.JobPension, registry.JobInterior)
			if app.State != test.state || !slices.Equal(app.Refusals(), test.fields) {
				t.Errorf("application %s, refused %v; want %s, %v", app.State, app.Refusals(), test.state, test.fields)
			}
			if got := w.account(a.ID).Level; got != test.level {
				t.Errorf("level %s, want %s", got, test.level)
			}
		})
	}
}

func TestTroubleIsShownAndTriedAgain(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	a := w.Create(t, w.Simplified(t))
	app := w.submit(a, storagetest.Person(t))
	for _, step := range []struct {
		answer answerer
		want   string
	}{{down, "down"}, {late, "slow"}, {says(200, "{"), "incoherent"}, {says(400, "{}"), "rejected"}} {
		w.regs.set("pension", step.answer)
		app = w.run(app, registry.JobPension)
		if got := app.Checks[registry.Pension].Trouble; got != step.want {
			t.Errorf("trouble %q, want %q", got, step.want)
		}
	}
	w.regs.set("pension", agrees)
	app = w.run(app, registry.JobPension, registry.JobInterior)
	if app.State != registry.Agreed || app.Checks[registry.Pension].Trouble != "" || app.Checks[registry.Pension].Attempts != 5 {
		t.Errorf("after the trouble: %s, %+v", app.State, app.Checks[registry.Pension])
	}
}

func TestQuestionIsPolledAndPutAgainWhenLost(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	w.regs.set("pension", pending)
	a := w.Create(t, w.Simplified(t))
	app := w.submit(a, storagetest.Person(t))
	w.run(app, registry.JobPension, registry.JobPension)
	if w.regs.asked["POST pension"] != 1 || w.regs.asked["GET pension"] != 1 {
		t.Errorf("asked %v, want one question and one poll", w.regs.asked)
	}
	w.regs.set("pension", says(404, ""))
	w.run(app, registry.JobPension)
	if w.regs.asked["POST pension"] != 2 {
		t.Errorf("asked %v, want the lost question put again", w.regs.asked)
	}
}

func TestRepeatedJobsRaiseOnce(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	a := w.Create(t, w.Simplified(t))
	app := w.submit(a, storagetest.Person(t))
	var all sync.WaitGroup
	for range 4 {
		for _, k := range []string{registry.JobPension, registry.JobInterior} {
			all.Go(func() {
				if err := w.desk.Handlers()[k](t.Context(), app.ID); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	w.run(app, registry.JobPension, registry.JobInterior, registry.JobOverdue, registry.JobDelayed, registry.JobSettle, registry.JobTax, registry.JobTax)
	if es := w.events(a.ID); es["application_agreed "] != 1 || es["application_filed "] != 1 || len(es) != 2 {
		t.Errorf("events %v", es)
	}
	got := w.account(a.ID)
	if got.Level != account.Standard || got.Profile.Person.INN.String() != "500100732259" || got.Epoch != a.Epoch {
		t.Errorf("level %s, INN %q, epoch %d", got.Level, got.Profile.Person.INN, got.Epoch)
	}
}

func TestTaxRegistryNeverBlocksTheLevel(t *testing.T) {
	for name, answer := range map[string]answerer{"down": down, "not found": says(200, `{"id":"ID","status":"done","verdict":"not_found"}`),
		"an INN that is none": says(200, `{"id":"ID","status":"done","verdict":"found","inn":"500100732258"}`),
		"a company's INN":     says(200, `{"id":"ID","status":"done","verdict":"found","inn":"7707083893"}`)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storagetest.New(t))
			w.regs.set("tax", answer)
			a := w.Create(t, w.Simplified(t))
			app := w.run(w.submit(a, storagetest.Person(t)), registry.JobPension, registry.JobInterior, registry.JobTax)
			if got := w.account(a.ID); got.Level != account.Standard || !got.Profile.Person.INN.IsZero() || app.State != registry.Agreed {
				t.Errorf("level %s, INN %q, %s", got.Level, got.Profile.Person.INN, app.State)
			}
		})
	}
}

func TestTakenSNILSIsRefusedAfterTheRegistriesAgreed(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := newWorld(t, s)
		first := w.Create(t, w.Standard(t))
		a := w.Create(t, w.Simplified(t))
		p := storagetest.Person(t)
		p.SNILS = first.Profile.Person.SNILS
		app := w.submit(a, p)
		app = w.run(app, registry.JobPension)
		if app.SNILSTaken {
			t.Error("told before both had answered")
		}
		app = w.run(app, registry.JobInterior, registry.JobInterior)
		if app.State != registry.Refused || !app.SNILSTaken || w.account(a.ID).Level != account.Simplified {
			t.Errorf("%s, taken %v", app.State, app.SNILSTaken)
		}
		if es := w.events(a.ID); es["application_refused snils_taken"] != 1 || es["application_agreed "] != 0 {
			t.Errorf("events %v", es)
		}
	})
}

func TestNewApplicationEndsTheRunningOne(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	w.regs.set("pension", pending)
	a := w.Create(t, w.Simplified(t))
	p := storagetest.Person(t)
	old := w.run(w.submit(a, p), registry.JobPension, registry.JobInterior)
	p.BirthPlace = "г. Тула"
	next := w.submit(a, p)
	if got := w.application(old.ID).State; got != registry.Ended {
		t.Errorf("the old one is %s", got)
	}
	w.regs.set("pension", agrees)
	w.run(old, registry.JobPension, registry.JobInterior, registry.JobOverdue) // late answers to what has ended
	if got := w.account(a.ID).Level; got != account.Simplified {
		t.Errorf("an ended application raised the level to %s", got)
	}
	w.run(next, registry.JobPension, registry.JobInterior)
	if got := w.account(a.ID); got.Level != account.Standard || got.Profile.Person.BirthPlace != "г. Тула" {
		t.Errorf("level %s, born in %s", got.Level, got.Profile.Person.BirthPlace)
	}
}

func TestRefusalWaitsAMomentForTheOtherRegistry(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	w.regs.set("pension", refuses(`"snils"`))
	w.regs.set("interior", pending)
	a := w.Create(t, w.Simplified(t))
	app := w.run(w.submit(a, storagetest.Person(t)), registry.JobPension, registry.JobInterior)
	if app.State != registry.Running {
		t.Fatalf("closed at once: %s", app.State)
	}
	if app = w.run(app, registry.JobSettle, registry.JobSettle); app.State != registry.Refused || app.Closed.IsZero() {
		t.Errorf("after the wait: %s", app.State)
	}
	if es := w.events(a.ID); es["application_refused fields"] != 1 {
		t.Errorf("events %v", es)
	}
}

func TestSilenceIsExplainedOnceAndThenOverdue(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	w.regs.set("pension", pending)
	a := w.Create(t, w.Simplified(t))
	p := storagetest.Person(t)
	app := w.run(w.submit(a, p), registry.JobPension, registry.JobInterior)
	w.Clock.Advance(3 * time.Hour)
	app = w.run(app, registry.JobDelayed, registry.JobDelayed)
	if app.Checks[registry.Pension].Told.IsZero() || !app.Checks[registry.Interior].Told.IsZero() {
		t.Errorf("told of %+v", app.Checks)
	}
	if app = w.run(app, registry.JobOverdue); app.State != registry.Running {
		t.Errorf("overdue before its time: %s", app.State)
	}
	w.Clock.Advance(5 * 24 * time.Hour)
	app = w.run(app, registry.JobOverdue, registry.JobOverdue, registry.JobPension)
	if app.State != registry.Overdue || app.Person.SNILS != p.SNILS {
		t.Errorf("%s; the data must be kept", app.State)
	}
	if es := w.events(a.ID); es["application_overdue "] != 1 {
		t.Errorf("events %v", es)
	}
	w.regs.set("pension", agrees)
	if app = w.run(w.submit(a, p), registry.JobPension, registry.JobInterior); app.State != registry.Agreed {
		t.Errorf("the second application: %s", app.State)
	}
}

func TestChangingToAnotherPersonSuspendsAndFalls(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	a := w.Standard(t)
	if err := a.Confirm(account.Confirmation{ID: "c", Method: account.ServiceCenter, At: w.Clock.Now()}); err != nil {
		t.Fatal(err)
	}
	w.Create(t, a)
	same := a.Profile.Person
	same.BirthPlace = "г. Тула"
	w.run(w.submit(a, same), registry.JobPension, registry.JobInterior)
	if got := w.account(a.ID); got.Level != account.Verified || got.Epoch != a.Epoch {
		t.Errorf("the same person: %s, epoch %d", got.Level, got.Epoch)
	}
	w.run(w.submit(a, storagetest.Person(t)), registry.JobPension, registry.JobInterior)
	got := w.account(a.ID)
	if got.Level != account.Standard || got.Epoch != a.Epoch+1 || !got.Confirmations[0].Suspended {
		t.Errorf("another person: %s, epoch %d, %+v", got.Level, got.Epoch, got.Confirmations)
	}
	if es := w.events(a.ID); es["lowered data"] != 1 {
		t.Errorf("events %v", es)
	}
}

func TestRefusedChangeChangesNothing(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	w.regs.set("pension", refuses(`"snils"`))
	a := w.Create(t, w.Standard(t))
	w.run(w.submit(a, storagetest.Person(t)), registry.JobPension, registry.JobInterior)
	got := w.account(a.ID)
	if got.Level != account.Standard || got.Profile.Person.SNILS != a.Profile.Person.SNILS || got.Epoch != a.Epoch {
		t.Errorf("after a refusal: %s", got.Level)
	}
}

func TestSubmitTurnsAwayWhatCannotBeChecked(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	a := w.Create(t, w.Simplified(t))
	half := storagetest.Person(t)
	half.Document = nil
	var wrong fault.Fields
	if _, err := w.desk.Submit(t.Context(), a.ID, half, "ru"); !errors.As(err, &wrong) || wrong.Code("document_number") == "" {
		t.Errorf("without a document: %v", err)
	}
	std := w.Create(t, w.Standard(t))
	if _, err := w.desk.Submit(t.Context(), std.ID, std.Profile.Person, "ru"); !errors.Is(err, registry.ErrUnchanged) {
		t.Errorf("unchanged data: %v", err)
	}
	held := w.Standard(t)
	held.RestrictedUntil = w.Clock.Now().Add(time.Hour)
	w.Create(t, held)
	if _, err := w.desk.Submit(t.Context(), held.ID, storagetest.Person(t), "ru"); !errors.Is(err, registry.ErrRestricted) {
		t.Errorf("a restricted account: %v", err)
	}
}

func TestRegistriesAreNoOracle(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	a := w.Create(t, w.Simplified(t))
	for range 10 {
		w.submit(a, storagetest.Person(t))
	}
	_, err := w.desk.Submit(t.Context(), a.ID, storagetest.Person(t), "ru")
	if wait, ok := fault.Wait(err); !ok || wait != 24*time.Hour || !errors.Is(err, registry.ErrTooMany) {
		t.Errorf("the eleventh in a day: %v", err)
	}
}

func TestPensionFundIsNotAskedAboutTheDocument(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	a := w.Create(t, w.Simplified(t))
	p := storagetest.Person(t)
	w.run(w.submit(a, p), registry.JobPension, registry.JobInterior, registry.JobTax)
	want := map[string][]string{
		"pension":  {"birth_date", "family_name", "given_name", "id", "patronymic", "sex", "snils"},
		"interior": {"birth_date", "birth_place", "citizenship", "document", "family_name", "given_name", "id", "patronymic"},
		"tax":      {"birth_date", "document", "family_name", "given_name", "id", "patronymic"},
	}
	for name, keys := range want {
		var got []string
		for k := range w.regs.bodies[name] {
			got = append(got, k)
		}
		slices.Sort(got)
		if !slices.Equal(got, keys) {
			t.Errorf("%s was sent %v, want %v", name, got, keys)
		}
	}
	if got := w.regs.bodies["pension"]["snils"]; got != p.SNILS.String() {
		t.Errorf("SNILS sent as %v", got)
	}
}
