package registries

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

var anna = Person{
	FamilyName: "Белоусова-Ёлкина", GivenName: "Анна", Patronymic: "Игоревна", Sex: "f", BirthDate: "1990-03-08", BirthPlace: "гор. Тверь",
	Citizenship: "RUS", SNILS: "112-233-445 95", INN: "500100732259",
	Document: Document{Type: Passport, Number: "4510 123456", IssuedOn: "2010-04-01", Issuer: "ОВД района Ёлки-Палки", DepartmentCode: "770-014"},
}

func office(t *testing.T, path string, now func() time.Time, delay time.Duration, people ...Person) http.Handler {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	o, err := Open(context.Background(), db, now, delay, people)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	o.Mount(mux)
	mux.HandleFunc("PUT /mode/{name}/{mode}", func(w http.ResponseWriter, r *http.Request) {
		delay, _ := time.ParseDuration(r.URL.Query().Get("delay"))
		if o.SetMode(r.Context(), r.PathValue("name"), Mode{r.PathValue("mode"), delay}) != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	return mux
}

type given struct {
	Status  string   `json:"status"`
	Verdict string   `json:"verdict"`
	Fields  []string `json:"fields"`
	INN     string   `json:"inn"`
}

func call(t *testing.T, h http.Handler, method, path string, body any) (int, given) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, bytes.NewReader(data)))
	var answer given
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

func good(id string) inquiry {
	return inquiry{
		ID: id, SNILS: "11223344595", FamilyName: "БЕЛОУСОВА ЕЛКИНА", GivenName: "анна", Patronymic: "Игоревна", Sex: "f", BirthDate: "1990-03-08",
		BirthPlace: "Гор.  Тверь", Citizenship: "RUS",
		Document: Document{Type: Passport, Number: "4510123456", IssuedOn: "2010-04-01", Issuer: "овд района елки палки", DepartmentCode: "770014"},
	}
}

func TestARefusalNamesEveryDifferingField(t *testing.T) {
	h := office(t, t.TempDir()+"/w", time.Now, 0, anna)
	for _, c := range []struct {
		name   string
		path   string
		change func(*inquiry)
		fields []string
	}{
		{"the pension fund agrees however it is spelled", "/pension/v1/checks", func(*inquiry) {}, nil},
		{"the ministry agrees however it is spelled", "/interior/v1/checks", func(*inquiry) {}, nil},
		{"no such SNILS", "/pension/v1/checks", func(q *inquiry) { q.SNILS = "11223344600" }, []string{"snils"}},
		{"no such document", "/interior/v1/checks", func(q *inquiry) { q.Document.Number = "4510000000" }, []string{"document_number"}},
		{"another type of document", "/interior/v1/checks", func(q *inquiry) { q.Document.Type = ForeignPassport }, []string{"document_number"}},
		{"name, sex and date", "/pension/v1/checks", func(q *inquiry) { q.FamilyName, q.Sex, q.BirthDate = "Иванова", "m", "1990-03-09" }, []string{"family_name", "sex", "birth_date"}},
		{"no patronymic", "/pension/v1/checks", func(q *inquiry) { q.Patronymic = "" }, []string{"patronymic"}},
		{"place, citizenship and the passport's own", "/interior/v1/checks", func(q *inquiry) {
			q.BirthPlace, q.Citizenship, q.Document.IssuedOn, q.Document.Issuer, q.Document.DepartmentCode = "Москва", "BLR", "2011-04-01", "УФМС", "770-015"
		}, []string{"birth_place", "citizenship", "issued_on", "issuer", "department_code"}},
		{"given name", "/interior/v1/checks", func(q *inquiry) { q.GivenName = "Инна" }, []string{"given_name"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := good(c.name)
			c.change(&q)
			status, got := call(t, h, http.MethodPost, c.path, q)
			want := "agreed"
			if c.fields != nil {
				want = "refused"
			}
			if status != 200 || got.Status != "done" || got.Verdict != want || !slices.Equal(got.Fields, c.fields) && len(got.Fields)+len(c.fields) > 0 {
				t.Errorf("%s: %d %+v, want %s %v", c.path, status, got, want, c.fields)
			}
		})
	}
}

func TestTheTaxServiceFindsTheINN(t *testing.T) {
	h := office(t, t.TempDir()+"/w", time.Now, 0, anna)
	if status, got := call(t, h, "POST", "/tax/v1/inn", good("1")); status != 200 || got.Verdict != "found" || got.INN != "500100732259" {
		t.Errorf("%d %+v", status, got)
	}
	other := good("2")
	other.BirthDate = "1991-01-01"
	if _, got := call(t, h, "POST", "/tax/v1/inn", other); got.Verdict != "not_found" || got.INN != "" {
		t.Errorf("for somebody else: %+v", got)
	}
}

func TestACheckIsPendingUntilTheDelayIsOver(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	h := office(t, t.TempDir()+"/w", func() time.Time { return now }, 2*time.Second, anna)
	if status, got := call(t, h, "POST", "/pension/v1/checks", good("1")); status != 202 || got.Status != "pending" {
		t.Fatalf("at once: %d %+v", status, got)
	}
	if status, _ := call(t, h, "GET", "/pension/v1/checks/2", nil); status != 404 {
		t.Errorf("unknown id: %d", status)
	}
	now = now.Add(2 * time.Second)
	if status, got := call(t, h, "GET", "/pension/v1/checks/1", nil); status != 200 || got.Verdict != "agreed" {
		t.Errorf("after the delay: %d %+v", status, got)
	}
}

func TestAVerdictStaysUnderItsIdThroughModesAndRestarts(t *testing.T) {
	path := t.TempDir() + "/w"
	h := office(t, path, time.Now, 0, anna)
	call(t, h, "POST", "/pension/v1/checks", good("1"))
	call(t, h, "PUT", "/mode/pension/refuse", nil)
	if _, got := call(t, h, "POST", "/pension/v1/checks", good("1")); got.Verdict != "agreed" {
		t.Errorf("a repeat of the id was decided anew: %+v", got)
	}
	if _, got := call(t, h, "POST", "/pension/v1/checks", good("2")); got.Verdict != "refused" || !slices.Equal(got.Fields, []string{"snils"}) {
		t.Errorf("mode refuse: %+v", got)
	}
	restarted := office(t, path, time.Now, 0, anna)
	if _, got := call(t, restarted, "GET", "/pension/v1/checks/1", nil); got.Verdict != "agreed" {
		t.Errorf("after a restart: %+v", got)
	}
	if _, got := call(t, restarted, "POST", "/pension/v1/checks", good("3")); got.Verdict != "refused" {
		t.Errorf("the mode was forgotten: %+v", got)
	}
}

func TestModes(t *testing.T) {
	h := office(t, t.TempDir()+"/w", time.Now, 0, anna)
	call(t, h, "PUT", "/mode/interior/down", nil)
	if status, _ := call(t, h, "POST", "/interior/v1/checks", good("1")); status != 503 {
		t.Errorf("down: %d", status)
	}
	if status, _ := call(t, h, "GET", "/interior/v1/checks/1", nil); status != 503 {
		t.Errorf("down, polling: %d", status)
	}
	call(t, h, "PUT", "/mode/pension/slow?delay=80ms", nil)
	begun := time.Now()
	if status, got := call(t, h, "POST", "/pension/v1/checks", good("2")); status != 200 || got.Verdict != "agreed" || time.Since(begun) < 80*time.Millisecond {
		t.Errorf("slow: %d %+v after %s", status, got, time.Since(begun))
	}
	begun = time.Now()
	if status, _ := call(t, h, "POST", "/pension/v1/checks", good("2")); status != 200 || time.Since(begun) > 60*time.Millisecond {
		t.Errorf("a repeat must find the stored verdict at once: %d after %s", status, time.Since(begun))
	}
	for _, wrong := range []string{"/mode/police/ok", "/mode/tax/broken", "/mode/tax/slow?delay=-5s", "/mode/tax/slow?delay=48h"} {
		if status, _ := call(t, h, "PUT", wrong, nil); status != 400 {
			t.Errorf("%s: %d", wrong, status)
		}
	}
}

func TestSomePeopleAreNeverAnswered(t *testing.T) {
	never := anna
	never.NeverAnswers = true
	h := office(t, t.TempDir()+"/w", time.Now, 0, never)
	for _, path := range []string{"/pension/v1/checks", "/interior/v1/checks", "/tax/v1/inn"} {
		if status, got := call(t, h, "POST", path, good(path)); status != 202 || got.Status != "pending" {
			t.Errorf("%s: %d %+v", path, status, got)
		}
	}
}

func TestBadInquiriesAreRefused(t *testing.T) {
	h := office(t, t.TempDir()+"/w", time.Now, 0, anna)
	for _, body := range []string{"", "[]", "{", `{"id":""}`, `{"id":"` + strings.Repeat("x", 300) + `"}`, strings.Repeat(" ", 70<<10) + "{}"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/pension/v1/checks", strings.NewReader(body)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("body of %d bytes: %d", len(body), w.Code)
		}
	}
}

func TestMadeUpNumbersAreValid(t *testing.T) {
	for range 200 {
		p := anna
		p.SNILS, p.INN, p.Document.Number = "", "", ""
		if _, err := p.NewNumbers().check(); err != nil {
			t.Fatalf("made up %+v: %v", p.NewNumbers(), err)
		}
	}
	wrong := Person{SNILS: "11223344596", INN: "500100732258", Citizenship: "Россия"}
	if _, err := wrong.check(); err == nil || !strings.Contains(err.Error(), "snils") || !strings.Contains(err.Error(), "inn") || !strings.Contains(err.Error(), "citizenship") {
		t.Errorf("wrong numbers: %v", err)
	}
}
