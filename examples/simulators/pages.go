package simulators

import (
	"embed"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/propusk/propusk/examples/simulators/authority"
	"github.com/propusk/propusk/examples/simulators/gateway"
	"github.com/propusk/propusk/examples/simulators/post"
	"github.com/propusk/propusk/examples/simulators/registries"
	"github.com/propusk/propusk/examples/site"
)

//go:embed pages site.html words.json icon.svg
var files embed.FS

func (w *world) routes() *http.ServeMux {
	mux := http.NewServeMux()
	w.mountAPI(mux)
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/outbox", http.StatusSeeOther) })
	mux.HandleFunc("GET /outbox", w.page(w.outboxPage))
	mux.HandleFunc("GET /post", w.page(w.postPage))
	mux.HandleFunc("GET /post/{id}/letter.pdf", w.page(w.letterPDF))
	mux.HandleFunc("POST /post/{id}/status", w.page(w.moveLetter))
	mux.HandleFunc("GET /registries", w.page(w.registriesPage))
	mux.HandleFunc("POST /registries/people", w.page(w.addPerson))
	mux.HandleFunc("POST /registries/{name}/mode", w.page(w.setMode))
	mux.HandleFunc("POST /registries/{name}/notices", w.page(w.tell))
	mux.HandleFunc("GET /certificates", w.page(w.certificatesPage))
	mux.HandleFunc("POST /certificates", w.page(w.issueCertificate))
	mux.HandleFunc("POST /certificates/mode", w.page(w.setAuthorityMode))
	mux.HandleFunc("GET /certificates/{serial}/{file}", w.page(w.certificateFile))
	mux.HandleFunc("POST /certificates/{serial}/revoke", w.page(w.revokeCertificate))
	mux.HandleFunc("POST /certificates/{serial}/sign", w.page(w.signFile))
	mux.HandleFunc("GET /codes", w.page(w.codesPage))
	mux.HandleFunc("GET /clock", w.page(w.clockPage))
	mux.HandleFunc("POST /clock", w.page(w.advance))
	mux.HandleFunc("/", w.site.NotFound)
	return mux
}

// page gives a handler's error the page that fits it.
func (w *world) page(handle func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(rw, r.Body, 64<<10)
		switch err := handle(rw, r); {
		case err == nil:
		case errors.Is(err, post.ErrUnknown), errors.Is(err, authority.ErrUnknown), errors.Is(err, errUnknown):
			w.site.NotFound(rw, r)
		case notIssued(err):
			w.site.Message(rw, r, http.StatusConflict, site.Message{
				Title: w.site.Say(r, "certificates.refused"), Text: []string{w.site.Say(r, "certificates.refused.text")},
				Actions: []site.Action{{Name: w.site.Say(r, "move.back"), Href: "/certificates"}},
			})
		case errors.Is(err, post.ErrMove), errors.Is(err, registries.ErrMode), errors.Is(err, registries.ErrNotice):
			w.site.Message(rw, r, http.StatusConflict, site.Message{
				Title: w.site.Say(r, "move.refused"), Text: []string{w.site.Say(r, "move.refused.text")},
				Actions: []site.Action{{Name: w.site.Say(r, "move.back"), Href: "/" + strings.Split(r.URL.Path, "/")[1]}},
			})
		default:
			w.site.Fault(rw, r, err)
		}
	}
}

// frame is what stands around every page of the outside world.
type frame struct {
	Now   time.Time
	Links []Link
}

func (w *world) around(*http.Request) any { return frame{w.clock.Now(), w.cfg.Links} }

type outboxView struct {
	To     string
	Phone  string
	Phones []string
	SMS    []message
	Mail   []message
}

type message struct {
	gateway.Message
	Pieces []gateway.Piece
}

// outboxPage shows one person's phone and everybody's mail, or the mail of one
// address and everybody's phone: whose address is whose, the outside world does not know.
func (w *world) outboxPage(rw http.ResponseWriter, r *http.Request) error {
	v := outboxView{To: r.URL.Query().Get("to")}
	if len(v.To) > 254 {
		v.To = ""
	}
	isMail := strings.Contains(v.To, "@")
	if v.To != "" && !isMail {
		v.Phone = gateway.Recipient(v.To)
	}
	all, err := w.outbox.Messages(r.Context(), "")
	if err != nil {
		return err
	}
	// The person asked for may be older news than everybody's latest.
	own := all
	if v.To != "" {
		if own, err = w.outbox.Messages(r.Context(), v.To); err != nil {
			return err
		}
	}
	phones, letters := all, all
	if v.Phone != "" {
		phones = own
	}
	if isMail {
		letters = own
	}
	v.SMS, v.Mail = of(gateway.SMS, phones), of(gateway.Mail, letters)
	for _, p := range w.cfg.People {
		if p.Phone != "" {
			v.Phones = append(v.Phones, p.Phone)
		}
	}
	w.site.Render(rw, r, http.StatusOK, "outbox", v)
	return nil
}

const messagesShown = 60

func of(channel string, all []gateway.Message) []message {
	var chosen []message
	for _, m := range all {
		if m.Channel == channel && len(chosen) < messagesShown {
			chosen = append(chosen, message{m, gateway.Pieces(m.Text)})
		}
	}
	return chosen
}

type postView struct{ Letters []postLetter }

type postLetter struct {
	letter
	Path  string
	Moves string
	Next  []post.Status
}

func letterPath(id string) string { return "/post/" + url.PathEscape(id) + "/letter.pdf" }

func (w *world) postPage(rw http.ResponseWriter, r *http.Request) error {
	all, err := w.post.Letters(r.Context())
	if err != nil {
		return err
	}
	v := postView{}
	for _, l := range all {
		v.Letters = append(v.Letters, postLetter{w.shown(l), letterPath(l.ID), "/post/" + url.PathEscape(l.ID) + "/status", l.Next()})
	}
	w.site.Render(rw, r, http.StatusOK, "post", v)
	return nil
}

func (w *world) letterPDF(rw http.ResponseWriter, r *http.Request) error {
	pdf, err := w.post.PDF(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	// A browser's own viewer needs styles; the file itself can run nothing here.
	rw.Header().Del("Content-Security-Policy")
	rw.Header().Set("Content-Type", "application/pdf")
	rw.Header().Set("Content-Disposition", `inline; filename="letter.pdf"`)
	_, err = rw.Write(pdf)
	return err
}

func (w *world) moveLetter(rw http.ResponseWriter, r *http.Request) error {
	if _, err := w.post.Move(r.Context(), r.PathValue("id"), post.Status(r.PostFormValue("status"))); err != nil {
		return err
	}
	http.Redirect(rw, r, "/post", http.StatusSeeOther)
	return nil
}

type registriesView struct {
	Registries []registryView
	People     []Person
	Told       string // the kind of notice just told; "": none
	New        Person
	Wrong      []string
	Bad        map[string]bool
}

type registryView struct {
	Name string
	registries.Mode
	Seconds int
	Modes   []string
}

func (w *world) registriesView(r *http.Request) (registriesView, error) {
	modes, err := w.people.Modes(r.Context())
	if err != nil {
		return registriesView{}, err
	}
	v := registriesView{New: Person{Citizenship: "RUS", Document: Document{Type: registries.Passport}}}
	for _, name := range registries.Names() {
		v.Registries = append(v.Registries, registryView{name, modes[name], int(modes[name].Delay.Seconds()),
			[]string{registries.OK, registries.Slow, registries.Down, registries.Refuse}})
	}
	if told := r.URL.Query().Get("told"); told == registries.DocumentAnnulled || told == registries.PersonDeceased {
		v.Told = told
	}
	v.People, err = w.people.People(r.Context())
	return v, err
}

func (w *world) registriesPage(rw http.ResponseWriter, r *http.Request) error {
	v, err := w.registriesView(r)
	if err != nil {
		return err
	}
	w.site.Render(rw, r, http.StatusOK, "registries", v)
	return nil
}

func (w *world) addPerson(rw http.ResponseWriter, r *http.Request) error {
	value := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	p := Person{
		Phone: value("phone"), FamilyName: value("family_name"), GivenName: value("given_name"), Patronymic: value("patronymic"),
		Sex: value("sex"), BirthDate: value("birth_date"), BirthPlace: value("birth_place"), Citizenship: value("citizenship"),
		SNILS: value("snils"), INN: value("inn"), Address: value("address"), NeverAnswers: value("never_answers") != "",
		Document: Document{Type: value("document_type"), Number: value("document_number"), IssuedOn: value("issued_on"), Issuer: value("issuer"), DepartmentCode: value("department_code")},
	}
	_, err := w.people.Add(r.Context(), p.NewNumbers())
	if err == nil {
		http.Redirect(rw, r, "/registries#people", http.StatusSeeOther)
		return nil
	}
	v, viewErr := w.registriesView(r)
	if viewErr != nil {
		return viewErr
	}
	v.New, v.Wrong, v.Bad = p, strings.Split(err.Error(), "\n"), map[string]bool{}
	for _, field := range v.Wrong {
		v.Bad[field] = true
	}
	w.site.Render(rw, r, http.StatusUnprocessableEntity, "registries", v)
	return nil
}

func (w *world) setMode(rw http.ResponseWriter, r *http.Request) error {
	m := registries.Mode{Mode: r.PostFormValue("mode")}
	if seconds := strings.TrimSpace(r.PostFormValue("delay")); m.Mode == registries.Slow && seconds != "" {
		delay, err := time.ParseDuration(seconds + "s")
		if err != nil {
			return registries.ErrMode
		}
		m.Delay = delay
	}
	if err := w.people.SetMode(r.Context(), r.PathValue("name"), m); err != nil {
		return err
	}
	http.Redirect(rw, r, "/registries", http.StatusSeeOther)
	return nil
}

// A phoneCode is what the authenticator app on somebody's phone shows.
type phoneCode struct {
	Phone string
	Name  string
	Code  string
	Left  int
}

func (w *world) codesPage(rw http.ResponseWriter, r *http.Request) error {
	codes := []phoneCode{}
	now := time.Now()
	for phone, secret := range w.cfg.TOTP {
		code, err := totp.GenerateCode(secret, now)
		if err != nil {
			return err
		}
		c := phoneCode{Phone: gateway.Recipient(phone), Code: code, Left: secondsLeft(now)}
		for _, p := range w.cfg.People {
			if gateway.Recipient(p.Phone) == c.Phone {
				c.Name = p.FamilyName + " " + p.GivenName
			}
		}
		codes = append(codes, c)
	}
	slices.SortFunc(codes, func(a, b phoneCode) int { return strings.Compare(a.Phone, b.Phone) })
	w.site.Render(rw, r, http.StatusOK, "codes", codes)
	return nil
}

type clockView struct {
	Now   time.Time
	Real  time.Time
	Days  int
	Hours int
	Moved bool
}

func (w *world) clockPage(rw http.ResponseWriter, r *http.Request) error {
	offset := w.clock.Offset()
	w.site.Render(rw, r, http.StatusOK, "clock", clockView{
		Now: w.clock.Now(), Real: time.Now(), Moved: offset > 0,
		Days: int(offset.Hours()) / 24, Hours: int(offset.Hours()) % 24,
	})
	return nil
}

func (w *world) advance(rw http.ResponseWriter, r *http.Request) error {
	d, err := time.ParseDuration(r.PostFormValue("advance"))
	if err != nil || w.clock.Advance(d) != nil {
		w.site.Message(rw, r, http.StatusBadRequest, site.Message{
			Title: w.site.Say(r, "clock.wrong"), Text: []string{w.site.Say(r, "clock.wrong.text")},
			Actions: []site.Action{{Name: w.site.Say(r, "move.back"), Href: "/clock"}},
		})
		return nil
	}
	http.Redirect(rw, r, "/clock", http.StatusSeeOther)
	return nil
}
