package web

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/skip2/go-qrcode"

	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) showTOTP(c echo.Context) error { return d.totp(c, http.StatusOK, nil) }

// totp shows the secret of an app that is being connected.
func (d *Door) totp(c echo.Context, status int, wrong []ui.Fault) error {
	s, a := whoever(c)
	setup, err := d.Authn.SetupTOTP(c.Request().Context(), a, s.ID)
	if errors.Is(err, authn.ErrHasTOTP) {
		return frame.See(c, "/account/security")
	}
	if err != nil {
		return err
	}
	return d.render(c, status, "security", ui.TOTPSetup{
		Form: ui.Form{Action: "/account/security/totp", Faults: wrong}, QRURL: "/account/security/totp/qr.png", Secret: grouped(setup.Secret),
	})
}

// grouped writes a secret in groups of four, as people copy it.
func grouped(s string) string {
	var out []byte
	for i := range len(s) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, s[i])
	}
	return string(out)
}

// qr draws the secret for a camera. It is the secret itself, so nothing on the way may keep it.
func (d *Door) qr(c echo.Context) error {
	s, a := whoever(c)
	setup, err := d.Authn.SetupTOTP(c.Request().Context(), a, s.ID)
	if errors.Is(err, authn.ErrHasTOTP) {
		return echo.ErrNotFound
	}
	if err != nil {
		return err
	}
	png, err := qrcode.Encode(setup.URL, qrcode.Medium, 440)
	if err != nil {
		return fmt.Errorf("web: draw the code: %w", err)
	}
	return c.Blob(http.StatusOK, "image/png", png)
}

func (d *Door) connectTOTP(c echo.Context) error {
	if frame.Field(c, "code") == "" {
		return d.totp(c, http.StatusUnprocessableEntity, frame.One("code", "totp.required"))
	}
	s, a := whoever(c)
	ctx := c.Request().Context()
	err := d.Authn.EnrolTOTP(ctx, a.ID, s.ID, frame.Field(c, "code"), edge.RequestID(ctx))
	if status, wrong := codeFault(c, err); wrong != nil {
		edge.Cause(ctx, err)
		return d.totp(c, status, wrong)
	}
	if err != nil {
		return err
	}
	return d.resume(c, "/account/security?notice=totp_on")
}

func (d *Door) showTOTPOff(c echo.Context) error { return d.totpOff(c, http.StatusOK, nil) }

func (d *Door) totpOff(c echo.Context, status int, wrong []ui.Fault) error {
	_, a := whoever(c)
	if a.Credential.TOTP == nil {
		return frame.See(c, "/account/security")
	}
	return d.render(c, status, "security", ui.TOTPOff{
		Form: ui.Form{Action: "/account/security/totp/off", Faults: wrong}, Username: loginName(a),
	})
}

func (d *Door) disconnectTOTP(c echo.Context) error {
	var wrong []ui.Fault
	if frame.Field(c, "current-password") == "" {
		wrong = append(wrong, ui.Fault{Field: "current-password", Code: "password.required"})
	}
	if frame.Field(c, "code") == "" {
		wrong = append(wrong, ui.Fault{Field: "code", Code: "totp.required"})
	}
	if wrong != nil {
		return d.totpOff(c, http.StatusUnprocessableEntity, wrong)
	}
	s, a := whoever(c)
	ctx := c.Request().Context()
	err := d.Authn.RemoveTOTP(ctx, a.ID, s.ID, frame.Field(c, "current-password"), frame.Field(c, "code"), edge.RequestID(ctx))
	if status, wrong := codeFault(c, err); wrong != nil {
		edge.Cause(ctx, err)
		return d.totpOff(c, status, wrong)
	}
	if errors.Is(err, authn.ErrPassword) {
		edge.Cause(ctx, err)
		return d.totpOff(c, http.StatusUnprocessableEntity, frame.One("current-password", "password.wrong"))
	}
	if err != nil {
		return err
	}
	return frame.See(c, "/account/security?notice=totp_off")
}
