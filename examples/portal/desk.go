package portal

import (
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/propusk/propusk/examples/site"
)

// An Application is a person's request for a service.
type Application struct {
	Number  string
	Service Service
	At      time.Time
	Phone   string
	Email   string
	Note    string
}

// desk keeps the applications while the portal runs.
type desk struct {
	mu   sync.Mutex
	last int
	by   map[string][]Application // by subject, oldest first
}

func newDesk() *desk { return &desk{by: map[string][]Application{}} }

// A person has at most this many; the oldest make room.
const applicationsKept = 50

func (d *desk) take(subject string, a Application) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	a.Number = fmt.Sprintf("%d-%04d", a.At.Year(), d.last)
	kept := append(d.by[subject], a)
	d.by[subject] = kept[max(0, len(kept)-applicationsKept):]
}

// of lists a person's applications, newest first.
func (d *desk) of(subject string) []Application {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := slices.Clone(d.by[subject])
	slices.Reverse(list)
	return list
}

// fill takes what the person typed over what the claims gave, and names the
// fields that cannot be used by the words that explain them.
func (f *form) fill(v url.Values) {
	f.Phone, f.Email, f.Note = strings.TrimSpace(v.Get("phone")), strings.TrimSpace(v.Get("email")), strings.TrimSpace(v.Get("note"))
	f.Wrong = map[string]string{}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, f.Phone)
	switch {
	case f.Phone == "" && f.Email == "":
		f.Wrong["phone"] = "form.contact.missing"
	case f.Phone != "" && (len(digits) < 10 || len(digits) > 15):
		f.Wrong["phone"] = "form.phone.wrong"
	}
	if f.Email != "" {
		if a, err := mail.ParseAddress(f.Email); err != nil || a.Address != f.Email || len(f.Email) > 254 {
			f.Wrong["email"] = "form.email.wrong"
		}
	}
	if !utf8.ValidString(f.Note) || utf8.RuneCountInString(f.Note) > 2000 {
		f.Wrong["note"] = "form.note.wrong"
		f.Note = strings.ToValidUTF8(f.Note, "")
	}
}

func tooLong(s *service, r *http.Request) site.Message {
	return site.Message{
		Title: s.party.Site().Say(r, "form.too_long"), Text: []string{s.party.Site().Say(r, "form.note.wrong")},
		Actions: []site.Action{{Name: s.party.Site().Say(r, "form.back"), Href: r.URL.Path}}, Code: site.RequestID(r),
	}
}
