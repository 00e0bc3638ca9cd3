package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) mountLocks(g *echo.Group) {
	g.GET("/locks", d.showLocks)
	g.POST("/locks", d.setLock)
	g.GET("/locks/lift", d.showLift)
	g.POST("/locks/lift", d.liftLock)
}

// mountStop adds the page behind the link of a message that announced a change. It is open to whoever has the
// link: it stops, and does nothing else.
func (d *Door) mountStop(g *echo.Group) {
	g.GET("/stop/:token", d.showStop)
	g.POST("/stop/:token", d.stopByLink)
}

// whileFrozen are the pages whose forms work on a frozen account: they protect it, or open it again.
var whileFrozen = []string{
	"/account/locks", "/account/locks/lift", "/account/assurance", "/account/security", "/account/security/password", "/account/use-now",
}

// thawed keeps a frozen account as it is: a form that would change it leads to where it can be thawed. The
// desks refuse too; here the citizen is told before they type.
func (d *Door) thawed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		_, a := whoever(c)
		if c.Request().Method == http.MethodPost && !a.Locks.Frozen.IsZero() && !slices.Contains(whileFrozen, c.Path()) {
			return frame.See(c, "/account/locks?notice=still_frozen")
		}
		return next(c)
	}
}

func (d *Door) showLocks(c echo.Context) error {
	_, a := whoever(c)
	waiting, err := d.Locks.Changes(c.Request().Context(), a.ID)
	if err != nil {
		return err
	}
	p := ui.Locks{
		Form: ui.Form{Action: "/account/locks"}, Frozen: a.Locks.Frozen, Wait: a.Locks.Wait, After: max(d.Locks.LiftAfter, a.Locks.Wait),
		Notice: told(c, "waits", "frozen", "stopped", "lock_set", "lifting", "still_frozen"),
	}
	opens := map[account.Method]time.Time{}
	for _, w := range waiting {
		row := ui.WaitingChange{ID: w.ID, Kind: string(w.Kind), Opened: w.Opened, Due: w.Due}
		if w.Method != 0 {
			row.Method = w.Method.String()
		}
		if w.Contact != nil {
			row.Contact = contact.Mask(*w.Contact)
		}
		p.Changes = append(p.Changes, row)
		switch w.Kind {
		case lock.LiftFreeze:
			p.Unfreezes = w.Due
		case lock.LiftWait:
			p.Unwaits = w.Due
		case lock.LiftNever:
			opens[w.Method] = w.Due
		}
	}
	for _, m := range account.Methods() {
		if m != account.ServiceCenter {
			p.Methods = append(p.Methods, ui.LockMethod{Method: m.String(), Never: slices.Contains(a.Locks.Never, m), Opens: opens[m]})
		}
	}
	for _, w := range lock.Waits() {
		if w > a.Locks.Wait {
			p.Longer = append(p.Longer, w)
		}
	}
	return d.render(c, http.StatusOK, "security", p)
}

// setLock takes one act of the page: to freeze, to shut a method off, to set a waiting period, or to stop a
// change. All of them make the account safer, so the session is enough.
func (d *Door) setLock(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	request := edge.RequestID(ctx)
	switch {
	case frame.Field(c, "freeze") != "":
		return d.freeze(c)
	case frame.Field(c, "shut") != "":
		m, err := account.ParseMethod(frame.Field(c, "shut"))
		if err != nil {
			return frame.ErrForm
		}
		return d.done(c, d.Locks.Never(ctx, a.ID, m, request), "lock_set")
	case frame.Field(c, "wait") != "":
		hours, err := strconv.Atoi(frame.Field(c, "wait"))
		if err != nil || !slices.Contains(lock.Waits(), time.Duration(hours)*time.Hour) {
			return frame.ErrForm
		}
		return d.done(c, d.Locks.Wait(ctx, a.ID, time.Duration(hours)*time.Hour, request), "lock_set")
	case frame.Field(c, "stop") != "":
		err := d.Locks.Stop(ctx, a.ID, frame.Field(c, "stop"), request)
		if errors.Is(err, lock.ErrOver) {
			return frame.See(c, "/account/locks") // made, or stopped in another tab
		}
		return d.done(c, err, "stopped")
	}
	return frame.ErrForm
}

func (d *Door) done(c echo.Context, err error, notice string) error {
	if err != nil {
		return err
	}
	return frame.See(c, "/account/locks?notice="+notice)
}

// freeze shuts everything, at one press: whoever sees somebody in their account has no time for a password.
func (d *Door) freeze(c echo.Context) error {
	s, _ := whoever(c)
	ctx := c.Request().Context()
	next, secret, err := d.Locks.Freeze(ctx, lock.Freezing{Session: s, Browser: d.visitors.Browser(c), Request: edge.RequestID(ctx)})
	if errors.Is(err, lock.ErrFrozen) {
		return frame.See(c, "/account/locks")
	}
	if err != nil {
		return err
	}
	d.Cookies.Write(c.Response(), next, secret, next.Expires.Sub(d.Now()))
	return frame.See(c, "/account/locks?notice=frozen")
}

func (d *Door) showLift(c echo.Context) error { return d.lift(c, http.StatusOK, nil) }

// lift asks for the factors before a lock is lifted. Parameters: kind (freeze, never, wait), method.
func (d *Door) lift(c echo.Context, status int, wrong []ui.Fault) error {
	_, a := whoever(c)
	kind, m, ok := lifted(c, a)
	if !ok {
		return frame.See(c, "/account/locks")
	}
	p := ui.LockLift{
		Form: ui.Form{Action: "/account/locks/lift?kind=" + string(kind), Faults: wrong}, Kind: string(kind), Username: loginName(a),
		TOTP: a.Credential.TOTP != nil, Due: d.Now().Add(max(d.Locks.LiftAfter, a.Locks.Wait)),
	}
	if m != 0 {
		p.Method = m.String()
		p.Form.Action += "&method=" + p.Method
	}
	return d.render(c, status, "security", p)
}

// lifted is the lock that the address names, if it is set.
func lifted(c echo.Context, a *account.Account) (lock.Kind, account.Method, bool) {
	switch kind := lock.Kind(c.QueryParam("kind")); kind {
	case lock.LiftFreeze:
		return kind, 0, !a.Locks.Frozen.IsZero()
	case lock.LiftWait:
		return kind, 0, a.Locks.Wait > 0
	case lock.LiftNever:
		m, err := account.ParseMethod(c.QueryParam("method"))
		return kind, m, err == nil && slices.Contains(a.Locks.Never, m)
	}
	return "", 0, false
}

func (d *Door) liftLock(c echo.Context) error {
	_, a := whoever(c)
	kind, m, ok := lifted(c, a)
	if !ok {
		return frame.See(c, "/account/locks")
	}
	status, wrong, err := d.factors(c, a)
	if err != nil {
		return err
	}
	if wrong != nil {
		return d.lift(c, status, wrong)
	}
	ctx := c.Request().Context()
	_, err = d.Locks.Lift(ctx, a.ID, kind, m, edge.RequestID(ctx))
	if errors.Is(err, lock.ErrAlready) || errors.Is(err, lock.ErrOpen) {
		return frame.See(c, "/account/locks")
	}
	return d.done(c, err, "lifting")
}

// showStop shows which change a link stops; nothing happens before the button.
func (d *Door) showStop(c echo.Context) error {
	if _, err := d.recognise(c); err != nil {
		return err
	}
	p, err := d.Locks.Opened(c.Request().Context(), c.Param("token"))
	if errors.Is(err, lock.ErrOver) {
		return d.render(c, http.StatusOK, "", ui.StopChange{State: "over"})
	}
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "", stopPage(c, p, "asked"))
}

func stopPage(c echo.Context, p *lock.Pending, state string) ui.StopChange {
	out := ui.StopChange{Form: ui.Form{Action: c.Request().URL.EscapedPath()}, Kind: string(p.Kind), Due: p.Due, State: state}
	if p.Method != 0 {
		out.Method = p.Method.String()
	}
	return out
}

// stopByLink stops it. The answer is not a redirect: the link is over, and there would be nothing to show.
func (d *Door) stopByLink(c echo.Context) error {
	if _, err := d.recognise(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	p, err := d.Locks.StopByLink(ctx, strings.TrimSpace(c.Param("token")), edge.RequestID(ctx))
	if errors.Is(err, lock.ErrOver) {
		return d.render(c, http.StatusOK, "", ui.StopChange{State: "over"})
	}
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "", stopPage(c, p, "stopped"))
}
