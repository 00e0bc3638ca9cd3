package feed_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/tidings"
	"github.com/propusk/propusk/idp/tidings/feed"
)

// says serves one answer, and tells what was asked.
func says(t *testing.T, status int, body string) (*feed.Client, *http.Request) {
	t.Helper()
	asked := &http.Request{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = *r.Clone(r.Context())
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return feed.New(outside.Config{Base: server.URL, Token: "secret"}, "/interior/v1/notices"), asked
}

func TestPageIsReadWithItsCursor(t *testing.T) {
	c, asked := says(t, 200, `{"notices":[
		{"id":"a","kind":"document_annulled","at":"2026-11-21T10:00:00Z","document":{"type":"ru_passport","number":"45 11 804617"}},
		{"id":"b","kind":"person_deceased","snils":"112-233-445 95","birth_date":"1986-05-07"},
		{"id":"c","kind":"name_changed"}],"next":"17","more":true}`)
	p, err := c.Notices(t.Context(), "1 6&")
	if err != nil {
		t.Fatal(err)
	}
	if got := asked.URL.Query().Get("after"); got != "1 6&" || asked.Header.Get("Authorization") != "Bearer secret" {
		t.Errorf("asked after %q with %q", got, asked.Header.Get("Authorization"))
	}
	if len(p.Notices) != 3 || p.Next != "17" || !p.More {
		t.Fatalf("page %+v", p)
	}
	if n := p.Notices[0]; n.Kind != tidings.Annulled || n.Document.Key() != "ru_passport:4511804617" {
		t.Errorf("first notice %+v", n)
	}
	if n := p.Notices[1]; n.Kind != tidings.Deceased || n.SNILS.String() != "11223344595" || n.BirthDate.String() != "1986-05-07" {
		t.Errorf("second notice %+v", n)
	}
}

func TestPageThatIsNotTheAgreedOneIsNotActedOn(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":              `<html>`,
		"a notice without id":  `{"notices":[{"kind":"person_deceased","snils":"11223344595","birth_date":"1986-05-07"}]}`,
		"a wrong SNILS":        `{"notices":[{"id":"a","kind":"person_deceased","snils":"11223344596","birth_date":"1986-05-07"}]}`,
		"no birth date":        `{"notices":[{"id":"a","kind":"person_deceased","snils":"11223344595"}]}`,
		"an unknown document":  `{"notices":[{"id":"a","kind":"document_annulled","document":{"type":"library_card","number":"1"}}]}`,
		"more, but no further": `{"notices":[],"more":true}`,
	} {
		c, _ := says(t, 200, body)
		_, err := c.Notices(t.Context(), "")
		if !errors.Is(err, fault.Unavailable) || outside.CodeOf(err) != outside.Incoherent {
			t.Errorf("%s: %v, want trouble", name, err)
		}
	}
	c, _ := says(t, 404, ``)
	if _, err := c.Notices(t.Context(), ""); !errors.Is(err, fault.NotFound) {
		t.Errorf("no feed: %v, want NotFound", err)
	}
}
