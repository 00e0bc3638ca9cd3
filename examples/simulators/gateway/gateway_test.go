package gateway

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/wneessen/go-mail"
	_ "modernc.org/sqlite"
)

func outbox(t *testing.T, path string) *Outbox {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	o, err := Open(context.Background(), db, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func messages(t *testing.T, o *Outbox, to string) []Message {
	t.Helper()
	m, err := o.Messages(context.Background(), to)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func send(t *testing.T, o *Outbox, body string) int {
	t.Helper()
	mux := http.NewServeMux()
	o.Mount(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/sms/v1/messages", strings.NewReader(body)))
	if w.Code == http.StatusAccepted {
		var answer map[string]string
		if json.Unmarshal(w.Body.Bytes(), &answer) != nil || answer["id"] == "" {
			t.Errorf("answer %s", w.Body)
		}
	}
	return w.Code
}

func TestAMessageSentTwiceArrivesOnceAlsoAfterARestart(t *testing.T) {
	path := t.TempDir() + "/w"
	text := `{"id":"m1","to":"+79000000041","text":"481 907 — код для входа в Пропуск.\n@localhost #481907"}`
	first := outbox(t, path)
	if status := send(t, first, text); status != 202 {
		t.Fatalf("sending: %d", status)
	}
	if status := send(t, first, text); status != 202 {
		t.Errorf("repeating: %d", status)
	}
	again := outbox(t, path)
	if status := send(t, again, text); status != 202 {
		t.Errorf("repeating after a restart: %d", status)
	}
	for _, spelling := range []string{"+79000000041", "8 (900) 000-00-41", "9000000041", "+7 900 000-00-41", " 79000000041"} {
		got := messages(t, again, spelling)
		if len(got) != 1 || got[0].Code != "481907" || got[0].Channel != SMS || got[0].To != "+79000000041" {
			t.Errorf("messages to %q: %+v", spelling, got)
		}
	}
	if got := messages(t, again, "+79000000042"); len(got) != 0 {
		t.Errorf("somebody else's messages: %+v", got)
	}
	for _, bad := range []string{"", "{}", `{"id":"x","to":"","text":"y"}`, `{"id":"x","to":"+79000000041","text":""}`, `{"id":"x","to":"+79000000041","text":"` + strings.Repeat("ю", 2001) + `"}`} {
		if status := send(t, again, bad); status != 400 {
			t.Errorf("%.40q: %d", bad, status)
		}
	}
}

func TestNewestMessagesComeFirst(t *testing.T) {
	o := outbox(t, t.TempDir()+"/w")
	for i := range 3 {
		send(t, o, fmt.Sprintf(`{"id":"%d","to":"+79000000041","text":"message %d"}`, i, i))
	}
	if got := messages(t, o, "+79000000041"); len(got) != 3 || got[0].ID != "2" || got[2].ID != "0" {
		t.Errorf("order %+v", got)
	}
}

func serveSMTP(t *testing.T, o *Outbox) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.ServeSMTP(ctx, []net.Listener{l}, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the mail server ended with %v", err)
		}
	})
	return l.Addr()
}

func TestMailArrivesOnceAndIsReadInFull(t *testing.T) {
	o := outbox(t, t.TempDir()+"/w")
	address := serveSMTP(t, o).(*net.TCPAddr)
	m := mail.NewMsg()
	if err := m.From("noreply@propusk.example"); err != nil {
		t.Fatal(err)
	}
	if err := m.To("Anna@Example.org"); err != nil {
		t.Fatal(err)
	}
	m.Subject("Подтвердите почту: это займёт одну минуту, и ссылка будет действовать три дня")
	m.SetMessageIDWithValue("01J@propusk")
	m.SetBodyString(mail.TypeTextPlain, "Откройте ссылку: http://localhost:8080/register/email?t="+strings.Repeat("a", 90)+".\n\nПропуск")
	m.AddAlternativeString(mail.TypeTextHTML, "<p>html</p>")
	for range 2 {
		client, err := mail.NewClient("127.0.0.1", mail.WithPort(address.Port), mail.WithTLSPolicy(mail.NoTLS), mail.WithTimeout(5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if err := client.DialAndSend(m); err != nil {
			t.Fatal(err)
		}
	}
	got := messages(t, o, "anna@example.ORG")
	if len(got) != 1 {
		t.Fatalf("%d messages, want one: %+v", len(got), got)
	}
	want := Message{ID: "01J@propusk", Channel: Mail, To: "anna@example.org",
		Subject: "Подтвердите почту: это займёт одну минуту, и ссылка будет действовать три дня",
		Link:    "http://localhost:8080/register/email?t=" + strings.Repeat("a", 90), At: got[0].At, Text: got[0].Text}
	if got[0] != want || !strings.HasPrefix(want.Text, "Откройте ссылку: http") || strings.Contains(want.Text, "html") {
		t.Errorf("got %+v", got[0])
	}
}

func TestEveryRecipientGetsAMailWithoutAnId(t *testing.T) {
	o := outbox(t, t.TempDir()+"/w")
	address := serveSMTP(t, o).String()
	text := []byte("Subject: plain\r\n\r\nhello\r\n")
	for range 2 {
		if err := smtp.SendMail(address, nil, "a@b.example", []string{"one@example.org", "two@example.org"}, text); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range []string{"one@example.org", "two@example.org"} {
		if got := messages(t, o, to); len(got) != 1 || got[0].Text != "hello" {
			t.Errorf("to %s: %+v", to, got)
		}
	}
}

func TestCodesAndLinksAreFound(t *testing.T) {
	for _, c := range []struct{ text, code, link string }{
		{"481 907 — код для телефона в Пропуске. Действует 5 минут.\n@localhost #481907", "481907", ""},
		{"481907 is your code", "481907", ""},
		{"Ваш код: 123456. Никому его не говорите", "123456", ""},
		{"Your code is 123456", "123456", ""},
		{"Письмо с кодом отправлено 21 ноября 2026 года, номер 14210012345678", "", ""},
		{"Новый вход 21 ноября 2026, 14:40", "", ""},
		{"Откройте (https://id.example/x?a=1&b=2), чтобы продолжить", "", "https://id.example/x?a=1&b=2"},
		{"http://localhost:8080/a.", "", "http://localhost:8080/a"},
		{"nothing here", "", ""},
	} {
		if code, link := FindCode(c.text), FindLink(c.text); code != c.code || link != c.link {
			t.Errorf("%q: code %q link %q, want %q %q", c.text, code, link, c.code, c.link)
		}
	}
	pieces := Pieces("a http://x.example/1, b http://y.example/ c")
	joined := ""
	links := 0
	for _, p := range pieces {
		joined += p.Text
		if p.Href != "" {
			links++
		}
	}
	if joined != "a http://x.example/1, b http://y.example/ c" || links != 2 {
		t.Errorf("pieces %+v", pieces)
	}
}
