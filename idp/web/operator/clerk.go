package operator

import (
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/web/frame"
)

// touchEvery is how stale the last click may become before it is written. A quarter of an hour is short,
// and an operator's day has few requests, so that it is written nearly each time.
const touchEvery = 30 * time.Second

// A clerk is the operator or administrator behind a page that staff let through.
type clerk struct {
	session *session.Session
	account *account.Account
	member  *centre.Member
}

// keyWho is where staff leaves the clerk in the echo context.
const keyWho = "operator.who"

func whoever(c echo.Context) *clerk {
	w, _ := c.Get(keyWho).(*clerk)
	return w
}

// staff lets operators and administrators with a living session of the console through, and sends others to sign in. The
// membership is read each time: who has left the centre is out with the next click.
func (d *Door) staff(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		w, err := d.recognise(c)
		if err != nil {
			return err
		}
		if w == nil {
			return d.sendToSignIn(c)
		}
		c.Set(keyWho, w)
		return next(c)
	}
}

// only lets one role through to its pages; of the others, who looks for the start is led to their own.
func only(role centre.Role) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if whoever(c).member.Role == role {
				return next(c)
			}
			if role == centre.Operator && c.Path() == "/operator" {
				return frame.See(c, "/operator/recalls")
			}
			return confirm.ErrNotStaff
		}
	}
}

// recognise finds the operator behind the browser's session; nil when there is none.
func (d *Door) recognise(c echo.Context) (*clerk, error) {
	ctx, now := c.Request().Context(), d.Now()
	s, a, err := d.visitors.Standing(c)
	if err != nil || s == nil || a.Lock.Locked(now) {
		return nil, err
	}
	m, err := d.Visits.Staff(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	if now.Sub(s.LastSeen) >= touchEvery {
		if err := d.Read.TouchSession(ctx, s.ID, now); err != nil {
			return nil, fmt.Errorf("operator: touch the session: %w", err)
		}
	}
	return &clerk{s, a, m}, nil
}

// operator is who asks the desk of visits.
func operator(c echo.Context) confirm.Operator {
	w := whoever(c)
	return confirm.Operator{
		Account: w.account.ID, Session: string(w.session.ID), Device: w.session.Device, Request: edge.RequestID(c.Request().Context()),
	}
}
