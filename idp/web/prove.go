package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// Opening an account, coming back to one and adding a contact prove that a phone or a mailbox is at hand,
// on pages of the same shape: a code that is typed in or sent again, a link that is opened or sent again.

// A proving is one of these flows on its page of the code.
type proving struct {
	section string
	here    string
	page    func(wrong []ui.Fault) (ui.SMSCode, error) // as the flow stands when it is asked for
	again   func() error
	enter   func(code string) (to string, err error)
}

// prove takes what was posted from the page: a code, or the wish for another one.
func (d *Door) prove(c echo.Context, p proving) error {
	show := func(status int, wrong []ui.Fault) error {
		page, err := p.page(wrong)
		if err != nil {
			return err
		}
		return d.render(c, status, p.section, page)
	}
	var err error
	to, code := p.here, frame.Field(c, "code")
	switch {
	case frame.Field(c, "again") != "":
		err = p.again()
	case code == "":
		return show(http.StatusUnprocessableEntity, frame.One("code", "code.required"))
	default:
		to, err = p.enter(code)
	}
	if err == nil {
		return frame.See(c, to)
	}
	status, wrong := proofFault(c, err)
	if wrong == nil {
		return err
	}
	edge.Cause(c.Request().Context(), err)
	return show(status, wrong)
}

// proofFault is what the page of the code says of an error; nil when it is not its own.
func proofFault(c echo.Context, err error) (int, []ui.Fault) {
	switch {
	case errors.Is(err, contact.ErrCode):
		return http.StatusUnprocessableEntity, frame.One("code", "code.wrong")
	case errors.Is(err, contact.ErrCodeOver):
		return http.StatusUnprocessableEntity, frame.One("code", "code.expired")
	case errors.Is(err, contact.ErrCodeSpent):
		return http.StatusTooManyRequests, frame.One("code", "code.too_many")
	}
	if wrong, ok := frame.Slow(c, err, "code", "code.too_soon"); ok {
		return http.StatusTooManyRequests, wrong
	}
	return 0, nil
}

// resent answers the wish for another link: err is what became of it, page the one it was wished on.
func (d *Door) resent(c echo.Context, err error, section string, page ui.EmailSent) error {
	if wrong, ok := frame.Slow(c, err, "", "login.slow"); ok {
		edge.Cause(c.Request().Context(), err)
		page.Faults = wrong
		return d.render(c, http.StatusTooManyRequests, section, page)
	}
	if err != nil {
		return err
	}
	return frame.See(c, page.Action)
}

// withRef is the address of a page of a flow.
func withRef(path, ref string) string { return path + "?r=" + ref }
