package operator

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/authn/passkey"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// mountKeys adds the keys' pages for operators and administrators alike.
func (d *Door) mountKeys(staff *echo.Group) {
	staff.GET("/keys", d.listKeys)
	staff.POST("/keys", d.beginKey)
	staff.GET("/keys/new", d.askNewKey)
	staff.POST("/keys/new", d.addKey)
	staff.GET("/keys/:id", d.showKeyRemoval)
	staff.POST("/keys/:id", d.removeKey)
}

// keysPage lists the keys as they stand now.
func (d *Door) keysPage(c echo.Context, name, notice string, wrong []ui.Fault) (ui.OperatorKeys, error) {
	a, err := d.Read.Account(c.Request().Context(), whoever(c).account.ID)
	if err != nil {
		return ui.OperatorKeys{}, fmt.Errorf("operator: keys: %w", err)
	}
	p := ui.OperatorKeys{
		Form: ui.Form{Action: "/operator/keys", Faults: wrong}, App: a.Credential.TOTP != nil, Possible: d.Keys.Possible(),
		Full: len(a.Credential.Passkeys) >= passkey.Most, Name: name, Username: username(a), Notice: notice,
	}
	for _, k := range a.Credential.Passkeys {
		p.Keys = append(p.Keys, shown(k))
	}
	return p, nil
}

func shown(k account.Passkey) ui.Passkey {
	return ui.Passkey{Name: k.Name, Since: k.Since, Used: k.Used, Synced: k.Synced, Doubted: k.Doubted, RemoveTo: "/operator/keys/" + base64.RawURLEncoding.EncodeToString(k.ID)}
}

// username is what a password manager keeps the password under.
func username(a *account.Account) string {
	for _, kind := range []account.ContactKind{account.Phone, account.Email} {
		if c, ok := a.Profile.Contact(kind); ok {
			return c.Value
		}
	}
	return ""
}

func (d *Door) listKeys(c echo.Context) error {
	notice := c.QueryParam("notice")
	if notice != "added" && notice != "removed" {
		notice = ""
	}
	p, err := d.keysPage(c, "", notice, nil)
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "keys", p)
}

// asking is what the forms of keys ask again.
func asking(c echo.Context) passkey.Asking {
	w := whoever(c)
	return passkey.Asking{
		Account: w.account.ID, Session: w.session.ID, Password: frame.Field(c, "current-password"), Code: frame.Field(c, "code"),
		Request: edge.RequestID(c.Request().Context()),
	}
}

// mistaken turns an error of asking again into words at its field, with the status of the page; others it leaves.
func mistaken(c echo.Context, err error) ([]ui.Fault, int) {
	if wrong, ok := frame.Slow(c, err, "current-password", "key.slow"); ok {
		return wrong, http.StatusTooManyRequests
	}
	switch {
	case errors.Is(err, authn.ErrPassword):
		return frame.One("current-password", "password.wrong"), http.StatusUnprocessableEntity
	case errors.Is(err, authn.ErrCode):
		return frame.One("code", "totp.wrong"), http.StatusUnprocessableEntity
	case errors.Is(err, passkey.ErrLast):
		return frame.One("", "key.last"), http.StatusUnprocessableEntity
	case errors.Is(err, passkey.ErrHas):
		return frame.One("", "key.has"), http.StatusUnprocessableEntity
	case errors.Is(err, passkey.ErrOver):
		return frame.One("", "key.over"), http.StatusUnprocessableEntity
	case errors.Is(err, passkey.ErrCopied):
		return frame.One("", "key.copied"), http.StatusUnprocessableEntity
	case errors.Is(err, passkey.ErrAnswer):
		return frame.One("", "key.wrong"), http.StatusUnprocessableEntity
	}
	wrong, _ := frame.Faults(err)
	return wrong, http.StatusUnprocessableEntity
}

// again shows the list with what was wrong.
func (d *Door) again(c echo.Context, name string, err error) error {
	wrong, status := mistaken(c, err)
	if wrong == nil {
		return err
	}
	edge.Cause(c.Request().Context(), err)
	p, err := d.keysPage(c, name, "", wrong)
	if err != nil {
		return err
	}
	return d.render(c, status, "keys", p)
}

func (d *Door) beginKey(c echo.Context) error {
	name, by := frame.Field(c, "key-name"), asking(c)
	var missing fault.Fields
	if by.Password == "" {
		missing = append(missing, fault.Field{Name: "current-password", Code: "password.required"})
	}
	if by.Code == "" {
		missing = append(missing, fault.Field{Name: "code", Code: "totp.required"})
	}
	if missing != nil {
		return d.again(c, name, missing)
	}
	if err := d.Keys.Begin(c.Request().Context(), by, name); err != nil {
		return d.again(c, name, err)
	}
	return frame.See(c, "/operator/keys/new")
}

func (d *Door) askNewKey(c echo.Context) error {
	w := whoever(c)
	q, name, err := d.Keys.Question(c.Request().Context(), w.account.ID, w.session.ID)
	if errors.Is(err, passkey.ErrOver) {
		return frame.See(c, "/operator/keys") // a reload after the answer, or too late
	}
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "keys", ui.OperatorKeyNew{Key: ui.PasskeyForm{Action: "/operator/keys/new", Options: string(q), Alone: true, New: true}, Name: name})
}

func (d *Door) addKey(c echo.Context) error {
	w, ctx := whoever(c), c.Request().Context()
	if err := d.Keys.Add(ctx, w.account.ID, w.session.ID, []byte(frame.Field(c, "answer")), edge.RequestID(ctx)); err != nil {
		return d.again(c, "", err)
	}
	return frame.See(c, "/operator/keys?notice=added")
}

// keyOf finds the key of the page's address among the clerk's own.
func (d *Door) keyOf(c echo.Context) (*account.Account, *account.Passkey, error) {
	a, err := d.Read.Account(c.Request().Context(), whoever(c).account.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("operator: keys: %w", err)
	}
	id, err := base64.RawURLEncoding.DecodeString(c.Param("id"))
	if err != nil {
		return nil, nil, passkey.ErrNoKey
	}
	k := a.Credential.Passkey(id)
	if k == nil {
		return nil, nil, passkey.ErrNoKey
	}
	return a, k, nil
}

func (d *Door) showKeyRemoval(c echo.Context) error {
	a, k, err := d.keyOf(c)
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "keys", removal(a, k, nil))
}

func removal(a *account.Account, k *account.Passkey, wrong []ui.Fault) ui.OperatorKeyRemove {
	s := shown(*k)
	return ui.OperatorKeyRemove{Form: ui.Form{Action: s.RemoveTo, Faults: wrong}, Key: s, App: a.Credential.TOTP != nil, Username: username(a)}
}

func (d *Door) removeKey(c echo.Context) error {
	a, k, err := d.keyOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := d.Keys.Remove(ctx, asking(c), k.ID); err != nil {
		wrong, status := mistaken(c, err)
		if wrong == nil {
			return err
		}
		edge.Cause(ctx, err)
		return d.render(c, status, "keys", removal(a, k, wrong))
	}
	return frame.See(c, "/operator/keys?notice=removed")
}

// codePage asks for the second factor: the app's code, a key, or whichever there is of the two. A key's question is
// made anew each time that the page is shown.
func (d *Door) codePage(c echo.Context, f *signin.Facts, tx string, wrong []ui.Fault) (ui.TOTPCode, error) {
	ctx := c.Request().Context()
	p := ui.TOTPCode{
		Form: ui.Form{Action: frame.WithTx("/operator/login/code", tx), Faults: wrong}, CancelURL: frame.WithTx("/operator/login", tx) + "&start=1",
	}
	a, err := d.Read.Account(ctx, f.Progress.Account)
	if err != nil {
		return p, fmt.Errorf("operator: second factor: %w", err)
	}
	q, err := d.Keys.Ask(ctx, f.Request.ID, f.Progress.Account)
	if err != nil {
		return p, err
	}
	p.Key = ui.PasskeyForm{Action: frame.WithTx("/operator/login/key", tx), Options: string(q), Alone: q != nil && a.Credential.TOTP == nil}
	return p, nil
}

// askSecond shows that page.
func (d *Door) askSecond(c echo.Context, f *signin.Facts, tx string, status int, wrong []ui.Fault) error {
	p, err := d.codePage(c, f, tx, wrong)
	if err != nil {
		return err
	}
	return d.render(c, status, "", p)
}

// enterKey judges a key's answer in the code's place.
func (d *Door) enterKey(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if signin.Next(f).Kind != signin.SecondFactor {
		return signin.ErrOutOfTurn
	}
	ctx := c.Request().Context()
	a, factor, err := d.Keys.Enter(ctx, f.Request.ID, f.Progress.Account, []byte(frame.Field(c, "answer")), passkey.From{Device: device(c), Request: edge.RequestID(ctx)})
	if err != nil {
		wrong, status := mistaken(c, err)
		if wrong == nil {
			return err
		}
		for i := range wrong {
			wrong[i].Field = ""
		}
		edge.Cause(ctx, err)
		return d.askSecond(c, f, tx, status, wrong)
	}
	if _, err := d.Visits.Staff(ctx, a.ID); err != nil {
		return err
	}
	return d.passed(c, f, tx, signin.Proof{Account: a, Factor: factor, Passkey: true})
}
