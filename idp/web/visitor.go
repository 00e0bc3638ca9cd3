package web

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/web/frame"
)

// The keys under which the citizen stands in the echo context.
const (
	keySession = "web.session"
	keyAccount = "web.account"
)

// whoever is the citizen behind a page that signedIn let through.
func whoever(c echo.Context) (*session.Session, *account.Account) {
	s, _ := c.Get(keySession).(*session.Session)
	a, _ := c.Get(keyAccount).(*account.Account)
	return s, a
}

// signedIn lets a citizen with a living session through and sends others to sign in and come back.
// What was posted by someone whose session has ended is lost: they come back to the form.
func (d *Door) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		found, err := d.recognise(c)
		if err != nil {
			return err
		}
		if found {
			if err := d.speakTo(c); err != nil {
				return err
			}
			return next(c)
		}
		to := c.Request().URL.Path
		if c.Request().Method == http.MethodGet && c.Request().URL.RawQuery != "" {
			to += "?" + c.Request().URL.RawQuery
		}
		notice := ""
		if id, _ := d.Cookies.Read(c.Request()); id != "" {
			notice = "ended"
		}
		return d.sendToSignIn(c, to, notice)
	}
}

// recognise finds the citizen behind the browser's session, if it stands.
func (d *Door) recognise(c echo.Context) (bool, error) {
	if s, _ := whoever(c); s != nil {
		return true, nil
	}
	s, a, err := d.visitors.Standing(c)
	if err != nil || s == nil || endless(a) {
		return false, err
	}
	if now := d.Now(); s.Stale(now) {
		if err := d.Read.TouchSession(c.Request().Context(), s.ID, now); err != nil {
			return false, fmt.Errorf("web: touch the session: %w", err)
		}
	}
	c.Set(keySession, s)
	c.Set(keyAccount, a)
	return true, nil
}

// endless tells of a lock without end; a passing one only closes the way in.
func endless(a *account.Account) bool { return a.Lock.Endless() }

// sendToSignIn opens a request of our own and shows its first page. notice says why the person is there.
func (d *Door) sendToSignIn(c echo.Context, to, notice string) error {
	tx, err := d.SignIn.NewOwn(c.Request().Context(), "web", to, frame.Lang(c), d.visitors.Browser(c))
	if errors.Is(err, fault.Invalid) {
		tx, err = d.SignIn.NewOwn(c.Request().Context(), "web", "/account", frame.Lang(c), d.visitors.Browser(c))
	}
	if err != nil {
		return err
	}
	if notice != "" {
		return frame.See(c, frame.WithTx("/login", tx)+"&notice="+notice)
	}
	return frame.See(c, frame.WithTx("/login", tx))
}

// speakTo has messages and letters follow the language that the citizen chose for the pages.
func (d *Door) speakTo(c echo.Context) error {
	_, a := whoever(c)
	if !frame.Chosen(c) || a.Lang == frame.Lang(c) {
		return nil
	}
	ctx, l := c.Request().Context(), frame.Lang(c)
	err := d.Atomically(ctx, func(tx Tx) error {
		_, err := tx.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Lang = l; return nil })
		return err
	})
	if err != nil {
		return fmt.Errorf("web: keep the language: %w", err)
	}
	a.Lang = l
	return nil
}
