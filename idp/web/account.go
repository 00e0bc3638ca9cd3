package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/ui"
)

func (d *Door) mountAccount(g *echo.Group) { g.GET("", d.home) }

// home is the citizen's own page: how far the account has come, who accepts it, what is next.
func (d *Door) home(c echo.Context) error {
	s, a := whoever(c)
	ctx := c.Request().Context()
	now := a.Assurance(d.Now())
	person := &a.Profile.Person
	p := ui.Account{
		Level: now.Level.String(), SimplifiedSince: a.Created, StandardSince: a.StandardAt, VerifiedSince: a.VerifiedAt,
		Frozen: a.Locks.Frozen,
		SNILS:  person.SNILS.MaskPage(), INN: person.INN.MaskPage(),
		Notice: told(c, "profile_saved", "contact_added", "contact_later", "password_changed", "totp_on", "totp_off"),
	}
	// The given name comes first when somebody is addressed; the document's order is for documents.
	p.Name = strings.Join(strings.Fields(person.GivenName.Format()+" "+person.Patronymic.Format()+" "+person.FamilyName.Format()), " ")
	p.Phone, p.Email = masked(a, account.Phone), masked(a, account.Email)
	if doc := person.Document; doc != nil {
		p.DocumentType, p.Document = doc.Type.String(), doc.MaskPage()
	}
	for _, k := range now.Confirmations {
		p.Confirmations = append(p.Confirmations, ui.Confirmation{Method: k.Method.String(), At: k.At})
	}
	if d.Now().Before(a.RestrictedUntil) && a.Level > account.Simplified {
		p.Lowered = &ui.Lowered{Until: a.RestrictedUntil}
	}
	later, err := d.underWay(ctx, a, &p)
	if err != nil {
		return err
	}
	switch {
	case d.rose(s, a):
		p.Next = "use_now"
	case p.Lowered != nil:
	case p.Running == "checks" && a.Level < account.Standard:
		p.Next = "checks"
	case a.Level < account.Standard:
		p.Next = "profile"
	case p.Running == "letter":
		p.Next = "letter"
	case a.Level < account.Verified:
		p.Next = "confirm"
	}
	if p.Services, err = d.services(ctx, c, a, now, later); err != nil {
		return err
	}
	all, err := d.wishes(c, a)
	if err != nil {
		return err
	}
	for _, w := range all {
		if w.Open {
			p.Wishes = append(p.Wishes, w)
		}
	}
	if p.LastLogin, err = d.lastLogin(ctx, s); err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "account", p)
}

// underWay finds the check or the letter that is running, and what it would open.
func (d *Door) underWay(ctx context.Context, a *account.Account, p *ui.Account) (func(policy.Policy) bool, error) {
	meets := func(as account.Assurance) func(policy.Policy) bool {
		return func(ask policy.Policy) bool {
			return policy.Decide(policy.Subject{Assurance: as, AMR: policy.Strongest()}, d.Wall(), ask).Met
		}
	}
	nothing := func(policy.Policy) bool { return false }
	app, err := d.Read.LastApplication(ctx, a.ID)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return nil, err
	}
	if err == nil && app.State == registry.Running {
		p.Running, p.RunningUntil = "checks", app.Deadline
		if a.Level < account.Standard {
			return meets(account.Assurance{Level: account.Standard}), nil
		}
		return nothing, nil
	}
	l, err := d.Read.LastLetter(ctx, a.ID)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return nil, err
	}
	if err == nil && l.Live(d.Now()) && a.Level >= account.Standard {
		p.Running, p.RunningUntil = "letter", l.ValidTill
		if l.ValidTill.IsZero() {
			p.RunningUntil = l.Ordered.AddDate(0, 0, expectedDays)
		}
		as := account.Assurance{Level: account.Verified, Confirmations: slices.Clone(a.Confirmations)}
		as.Confirmations = append(as.Confirmations, account.Confirmation{Method: account.MailCode, At: d.Wall()})
		return meets(as), nil
	}
	return nothing, nil
}

// expectedDays is how long a letter is on its way: two weeks on average.
const expectedDays = 14

// lastLogin is the sign-in before this session's, or this one, when it was the first.
func (d *Door) lastLogin(ctx context.Context, s *session.Session) (*ui.Login, error) {
	events, err := d.Read.Events(ctx, s.Account, 0, 50)
	if err != nil {
		return nil, err
	}
	var out *ui.Login
	for _, e := range events {
		if e.Kind != audit.SignedIn {
			continue
		}
		if out == nil || e.Session != string(s.ID) {
			out = &ui.Login{At: e.At, Agent: e.Device}
		}
		if e.Session != string(s.ID) {
			break
		}
	}
	return out, nil
}

// masked is a contact as its owner's pages show it.
func masked(a *account.Account, kind account.ContactKind) string {
	c, ok := a.Profile.Contact(kind)
	if !ok {
		return ""
	}
	return contact.Mask(c)
}

// told is the notice that a redirect brought, if it is one of these.
func told(c echo.Context, known ...string) string {
	if n := c.QueryParam("notice"); slices.Contains(known, n) {
		return n
	}
	return ""
}
