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
	"github.com/propusk/propusk/ui"
)

func (d *Door) showConsent(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if signin.Next(f).Kind != signin.Consent {
		return see(c, withTx("/login", tx))
	}
	a, err := d.Accounts.Account(c.Request().Context(), f.Session.Account)
	if err != nil {
		return err
	}
	until := d.Now().AddDate(0, 0, signin.Remembered)
	if f.Party.Consent > 0 {
		until = d.Now().Add(f.Party.Consent)
	}
	asked := f.Request.Asked()
	return d.render(c, http.StatusOK, "", ui.Consent{
		Form: ui.Form{Action: withTx("/login/consent", tx)}, Origin: *origin(c, f), Purpose: upperFirst(spoken(f.Party.Purpose, lang(c))),
		Items: items(a, account.Min(f.Session.Snapshot, a.Assurance(d.Now())), asked), Until: until,
		Offline: slices.Contains(asked, claims.Offline),
	})
}

func (d *Door) answerConsent(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	switch field(c, "answer") {
	case "allow":
		err = d.SignIn.Allow(ctx, f)
	case "deny":
		err = d.SignIn.Deny(ctx, f)
	default:
		return errForm
	}
	if err != nil {
		return err
	}
	return see(c, withTx("/login", tx))
}

// items are the facts that a party would get, by name and value. What the account has not is not shown:
// the party will not get it. The level goes to every party, so it stands there in any case.
func items(a *account.Account, subject account.Assurance, scopes []string) []ui.ConsentItem {
	var out []ui.ConsentItem
	add := func(name, value string) {
		if value != "" {
			out = append(out, ui.ConsentItem{Name: name, Value: value})
		}
	}
	p := &a.Profile.Person
	for _, s := range scopes {
		switch s {
		case "profile":
			add("name", civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}.Format())
			if !p.BirthDate.IsZero() {
				out = append(out, ui.ConsentItem{Name: "birth_date", Date: p.BirthDate.Time(time.UTC)})
			}
			add("sex", p.Sex.String())
		case "phone", "email":
			if k, ok := a.Profile.Contact(account.ContactKind(s)); ok {
				add(s, k.Value)
			}
		case "address":
			if a.Profile.Address != nil {
				add("address", a.Profile.Address.Format())
			}
		case "snils":
			add("snils", p.SNILS.Format())
		case "inn":
			add("inn", p.INN.Format())
		case "documents":
			if p.Document != nil {
				add("document", p.Document.Format())
			}
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

// itemNames are the facts behind scopes, for the list of who receives what.
func itemNames(scopes []string) []string {
	facts := map[string][]string{
		"profile": {"name", "birth_date", "sex"}, "phone": {"phone"}, "email": {"email"}, "address": {"address"},
		"snils": {"snils"}, "inn": {"inn"}, "documents": {"document", "birth_place", "citizenship"}, "openid": {"level"},
	}
	var out []string
	for _, s := range scopes {
		out = append(out, facts[s]...)
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
