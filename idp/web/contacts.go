package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) mountContacts(g *echo.Group) {
	g.GET("/contacts", d.showContacts)
	g.POST("/contacts", d.startContact)
	g.POST("/contacts/claim", d.keepContact)
	g.GET("/contacts/remove", d.showContactRemove)
	g.POST("/contacts/remove", d.removeContact)
	g.GET("/contacts/code", d.showContactCode)
	g.POST("/contacts/code", d.enterContactCode)
	g.GET("/contacts/sent", d.showContactSent)
	g.POST("/contacts/sent", d.resendContactLink)
	g.GET("/contacts/link/:token", d.showContactLink)
	g.POST("/contacts/link/:token", d.openContactLink)
}

func (d *Door) showContacts(c echo.Context) error { return d.contacts(c, http.StatusOK, nil) }

func (d *Door) contacts(c echo.Context, status int, wrong []ui.Fault) error {
	_, a := whoever(c)
	p := ui.Contacts{
		Form: ui.Form{Action: "/account/contacts", Faults: wrong}, Phone: masked(a, account.Phone), Email: masked(a, account.Email),
		Removable: d.removable(a), Tel: frame.Field(c, "tel"), NewEmail: frame.Field(c, "email"), Notice: told(c, "contact_kept", "contact_removed"),
	}
	claims, err := d.Contacts.Claims(c.Request().Context(), a)
	if err != nil {
		return err
	}
	for _, k := range claims {
		p.Claims = append(p.Claims, ui.ContactClaim{ID: k.ID, Kind: string(k.Kind), Contact: masked(a, k.Kind), Until: k.Due})
	}
	return d.render(c, status, "account", p)
}

// removable tells whether a contact can go: never the last one, and none soon after a recovery.
func (d *Door) removable(a *account.Account) bool {
	return len(a.Profile.Contacts) > 1 && !d.Now().Before(a.RestrictedUntil)
}

// keepContact takes the objection of a contact's holder. It gives nothing away, so the session is enough.
func (d *Door) keepContact(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	if err := d.Contacts.Keep(ctx, a.ID, frame.Field(c, "keep"), edge.RequestID(ctx)); err != nil {
		return err
	}
	return frame.See(c, "/account/contacts?notice=contact_kept")
}

func (d *Door) showContactRemove(c echo.Context) error {
	return d.contactRemove(c, http.StatusOK, nil)
}

// contactRemove asks about the contact that ?contact names.
func (d *Door) contactRemove(c echo.Context, status int, wrong []ui.Fault) error {
	_, a := whoever(c)
	kind := account.ContactKind(c.QueryParam("contact"))
	if _, ok := a.Profile.Contact(kind); !ok || !d.removable(a) {
		return frame.See(c, "/account/contacts")
	}
	return d.render(c, status, "account", ui.ContactRemove{
		Form: ui.Form{Action: "/account/contacts/remove?contact=" + string(kind), Faults: wrong},
		Kind: string(kind), Contact: masked(a, kind), Username: loginName(a),
	})
}

func (d *Door) removeContact(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	status, wrong, err := d.password(c, a, "current-password")
	if err != nil {
		return err
	}
	if wrong != nil {
		return d.contactRemove(c, status, wrong)
	}
	out, err := d.Contacts.Remove(ctx, a.ID, account.ContactKind(c.QueryParam("contact")), edge.RequestID(ctx))
	switch {
	case errors.Is(err, contact.ErrNone):
		return frame.See(c, "/account/contacts") // removed in another tab
	case errors.Is(err, contact.ErrLast):
		return d.contacts(c, http.StatusForbidden, frame.One("contact", "contact.last"))
	case errors.Is(err, contact.ErrRestricted):
		return d.contacts(c, http.StatusForbidden, []ui.Fault{{Field: "contact", Code: "contact.restricted", When: a.RestrictedUntil}})
	case err != nil:
		return err
	case out == contact.Waits:
		return frame.See(c, "/account/locks?notice=waits")
	}
	return frame.See(c, "/account/contacts?notice=contact_removed")
}

// afterProof is where a proved contact leads. Of one that another account holds, the page says no more than
// that word will come.
func afterProof(out contact.Outcome) string {
	switch out {
	case contact.Later:
		return "/account?notice=contact_later"
	case contact.Waits:
		return "/account/locks?notice=waits"
	}
	return "/account?notice=contact_added"
}

// startContact asks for the password and sends a code or a link to the new contact.
func (d *Door) startContact(c echo.Context) error {
	tel, mail := frame.Field(c, "tel"), frame.Field(c, "email")
	switch {
	case tel == "" && mail == "":
		return d.contacts(c, http.StatusUnprocessableEntity, frame.One("contact", "contact.empty"))
	case tel != "" && mail != "":
		return d.contacts(c, http.StatusUnprocessableEntity, frame.One("contact", "contact.both"))
	}
	_, a := whoever(c)
	ctx := c.Request().Context()
	status, wrong, err := d.password(c, a, "current-password")
	if err != nil {
		return err
	}
	if wrong != nil {
		return d.contacts(c, status, wrong)
	}
	kind, typed, to := account.Phone, tel, "/account/contacts/code"
	if mail != "" {
		kind, typed, to = account.Email, mail, "/account/contacts/sent"
	}
	ref, err := d.Contacts.Start(ctx, a, kind, typed, frame.Lang(c), edge.Network(ctx))
	if wrong, ok := frame.Faults(err); ok {
		return d.contacts(c, http.StatusUnprocessableEntity, wrong)
	}
	if wrong, ok := frame.Slow(c, err, "", "login.slow"); ok {
		edge.Cause(ctx, err)
		return d.contacts(c, http.StatusTooManyRequests, wrong)
	}
	switch {
	case errors.Is(err, contact.ErrHave):
		return d.contacts(c, http.StatusUnprocessableEntity, frame.One("contact", "contact.same"))
	case errors.Is(err, contact.ErrRestricted):
		return d.contacts(c, http.StatusForbidden, []ui.Fault{{Field: "contact", Code: "contact.restricted", When: a.RestrictedUntil}})
	case err != nil:
		return err
	}
	return frame.See(c, withRef(to, ref))
}

func (d *Door) contactFlow(c echo.Context) (string, *contact.Flow, error) {
	_, a := whoever(c)
	ref := c.QueryParam("r")
	f, err := d.Contacts.Flow(c.Request().Context(), ref, a.ID)
	return ref, f, err
}

func (d *Door) showContactCode(c echo.Context) error {
	ref, f, err := d.contactFlow(c)
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "account", contactCodePage(ref, f, nil))
}

func contactCodePage(ref string, f *contact.Flow, wrong []ui.Fault) ui.SMSCode {
	p := ui.SMSCode{
		Form: ui.Form{Action: withRef("/account/contacts/code", ref), Faults: wrong}, Purpose: "contact",
		Phone: f.Proof.Value, ExpiresAt: f.Proof.Until, ChangeURL: "/account/contacts",
	}
	if left := f.Proof.Left(); left <= 2 {
		p.TriesLeft = left
	}
	return p
}

func (d *Door) enterContactCode(c echo.Context) error {
	_, a := whoever(c)
	ctx, ref := c.Request().Context(), c.QueryParam("r")
	return d.prove(c, proving{
		section: "account", here: withRef("/account/contacts/code", ref),
		page: func(wrong []ui.Fault) (ui.SMSCode, error) {
			_, f, err := d.contactFlow(c)
			if err != nil {
				return ui.SMSCode{}, err
			}
			return contactCodePage(ref, f, wrong), nil
		},
		again: func() error { return d.Contacts.Resend(ctx, ref, a.ID, edge.Network(ctx)) },
		enter: func(code string) (string, error) {
			out, err := d.Contacts.Enter(ctx, ref, a.ID, code, edge.RequestID(ctx))
			return afterProof(out), err
		},
	})
}

func (d *Door) showContactSent(c echo.Context) error {
	ref, f, err := d.contactFlow(c)
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "account", contactSentPage(ref, f))
}

func contactSentPage(ref string, f *contact.Flow) ui.EmailSent {
	return ui.EmailSent{
		Form: ui.Form{Action: withRef("/account/contacts/sent", ref)}, Purpose: "contact",
		Email: f.Proof.Value, ValidUntil: f.Proof.Until, ChangeURL: "/account/contacts",
	}
}

func (d *Door) resendContactLink(c echo.Context) error {
	ref, f, err := d.contactFlow(c)
	if err != nil {
		return err
	}
	_, a := whoever(c)
	ctx := c.Request().Context()
	return d.resent(c, d.Contacts.Resend(ctx, ref, a.ID, edge.Network(ctx)), "account", contactSentPage(ref, f))
}

func (d *Door) showContactLink(c echo.Context) error {
	_, a := whoever(c)
	f, err := d.Contacts.Opened(c.Request().Context(), c.Param("token"), a.ID)
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "account", ui.EmailConfirm{Purpose: "contact", Email: f.Proof.Value})
}

func (d *Door) openContactLink(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	out, err := d.Contacts.Open(ctx, c.Param("token"), a.ID, edge.RequestID(ctx))
	if err != nil {
		return err
	}
	return frame.See(c, afterProof(out))
}
