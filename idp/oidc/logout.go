package oidc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
)

const logoutPurpose seal.Purpose = "logout"

// ConfirmField is the form field that carries Confirm of a LogoutPage back.
const ConfirmField = "confirm"

// A LogoutPage asks the person whether to leave. Its form posts ConfirmField to /oauth2/logout.
type LogoutPage struct {
	Confirm string
	Party   *rp.Party // who asks; nil: nobody we know
	Session *session.Session
	Lang    string
}

// A LoggedOutPage says that the session is over.
type LoggedOutPage struct {
	Party *rp.Party // whom the person may go back to; nil: nobody we know
	Lang  string
}

// A leaving is a logout that waits for the person's word.
type leaving struct {
	Session  session.ID `json:"s"`
	Client   rp.ID      `json:"c,omitempty"`
	Redirect string     `json:"r,omitempty"`
	State    string     `json:"t,omitempty"`
	Lang     string     `json:"l,omitempty"`
	Expires  int64      `json:"x"` // Now, milliseconds
}

// logout ends the browser's session at a party's wish (OpenID Connect RP-Initiated Logout 1.0).
//
// Parameters: id_token_hint, client_id, post_logout_redirect_uri, state, ui_locales, logout_hint.
//
//  1. id_token_hint, if given, must be ours; expired is well. A false one is an error page, since whoever
//     made it means harm or is broken.
//  2. The party: the hint's audience, or client_id; both must agree.
//  3. post_logout_redirect_uri, exactly as that party registered it. Else an error page: no open redirector.
//  4. The session: that of the browser's cookie. The hint proves that the party speaks of this very
//     session if its sid is the same; then it ends at once. In every other case the person is asked,
//     or any page on the web could sign people out by a link.
func (d *Door) logout(c echo.Context) error {
	ctx := c.Request().Context()
	q, err := readQuery(c.Request().URL.RawQuery)
	if err != nil {
		return err
	}
	l, party, hinted, err := d.leaving(ctx, q)
	if err != nil {
		return err
	}
	s, err := d.session(c)
	if err != nil {
		return err
	}
	if s == nil {
		d.Cookies.Clear(c.Response())
		return d.left(c, l, party)
	}
	if hinted == string(s.ID) {
		return d.leave(c, s, l, party)
	}
	l.Session, l.Expires = s.ID, d.Now().Add(d.SignIn.Life).UnixMilli()
	confirm, err := seal.SealJSON(d.Ring, logoutPurpose, l)
	if err != nil {
		return err
	}
	return d.LogoutPage(c, LogoutPage{Confirm: confirm, Party: party, Session: s, Lang: l.Lang})
}

// logoutPost takes the person's word. A party's own POST, which comes without our cookies, is answered
// with the same request by GET.
func (d *Door) logoutPost(c echo.Context) error {
	ctx := c.Request().Context()
	q, err := readForm(c)
	if err != nil {
		return err
	}
	if !q.Has(ConfirmField) {
		return c.Redirect(http.StatusSeeOther, "/oauth2/logout?"+q.Encode())
	}
	// The sealed word names the session that it was asked of: nobody can post another's.
	l, err := seal.OpenJSON[leaving](d.Ring, logoutPurpose, q.Get(ConfirmField))
	if err != nil || len(q[ConfirmField]) != 1 {
		return problem(http.StatusBadRequest, "logout", "the confirmation is not one of ours")
	}
	if d.Now().UnixMilli() >= l.Expires {
		return c.Redirect(http.StatusSeeOther, "/oauth2/logout")
	}
	var party *rp.Party
	if l.Client != "" {
		if party, err = d.partyOf(ctx, []string{string(l.Client)}); err != nil {
			return err
		}
	}
	s, err := d.session(c)
	if err != nil {
		return err
	}
	if s == nil {
		d.Cookies.Clear(c.Response())
		return d.left(c, &l, party)
	}
	if s.ID != l.Session {
		return problem(http.StatusForbidden, "browser", "the confirmation is of another session")
	}
	return d.leave(c, s, &l, party)
}

// leaving validates a request; hinted is the session that the party proves to speak of.
func (d *Door) leaving(ctx context.Context, q url.Values) (l *leaving, party *rp.Party, hinted string, err error) {
	bad := func(format string, a ...any) (*leaving, *rp.Party, string, error) {
		return nil, nil, "", problem(http.StatusBadRequest, "logout", format, a...)
	}
	for _, values := range q {
		if len(values) > 1 {
			return bad("a parameter is given twice")
		}
	}
	client := q.Get("client_id")
	if token := q.Get("id_token_hint"); token != "" {
		h, err := d.hint(token)
		if err != nil {
			return bad("id_token_hint is not one of ours")
		}
		if client != "" && client != h.Audience {
			return bad("client_id is not the audience of id_token_hint")
		}
		client, hinted = h.Audience, h.Session
	}
	l = &leaving{Redirect: q.Get("post_logout_redirect_uri"), State: q.Get("state")}
	if len(l.State) > maxState {
		return bad("state is too long")
	}
	var r signin.Request
	if refused := d.hints(ctx, url.Values{"ui_locales": q["ui_locales"]}, nil, &r); refused == nil {
		l.Lang = r.Lang
	}
	if client != "" {
		if party, err = d.partyOf(ctx, []string{client}); err != nil {
			return nil, nil, "", err
		}
		l.Client = party.ID
	}
	if l.Redirect != "" && (party == nil || !party.After(l.Redirect)) {
		return bad("post_logout_redirect_uri is not registered")
	}
	return l, party, hinted, nil
}

// session is the browser's living session, or nil: cookies from before a renewal are nobody's here either.
func (d *Door) session(c echo.Context) (*session.Session, error) {
	id, browser := d.Cookies.Read(c.Request())
	f := &signin.Facts{Request: &signin.Request{}}
	if err := d.SignIn.Gather(c.Request().Context(), f, id, browser); err != nil {
		return nil, fmt.Errorf("oidc: session: %w", err)
	}
	if !f.Session.Alive(f.Standing.Epoch, d.Now()) {
		return nil, nil
	}
	return f.Session, nil
}

// leave ends the session and lets every party of it be told. What was granted for offline use stays.
func (d *Door) leave(c echo.Context, s *session.Session, l *leaving, party *rp.Party) error {
	ctx := c.Request().Context()
	why := session.Why{
		Kind: audit.SignedOut, Device: s.Device, Request: edge.RequestID(ctx), Now: d.Now(), Wall: d.Wall(),
	}
	err := d.Atomically(ctx, func(tx session.Tx) error {
		return session.End(ctx, tx, session.Scope{Account: s.Account, Session: s.ID}, false, why)
	})
	if err != nil {
		return fmt.Errorf("oidc: logout: %w", err)
	}
	d.Cookies.Clear(c.Response())
	return d.left(c, l, party)
}

func (d *Door) left(c echo.Context, l *leaving, party *rp.Party) error {
	if l.Redirect == "" {
		return d.LoggedOutPage(c, LoggedOutPage{Party: party, Lang: l.Lang})
	}
	var fields []signin.Field
	if l.State != "" {
		fields = append(fields, signin.Field{Name: "state", Value: l.State})
	}
	return c.Redirect(http.StatusSeeOther, withFields(l.Redirect, fields))
}
