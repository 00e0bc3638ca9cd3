package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) mountSecurity(g *echo.Group) {
	g.GET("/security", d.security)
	g.POST("/security", d.endSession)
	g.GET("/security/password", d.showPasswordChange)
	g.POST("/security/password", d.changePassword)
	g.GET("/security/totp", d.showTOTP)
	g.POST("/security/totp", d.connectTOTP)
	g.GET("/security/totp/qr.png", d.qr)
	g.GET("/security/totp/off", d.showTOTPOff)
	g.POST("/security/totp/off", d.disconnectTOTP)
}

// historyPage is how many events one page of history tells.
const historyPage = 20

// security is everything that protects the account, and everything that has access. Parameter before:
// the event to tell the history from.
func (d *Door) security(c echo.Context) error {
	s, a := whoever(c)
	ctx := c.Request().Context()
	p := ui.Security{
		Form: ui.Form{Action: "/account/security"}, PasswordChanged: a.Credential.PasswordChanged,
		Phone: masked(a, account.Phone), Email: masked(a, account.Email),
		Notice: told(c, "ended", "ended_all", "password_changed", "totp_on", "totp_off"),
	}
	if t := a.Credential.TOTP; t != nil {
		p.TOTP, p.TOTPSince = true, t.Since
	}
	names, err := d.partyNames(ctx, c)
	if err != nil {
		return err
	}
	grants, err := d.Read.Grants(ctx, a.ID)
	if err != nil {
		return err
	}
	if p.Sessions, err = d.sessions(ctx, s, grants, names, frame.Lang(c)); err != nil {
		return err
	}
	before, _ := strconv.ParseInt(c.QueryParam("before"), 10, 64)
	events, err := d.Read.Events(ctx, a.ID, max(before, 0), historyPage+1)
	if err != nil {
		return err
	}
	if len(events) > historyPage {
		events = events[:historyPage]
		p.HistoryMore = "/account/security?before=" + strconv.FormatInt(events[historyPage-1].ID, 10) + "#history"
	}
	p.History = history(events, names)
	return d.render(c, http.StatusOK, "security", p)
}

// partyNames speaks of parties; one that is gone goes by its id.
func (d *Door) partyNames(ctx context.Context, c echo.Context) (func(rp.ID) string, error) {
	all, err := d.Read.Parties(ctx)
	if err != nil {
		return nil, err
	}
	names := map[rp.ID]string{}
	for _, p := range all {
		names[p.ID] = p.NameIn(frame.Lang(c))
	}
	return func(id rp.ID) string {
		if n := names[id]; n != "" {
			return n
		}
		return string(id)
	}, nil
}

// receivers are the parties that have access now, or may take it again without a question: those with a
// consent, and those with a grant that stands, which the state's own front doors have without one.
func (d *Door) receivers(current *session.Session, grants []*grant.Grant, sessions []ui.Session, consents []*consent.Consent, names func(rp.ID) string) []ui.Receiver {
	var out []ui.Receiver
	at := map[rp.ID]int{}
	for _, k := range consents {
		if d.Now().Before(k.Until) {
			at[k.Client] = len(out)
			out = append(out, ui.Receiver{ID: string(k.Client), Name: names(k.Client), Items: itemNames(k.Scopes), Until: k.Until, Since: k.Given})
		}
	}
	scopes := map[rp.ID][]string{}
	for _, g := range grants {
		use := grant.Use{Grant: *g, Standing: account.Standing{Epoch: current.Epoch}}
		use.SessionUp = slices.ContainsFunc(sessions, func(s ui.Session) bool { return s.ID == string(g.Session) })
		if !use.Stands(d.Now()) {
			continue
		}
		i, listed := at[g.Client]
		if listed {
			seen(&out[i], g)
		}
		if listed && scopes[g.Client] == nil {
			continue // by its consent
		}
		if !listed {
			i = len(out)
			at[g.Client] = i
			out = append(out, ui.Receiver{ID: string(g.Client), Name: names(g.Client), Until: g.Expires, Since: g.Created})
			seen(&out[i], g)
		}
		scopes[g.Client] = append(scopes[g.Client], g.Allowed()...)
		out[i].Items = itemNames(scopes[g.Client])
		if g.Expires.IsZero() || !out[i].Until.IsZero() && g.Expires.After(out[i].Until) {
			out[i].Until = g.Expires
		}
	}
	return out
}

// seen notes when a party was given something.
func seen(r *ui.Receiver, g *grant.Grant) {
	for _, at := range []time.Time{g.Created, g.RotatedAt} {
		if at.After(r.Last) {
			r.Last = at
		}
	}
	if r.Since.IsZero() || g.Created.Before(r.Since) {
		r.Since = g.Created
	}
}

// sessions lists where the citizen is signed in, this browser first, and what through each.
func (d *Door) sessions(ctx context.Context, current *session.Session, grants []*grant.Grant, names func(rp.ID) string, lang string) ([]ui.Session, error) {
	all, err := d.Read.Sessions(ctx, current.Account)
	if err != nil {
		return nil, err
	}
	through := map[session.ID][]string{}
	seen := map[string]bool{}
	for _, g := range grants {
		if key := string(g.Session) + " " + string(g.Client); !seen[key] {
			seen[key] = true
			through[g.Session] = append(through[g.Session], names(g.Client))
		}
	}
	var out []ui.Session
	for _, s := range all {
		if !s.Alive(current.Epoch, d.Now()) {
			continue
		}
		row := ui.Session{
			ID: string(s.ID), Agent: upperFirst(deviceOr(s.Device, lang)), At: s.LastSeen, Services: through[s.ID],
			Current: s.ID == current.ID, Foreign: s.Kind == session.Foreign,
		}
		if row.Current {
			out = append([]ui.Session{row}, out...)
		} else {
			out = append(out, row)
		}
	}
	return out, nil
}

// bad events are those that their owner should look at twice.
var bad = map[audit.Kind]bool{
	audit.SignInFailed: true, audit.LockedOut: true, audit.CodeReplayed: true, audit.RefreshReplayed: true,
	audit.Lowered: true, audit.LetterWrongCode: true, audit.Withdrawn: true, audit.HeldBack: true,
}

// history is the events in words; failures in a row are one line.
func history(events []audit.Event, names func(rp.ID) string) []ui.Event {
	var out []ui.Event
	for _, e := range events {
		if n := len(out); n > 0 && e.Kind == audit.SignInFailed && out[n-1].Kind == string(e.Kind) && out[n-1].Agent == e.Device {
			out[n-1].Count = max(out[n-1].Count, 1) + 1
			continue
		}
		row := ui.Event{At: e.At, Kind: string(e.Kind), Method: e.Detail["method"], Level: e.Detail["level"], Agent: e.Device, Bad: bad[e.Kind]}
		if e.Client != "" {
			row.Service = names(rp.ID(e.Client))
		}
		out = append(out, row)
	}
	return out
}

// endSession ends a session, or all the others. Who ends a session from afar wants it
// to be over, so offline access that began through it ends as well; leaving by oneself keeps it.
func (d *Door) endSession(c echo.Context) error {
	s, a := whoever(c)
	ctx := c.Request().Context()
	end := frame.Field(c, "end")
	why := session.Why{Kind: audit.SessionEnded, Device: s.Device, Request: edge.RequestID(ctx), Now: d.Now(), Wall: d.Wall()}
	var which session.Scope
	notice := "ended"
	switch {
	case end == "":
		return frame.ErrForm
	case end == "others":
		which, notice = session.Scope{Account: a.ID, Except: s.ID}, "ended_all"
	default:
		which = session.Scope{Account: a.ID, Session: session.ID(end)}
	}
	if err := d.Atomically(ctx, func(tx Tx) error { return session.End(ctx, tx, which, true, why) }); err != nil {
		return err
	}
	return frame.See(c, "/account/security?notice="+notice)
}

func (d *Door) revoke(c echo.Context, id account.ID, client rp.ID) error {
	ctx := c.Request().Context()
	err := d.Atomically(ctx, func(tx Tx) error {
		_, err := tx.Consent(ctx, id, client)
		if errors.Is(err, fault.NotFound) {
			// Access without a consent: a front door of the state's, or one whose consent ran out.
			var grants []*grant.Grant
			if grants, err = tx.Grants(ctx, id); err == nil && !slices.ContainsFunc(grants, func(g *grant.Grant) bool { return g.Client == client }) {
				err = fmt.Errorf("web: revoke: %w", fault.NotFound)
			}
		}
		if err != nil {
			return err
		}
		if err := tx.RevokeConsent(ctx, id, client, d.Now()); err != nil {
			return err
		}
		return tx.RecordEvent(ctx, audit.Event{
			At: d.Wall(), Kind: audit.ConsentRevoked, Account: id, Client: string(client), Request: edge.RequestID(ctx), Device: device(c),
		})
	})
	if err != nil {
		return err
	}
	return frame.See(c, "/account/assurance?notice=revoked")
}
