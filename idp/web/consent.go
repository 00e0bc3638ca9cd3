package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/claims"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) showConsent(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if signin.Next(f).Kind != signin.Consent {
		return frame.See(c, frame.WithTx("/login", tx))
	}
	a, err := d.Accounts.Account(c.Request().Context(), f.Session.Account)
	if err != nil {
		return err
	}
	asked := f.Request.Asked()
	subject := account.Min(f.Session.Snapshot, a.Assurance(d.Now()))
	verified, later, err := d.verifiedData(f, a, subject)
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "", ui.Consent{
		Form: ui.Form{Action: frame.WithTx("/login/consent", tx)}, Origin: *origin(c, f), Purpose: upperFirst(spoken(f.Party.Purpose, frame.Lang(c))),
		Items: items(a, subject, asked), Until: signin.ConsentUntil(f.Party, d.Now()), Offline: slices.Contains(asked, claims.Offline),
		Verified: verified, Later: later,
	})
}

func (d *Door) answerConsent(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	switch frame.Field(c, "answer") {
	case "allow":
		err = d.SignIn.Allow(ctx, f)
	case "deny":
		err = d.SignIn.Deny(ctx, f)
	default:
		return frame.ErrForm
	}
	if err != nil {
		return err
	}
	return frame.See(c, frame.WithTx("/login", tx))
}

// items are the facts that a party asks for, by name and value. What the account has not yet is named too:
// the consent covers it, and the party will get it on the day it is there. The level goes to every party.
func items(a *account.Account, subject account.Assurance, scopes []string) []ui.ConsentItem {
	var out []ui.ConsentItem
	add := func(name, value string) {
		out = append(out, ui.ConsentItem{Name: name, Value: value, Absent: value == ""})
	}
	p := &a.Profile.Person
	for _, s := range scopes {
		switch s {
		case "profile":
			add("name", civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}.Format())
			if p.BirthDate.IsZero() {
				add("birth_date", "")
			} else {
				out = append(out, ui.ConsentItem{Name: "birth_date", Date: p.BirthDate.Time(time.UTC)})
			}
			add("sex", p.Sex.String())
		case "phone", "email":
			k, _ := a.Profile.Contact(account.ContactKind(s))
			add(s, k.Value)
		case "address":
			living := ""
			if a.Profile.Address != nil {
				living = a.Profile.Address.Format()
			}
			add("address", living)
		case "snils":
			add("snils", p.SNILS.Format())
		case "inn":
			add("inn", p.INN.Format())
		case "documents":
			paper := ""
			if p.Document != nil {
				paper = p.Document.Format()
			}
			add("document", paper)
			add("birth_place", p.BirthPlace)
			add("citizenship", p.Citizenship.String())
		}
	}
	level := ui.ConsentItem{Name: "level", Level: subject.Level.String()}
	if best, ok := subject.Strongest(); ok {
		level.Method, level.Date = best.Method.String(), best.At
	}
	return append(out, level)
}

// verifiedData is what the party would get as verified claims, by the very function that answers it later.
// later tells that some is asked for, and none would be given now: the consent covers it all the same.
func (d *Door) verifiedData(f *signin.Facts, a *account.Account, subject account.Assurance) (out []ui.ConsentProof, later bool, err error) {
	r, err := claims.ParseRequest(f.Request.Claims)
	if err != nil {
		return nil, false, err
	}
	proofs, err := r.Proofs(a, subject, f.Party.Scopes, d.Wall())
	if err != nil {
		return nil, false, err
	}
	for _, p := range proofs {
		shown := ui.ConsentProof{Date: p.At, Evidence: p.Evidence, Items: verifiedItems(&a.Profile.Person, p)}
		if p.Method != 0 {
			shown.Method = p.Method.String()
		}
		out = append(out, shown)
	}
	return out, len(out) == 0 && len(r.VerifiedData(f.Party.Scopes)) > 0, nil
}

func verifiedItems(p *account.Person, proof claims.Proof) []ui.ConsentItem {
	var out []ui.ConsentItem
	var name civil.FullName
	var named bool
	for _, fact := range claims.Facts(proof.Claims) {
		switch fact {
		case "family_name":
			name.Family, named = p.FamilyName, true
		case "given_name":
			name.Given, named = p.GivenName, true
		case "middle_name":
			name.Patronymic, named = p.Patronymic, true
		case "birthdate":
			out = append(out, ui.ConsentItem{Name: "birth_date", Date: p.BirthDate.Time(time.UTC)})
		case "gender":
			out = append(out, ui.ConsentItem{Name: "sex", Value: p.Sex.String()})
		case "place_of_birth":
			out = append(out, ui.ConsentItem{Name: "birth_place", Value: p.BirthPlace})
		case "nationalities":
			out = append(out, ui.ConsentItem{Name: "citizenship", Value: p.Citizenship.String()})
		case "ru_snils":
			out = append(out, ui.ConsentItem{Name: "snils", Value: p.SNILS.Format()})
		case "ru_inn":
			out = append(out, ui.ConsentItem{Name: "inn", Value: p.INN.Format()})
		}
	}
	if named {
		out = append([]ui.ConsentItem{{Name: "name", Value: name.Format()}}, out...)
	}
	if proof.Document && p.Document != nil {
		out = append(out, ui.ConsentItem{Name: "document", Value: p.Document.Format()})
	}
	return out
}

// itemNames are the facts behind scopes, for the list of who receives what.
func itemNames(scopes []string) []string {
	facts := map[string][]string{
		"profile": {"name", "birth_date", "sex"}, "phone": {"phone"}, "email": {"email"}, "address": {"address"},
		"snils": {"snils"}, "inn": {"inn"}, "documents": {"document", "birth_place", "citizenship"}, "openid": {"level"},
		"verified:family_name": {"name"}, "verified:given_name": {"name"}, "verified:middle_name": {"name"},
		"verified:birthdate": {"birth_date"}, "verified:gender": {"sex"}, "verified:ru_snils": {"snils"}, "verified:ru_inn": {"inn"},
		"verified:place_of_birth": {"birth_place"}, "verified:nationalities": {"citizenship"},
		claims.VerifiedEvidence: {"evidence"}, claims.VerifiedDocument: {"document"},
	}
	var out []string
	for _, s := range scopes {
		for _, fact := range facts[s] {
			if !slices.Contains(out, fact) {
				out = append(out, fact)
			}
		}
	}
	return out
}

// spoken is a text of a party in the language of the page, or in Russian.
func spoken(texts map[string]string, lang string) string {
	if t := texts[lang]; t != "" {
		return t
	}
	return texts["ru"]
}

// upperFirst begins a sentence.
func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// host is what an address bar would show of an address.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
