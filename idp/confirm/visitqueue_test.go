package confirm_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/print"
	"github.com/propusk/propusk/storage/storagetest"
)

func queued(lines []confirm.QueueLine) (out []string) {
	for _, l := range lines {
		out = append(out, l.ID)
	}
	return out
}

func TestQueueShowsWhatConcernsWhoeverLooks(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		if err := s.SaveCentre(t.Context(), &centre.Centre{ID: "77-099"}); err != nil {
			t.Fatal(err)
		}
		near, far := w.colleague(t, "77-014"), w.colleague(t, "77-099")
		w.change(t, func(a *account.Account) { a.RestrictedUntil = w.Clock.Now().Add(72 * time.Hour) })
		waiting := w.visit(t)
		if _, err := w.desk.Settle(t.Context(), w.op, waiting.ID, w.agreed()); err != nil {
			t.Fatal(err)
		}
		refused := w.visit(t)
		if _, err := w.desk.Refuse(t.Context(), w.op, refused.ID, []string{"face"}); err != nil {
			t.Fatal(err)
		}
		mine := w.visit(t)
		look := func(op confirm.Operator) *confirm.Queue {
			t.Helper()
			q, err := w.desk.Queue(t.Context(), op)
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
		q := look(w.op)
		if !slices.Equal(queued(q.Mine), []string{mine.ID}) || !slices.Equal(queued(q.Waiting), []string{waiting.ID}) || !q.Waiting[0].Own || !slices.Equal(queued(q.Closed), []string{refused.ID}) {
			t.Errorf("one's own: %+v", q)
		}
		if name := q.Mine[0].Name; !strings.Contains(name, "•") || strings.Contains(name, w.citizen.Profile.Person.FamilyName.String()) {
			t.Errorf("the name is %q", name)
		}
		q = look(near)
		if len(q.Mine) != 0 || !slices.Equal(queued(q.Waiting), []string{waiting.ID}) || q.Waiting[0].Own || len(q.Closed) != 0 {
			t.Errorf("a colleague's: %+v", q)
		}
		if q = look(far); len(q.Mine)+len(q.Waiting)+len(q.Closed) != 0 {
			t.Errorf("another centre's: %+v", q)
		}
		w.Clock.Advance(confirm.VisitLife)
		if q = look(w.op); len(q.Mine) != 0 || len(q.Waiting) != 0 {
			t.Errorf("after the hour: %+v", q)
		}
		w.employ(t, centre.Operator, false)
		if _, err := w.desk.Queue(t.Context(), w.op); !errors.Is(err, confirm.ErrNotStaff) {
			t.Errorf("one who left: %v", err)
		}
	})
}

func TestAColleagueSeesOnlyWhatWaits(t *testing.T) {
	w := open(t, storagetest.New(t))
	near := w.colleague(t, "77-014")
	v := w.visitFor(t, confirm.ToDelete)
	if _, err := w.desk.Colleague(t.Context(), near, v.ID); !errors.Is(err, confirm.ErrNoVisit) {
		t.Errorf("an open case of another: %v", err)
	}
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Colleague(t.Context(), w.op, v.ID); !errors.Is(err, confirm.ErrNoVisit) {
		t.Errorf("the same operator: %v", err)
	}
	for range 2 {
		one, err := w.desk.Colleague(t.Context(), near, v.ID)
		if err != nil || one.Account == nil || one.Person.SNILS != w.citizen.Profile.Person.SNILS {
			t.Fatalf("%+v, %v", one, err)
		}
	}
	looks, err := w.EventsBy(t.Context(), near.Account, 0, 10)
	if err != nil || len(looks) != 1 || looks[0].Kind != audit.OperatorOpened || looks[0].Detail["second"] != "1" || looks[0].Account != w.citizen.ID || looks[0].Reason != string(confirm.ToDelete) {
		t.Errorf("recorded %+v", looks)
	}
	w.Clock.Advance(confirm.VisitLife)
	if _, err := w.desk.Colleague(t.Context(), near, v.ID); !errors.Is(err, confirm.ErrVisitOver) {
		t.Errorf("after the hour: %v", err)
	}
}

func TestFormsSayWhatWasAskedFor(t *testing.T) {
	press := print.Press{Issuer: "http://localhost:8080"}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	said := map[string]confirm.VisitReason{}
	s := storagetest.New(t)
	for _, why := range append(confirm.VisitReasons(), confirm.ToRegister) {
		pdf, err := press.VisitForm(confirm.VisitForm{
			Number: "Ц-014-0001-0002", Reason: why, Person: s.Standard(t).Profile.Person, Phone: "+79000000041", Centre: &centre.Centre{ID: "77-014"},
			Operator: 1, Second: 2, At: at,
		})
		if err != nil {
			t.Fatal(err)
		}
		text := inflated(t, pdf)
		for _, want := range []string{"+7 900 000-00-41", "Второй оператор: № "} {
			if n := bytes.Count(text, drawn(want)); n < 2 {
				t.Errorf("%s: %q stands there %d times", why, want, n)
			}
		}
		if other, twice := said[string(text)]; twice {
			t.Errorf("%s and %s say the same", why, other)
		}
		said[string(text)] = why
	}
	for why, want := range map[confirm.VisitReason]string{
		confirm.ToConfirm: "о подтверждении личности", confirm.ToHandCode: "о выдаче кода активации", confirm.ToRestore: "о восстановлении доступа",
		confirm.ToCorrect: "об изменении данных", confirm.ToRegister: "о создании учётной записи", confirm.ToDelete: "об удалении учётной записи",
	} {
		found := false
		for text, of := range said {
			found = found || of == why && bytes.Contains([]byte(text), drawn(want))
		}
		if !found {
			t.Errorf("%s does not say %q", why, want)
		}
	}
}

func TestTheEnvelopeHidesItsCodeInside(t *testing.T) {
	code, err := civil.NewLetterCode(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pdf, err := print.Press{Issuer: "http://localhost:8080"}.Envelope(confirm.EnvelopeSheet{
		Number: "Ц-014-0001-0002", Name: "Ёлкина-Ковальчук Анна", Lang: "en", Centre: &centre.Centre{Name: map[string]string{"ru": "Центр № 14"}}, Code: code,
		Made: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Until: time.Date(2026, 12, 6, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	text := inflated(t, pdf)
	if n := bytes.Count(text, []byte(code.Format())); n != 1 {
		t.Errorf("the code stands there %d times", n)
	}
	for _, want := range []string{"Ёлкина-Ковальчук Анна", "Activation code", "06.12.2026."} {
		if !bytes.Contains(text, drawn(want)) {
			t.Errorf("the sheet does not say %q", want)
		}
	}
}
