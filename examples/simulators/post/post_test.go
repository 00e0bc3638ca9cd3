package post

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/go-pdf/fpdf"
	_ "modernc.org/sqlite"
)

// printed makes a page as the provider prints it: text in another font,
// the code in the core font Courier-Bold as one string.
func printed(t *testing.T, code string, compressed bool) []byte {
	t.Helper()
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCompression(compressed)
	pdf.AddPage()
	pdf.SetFont("Helvetica", "", 12)
	pdf.MultiCell(0, 6, "Dear Anna, your code (like ABCD-EFGH-JKL) stands below. endstream", "", "", false)
	pdf.SetFont("Courier", "B", 24)
	pdf.CellFormat(0, 20, code, "1", 1, "C", false, 0, "")
	pdf.SetFont("Helvetica", "", 9)
	pdf.MultiCell(0, 6, "It is valid for 45 days.", "", "", false)
	var b bytes.Buffer
	if err := pdf.Output(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheCodeIsReadOffThePrintedPage(t *testing.T) {
	for _, compressed := range []bool{true, false} {
		if got := ReadCode(printed(t, "7K3M-9QXT-4HP", compressed)); got != "7K3M-9QXT-4HP" {
			t.Errorf("ReadCode (compressed: %t) = %q", compressed, got)
		}
	}
	for _, no := range [][]byte{nil, []byte("%PDF-1.4 stream endstream"), printed(t, "no code here", true), printed(t, "7K3M-9QXT", true)} {
		if got := ReadCode(no); got != "" {
			t.Errorf("ReadCode of a page without a code = %q", got)
		}
	}
}

func FuzzReadCode(f *testing.F) {
	f.Add([]byte("stream\n(7K3M-9QXT-4HP) Tj\nendstream"))
	f.Add([]byte("streamstreamendstreamendstream"))
	shape := regexp.MustCompile(`^([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3})?$`)
	f.Fuzz(func(t *testing.T, pdf []byte) {
		if got := ReadCode(pdf); !shape.MatchString(got) {
			t.Errorf("ReadCode = %q", got)
		}
	})
}

func open(t *testing.T, path string, now func() time.Time, automatic bool) *Office {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	o, err := Open(context.Background(), db, now, automatic)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

var to = Addressee{Name: "Белоусова Анна", Phone: "+79000000041", Address: Address{PostalCode: "170100", Region: "Тверская область", Locality: "Тверь", Street: "Советская", House: "1", Flat: "2"}}

func post(t *testing.T, o *Office, method, path string, body any) (int, map[string]any) {
	t.Helper()
	mux := http.NewServeMux()
	o.Mount(mux)
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(method, path, bytes.NewReader(data)))
	answer := map[string]any{}
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

func TestALetterSentTwiceIsOneLetter(t *testing.T) {
	path := t.TempDir() + "/w"
	order := map[string]any{"id": "a", "to": to, "pdf": printed(t, "7K3M-9QXT-4HP", true)}
	o := open(t, path, time.Now, false)
	status, first := post(t, o, "POST", "/post/v1/letters", order)
	if status != 201 || first["status"] != "accepted" || !regexp.MustCompile(`^\d{14}$`).MatchString(first["track"].(string)) {
		t.Fatalf("accepting: %d %v", status, first)
	}
	restarted := open(t, path, time.Now, false)
	status, again := post(t, restarted, "POST", "/post/v1/letters", order)
	if status != 200 || again["track"] != first["track"] {
		t.Errorf("the same id after a restart: %d %v, first %v", status, again, first)
	}
	letters, err := restarted.Letters(context.Background())
	if err != nil || len(letters) != 1 || letters[0].Code != "7K3M-9QXT-4HP" {
		t.Errorf("letters %+v, %v", letters, err)
	}
	if status, got := post(t, restarted, "GET", "/post/v1/letters/a", nil); status != 200 || got["status"] != "printed" || len(got["events"].([]any)) != 2 {
		t.Errorf("tracking: %d %v", status, got)
	}
	if status, _ := post(t, restarted, "GET", "/post/v1/letters/b", nil); status != 404 {
		t.Errorf("unknown letter: %d", status)
	}
	for name, bad := range map[string]map[string]any{
		"no id":      {"to": to, "pdf": order["pdf"]},
		"no pdf":     {"id": "c", "to": to},
		"not a pdf":  {"id": "c", "to": to, "pdf": []byte("hello world")},
		"no address": {"id": "c", "to": Addressee{Name: "x"}, "pdf": order["pdf"]},
	} {
		if status, _ := post(t, restarted, "POST", "/post/v1/letters", bad); status != 400 && status != 422 {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func statuses(l Letter) []Status {
	var s []Status
	for _, e := range l.Events {
		s = append(s, e.Status)
	}
	return s
}

func TestALetterTravelsWithTheClock(t *testing.T) {
	begun := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	now := begun
	o := open(t, t.TempDir()+"/w", func() time.Time { return now }, true)
	ctx := context.Background()
	if _, _, err := o.Accept(ctx, "a", to, printed(t, "7K3M-9QXT-4HP", true)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  Status
	}{{0, Printed}, {23 * time.Hour, Printed}, {day, HandedOver}, {2 * day, InTransit}, {10 * day, Arrived}, {13 * day, Arrived}, {20 * day, Delivered}, {90 * day, Delivered}} {
		now = begun.Add(c.after)
		l, err := o.Letter(ctx, "a")
		if err != nil || l.Status() != c.want {
			t.Errorf("after %s: %s, %v; want %s", c.after, l.Status(), err, c.want)
		}
	}
	l, _ := o.Letter(ctx, "a")
	if !slices.Equal(statuses(l), way) || !l.Events[5].At.Equal(begun.Add(14*day)) {
		t.Errorf("events %+v: want each when it was due", l.Events)
	}
}

func TestMovingByHand(t *testing.T) {
	o := open(t, t.TempDir()+"/w", time.Now, false)
	ctx := context.Background()
	accept := func(id string) {
		if _, _, err := o.Accept(ctx, id, to, printed(t, "7K3M-9QXT-4HP", true)); err != nil {
			t.Fatal(err)
		}
	}
	accept("a")
	if l, err := o.Move(ctx, "a", Arrived); err != nil || !slices.Equal(statuses(l), []Status{Accepted, Printed, HandedOver, InTransit, Arrived}) {
		t.Errorf("to arrived: %v %v", statuses(l), err)
	}
	for _, wrong := range []Status{Arrived, Printed, Accepted, "lost", ""} {
		if _, err := o.Move(ctx, "a", wrong); !errors.Is(err, ErrMove) {
			t.Errorf("from arrived to %q: %v", wrong, err)
		}
	}
	if l, err := o.Move(ctx, "a", Delivered); err != nil || !l.Ended() || l.Next() != nil {
		t.Errorf("to delivered: %v %v", statuses(l), err)
	}
	if _, err := o.Move(ctx, "a", Returned); !errors.Is(err, ErrMove) {
		t.Errorf("a delivered letter came back: %v", err)
	}
	accept("b")
	if l, err := o.Move(ctx, "b", Returned); err != nil || l.Status() != Returned || !l.Ended() {
		t.Errorf("to returned: %v %v", statuses(l), err)
	}
	if _, err := o.Move(ctx, "c", Returned); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown letter: %v", err)
	}
}
