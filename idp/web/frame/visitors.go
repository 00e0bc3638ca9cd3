package frame

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/session"
)

// A Reader finds sessions and whose they are.
type Reader interface {
	Session(ctx context.Context, id session.ID) (*session.Session, error)
	Account(ctx context.Context, id account.ID) (*account.Account, error)
}

// Visitors are the browsers that come to a door. Staff doors use the staff's pair of cookies, and then see
// the staff's sessions only; the others never see these.
type Visitors struct {
	Cookies *session.Cookies
	Read    Reader
	Now     func() time.Time
}

// Browser returns the browser's secret, and gives it one when it has none. A staff browser forgets its
// own when it closes.
func (v Visitors) Browser(c echo.Context) string {
	if b, ok := c.Get(keyBrowser).(string); ok {
		return b
	}
	_, b := v.Cookies.Read(c.Request())
	if b == "" {
		b = session.NewBrowser("")
		v.Cookies.WriteBrowser(c.Response(), b, v.Cookies.Staff)
	}
	c.Set(keyBrowser, b)
	return b
}

// Changed notes the secret that a sign-in gave the browser in place of its former one.
func Changed(c echo.Context, secret string) { c.Set(keyBrowser, secret) }

// Standing finds the living session that this browser holds, and its account; nil when there is none.
// Locks and memberships are for the door to judge.
func (v Visitors) Standing(c echo.Context) (*session.Session, *account.Account, error) {
	ctx := c.Request().Context()
	id, secret := v.Cookies.Read(c.Request())
	if id == "" {
		return nil, nil, nil
	}
	s, err := v.Read.Session(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("frame: session: %w", err)
	}
	a, err := v.Read.Account(ctx, s.Account)
	if errors.Is(err, fault.NotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("frame: account: %w", err)
	}
	if (s.Kind == session.Operator) != v.Cookies.Staff || !s.Alive(a.Epoch, v.Now()) || !session.SameBrowser(secret, s.Browser) {
		return nil, nil, nil
	}
	return s, a, nil
}
