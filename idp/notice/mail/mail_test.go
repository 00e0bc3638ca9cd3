package mail

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	gonet "net/mail"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/propusk/propusk/idp/notice"
)

// server is a mail server that takes everything, or answers a recipient with an error.
type server struct {
	refuse *smtp.SMTPError
	got    [][]byte
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return s, nil }
func (s *server) Mail(string, *smtp.MailOptions) error        { return nil }
func (s *server) Reset()                                      {}
func (s *server) Logout() error                               { return nil }
func (s *server) Rcpt(_ string, _ *smtp.RcptOptions) error {
	if s.refuse != nil {
		return s.refuse
	}
	return nil
}
func (s *server) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.got = append(s.got, b)
	return err
}

func start(t *testing.T, s *server) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := smtp.NewServer(s)
	srv.Domain = "localhost"
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	m, err := New(Config{Address: l.Addr().String(), From: "Пропуск <no-reply@propusk.example>", TLS: "none", Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var message = notice.Message{ID: "ABC", To: "i@example.com", Subject: "Личность подтверждена", Text: "Здравствуйте!\n", Created: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}

func TestMailCarriesItsStableID(t *testing.T) {
	s := &server{}
	m := start(t, s)
	for range 2 {
		if err := m.Carry(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	for _, raw := range s.got {
		got, err := gonet.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		subject, _ := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		body, _ := io.ReadAll(quotedprintable.NewReader(got.Body))
		if id := got.Header.Get("Message-ID"); id != "<ABC@propusk>" {
			t.Errorf("Message-ID %s", id)
		}
		if subject != message.Subject || !bytes.Contains(body, []byte("Здравствуйте!")) {
			t.Errorf("subject %q, body %q", subject, body)
		}
		if ct, params, _ := mime.ParseMediaType(got.Header.Get("Content-Type")); ct != "text/plain" || params["charset"] != "UTF-8" {
			t.Errorf("Content-Type %s %v", ct, params)
		}
	}
}

func TestPermanentRefusalGivesUpAndPassingOneDoesNot(t *testing.T) {
	for code, refused := range map[int]bool{550: true, 451: false} {
		m := start(t, &server{refuse: &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "no"}})
		if err := m.Carry(t.Context(), message); err == nil || errors.Is(err, notice.ErrRefused) != refused {
			t.Errorf("Carry at %d: %v, refused for good: want %v", code, err, refused)
		}
	}
}

func TestUnreachableServerIsTriedAgain(t *testing.T) {
	m, err := New(Config{Address: "127.0.0.1:1", From: "a@propusk.example", TLS: "none", Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Carry(t.Context(), message); err == nil || errors.Is(err, notice.ErrRefused) {
		t.Errorf("Carry: %v", err)
	}
}

func TestWrongSettingsAreToldAtStart(t *testing.T) {
	for _, c := range []Config{{Address: "mail", From: "a@b.ru"}, {Address: "mail:25", From: "nobody"}, {Address: "mail:25", From: "a@b.ru", TLS: "maybe"}} {
		if _, err := New(c); err == nil {
			t.Errorf("New(%+v) took it", c)
		}
	}
}
