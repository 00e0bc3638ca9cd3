package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
)

// maxRequest bounds an authorization request.
const maxRequest = 16 << 10

// authorize takes an authorization request (OpenID Connect Core 1.0 section 3.1.2, RFC 6749 section 4.1.1)
// and answers it at once, or sends the browser to the page of the first step.
//
// The order of checks, and what another order would give away:
//
//  1. The encoding. What two parsers read differently is not read at all.
//  2. client_id, then redirect_uri, exactly as registered. Until both stand, errors are shown to the
//     person: an answer sent to an address that is not verified makes us an open redirector, and hands
//     error details to whoever wrote the link.
//  3. response_mode, state: how all further errors are answered, so that none goes out another way than
//     the party expects, and none without its state.
//  4. Doubled parameters, request and request_uri: a request that could be read in two ways, or that
//     means to be protected in a way we do not know, must not be half obeyed.
//  5. response_type, scope, PKCE: what is asked for, before who asks.
//  6. prompt, max_age, claims, acr_values, id_token_hint, the rest.
//
// Only then the browser's session is read, so that no malformed request learns whether one is there.
//
// The silent path makes one joined read and no row: session, epoch, consent (signin.Store.SignOn).
func (d *Door) authorize(c echo.Context) error {
	ctx := c.Request().Context()
	q, err := readQuery(c.Request().URL.RawQuery)
	if err != nil {
		return err
	}
	r, party, err := d.request(ctx, q)
	var refused *refusal
	if errors.As(err, &refused) {
		edge.Cause(ctx, err)
		return d.send(c, party, d.refusal(ctx, r, refused))
	}
	if err != nil {
		var p *Problem
		if errors.As(err, &p) && p.Party != nil {
			d.record(ctx, edge.RequestID(ctx), p.Party.ID, refuse(invalidRequest, p.Err.Error()).about(p.Code, ""))
		}
		return err
	}

	sid, browser := d.Cookies.Read(c.Request())
	fresh := false
	if browser == "" {
		fresh, browser = true, session.NewBrowser("")
	}
	d.SignIn.Start(r, browser)
	f := &signin.Facts{Request: r, Party: party, Now: d.Now(), Wall: d.Wall()}
	if err := d.SignIn.Gather(ctx, f, sid, browser); err != nil {
		return err
	}
	switch step := signin.Next(f); step.Kind {
	case signin.Answer, signin.Fail:
		if step.Kind == signin.Answer && f.Session.Stale(f.Now) {
			if err := d.Records.TouchSession(ctx, f.Session.ID, f.Now); err != nil {
				return fmt.Errorf("oidc: touch the session: %w", err)
			}
		}
		reply, err := d.Answer(ctx, r, step, f.Session)
		if err != nil {
			return err
		}
		return d.send(c, party, reply)
	}
	tx, err := d.SignIn.Open(ctx, r)
	if err != nil {
		return err
	}
	if fresh {
		d.Cookies.WriteBrowser(c.Response(), browser, false)
	}
	return c.Redirect(http.StatusSeeOther, d.Login+"?tx="+tx)
}

// authorizePost answers with the same request by GET. Browsers send our cookies, which are SameSite=Lax,
// along with a cross-site GET and not with a cross-site POST.
func (d *Door) authorizePost(c echo.Context) error {
	q, err := readForm(c)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/oauth2/authorize?"+q.Encode())
}

// readQuery parses a query strictly.
func readQuery(raw string) (url.Values, error) {
	if len(raw) > maxRequest {
		return nil, problem(http.StatusRequestURITooLong, "size", "query of %d bytes", len(raw))
	}
	q, err := url.ParseQuery(raw)
	if err != nil || !clean(q) {
		return nil, problem(http.StatusBadRequest, "request", "query in a wrong encoding")
	}
	return q, nil
}

// readForm parses the form of a POST strictly; what stands in the address is ignored.
func readForm(c echo.Context) (url.Values, error) {
	r := c.Request()
	if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(t), "application/x-www-form-urlencoded") {
		return nil, problem(http.StatusUnsupportedMediaType, "request", "content type is not a form's")
	}
	r.Body = http.MaxBytesReader(c.Response(), r.Body, maxRequest)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, problem(http.StatusRequestEntityTooLarge, "size", "form over %d bytes", maxRequest)
		}
		return nil, problem(http.StatusBadRequest, "request", "form in a wrong encoding")
	}
	if !clean(r.PostForm) {
		return nil, problem(http.StatusBadRequest, "request", "form in a wrong encoding")
	}
	return r.PostForm, nil
}

// request validates the parameters, in the order of authorize's comment. A *Problem is for the person; a
// *refusal goes to the party, and then the returned request says where and how.
func (d *Door) request(ctx context.Context, q url.Values) (*signin.Request, *rp.Party, error) {
	party, err := d.partyOf(ctx, q["client_id"])
	if err != nil {
		return nil, nil, err
	}
	if len(q["redirect_uri"]) != 1 || !party.Redirect(q.Get("redirect_uri")) {
		p := problem(http.StatusBadRequest, "redirect", "redirect_uri is not registered for %s", party.ID)
		p.Party = party
		return nil, nil, p
	}
	r := &signin.Request{Door: "oidc", LogID: edge.RequestID(ctx), Client: party.ID, Redirect: q.Get("redirect_uri")}
	if len(q["state"]) == 1 {
		r.State = q.Get("state")
	}
	switch mode := q.Get("response_mode"); mode {
	case "", "query":
	case "form_post":
		r.ResponseMode = mode
	default:
		return r, party, refuse(invalidRequest, "response_mode is neither query nor form_post").about("response_mode", "")
	}
	for name, values := range q {
		if len(values) > 1 {
			return r, party, refuse(invalidRequest, "a parameter is given twice").about(known(name), "")
		}
	}
	steps := []func(context.Context, url.Values, *rp.Party, *signin.Request) *refusal{
		unsupported, responseType, scopes, challenge, prompts, d.demands, d.hints, sizes,
	}
	for _, step := range steps {
		if refused := step(ctx, q, party, r); refused != nil {
			return r, party, refused
		}
	}
	return r, party, nil
}

func (d *Door) partyOf(ctx context.Context, ids []string) (*rp.Party, error) {
	if len(ids) != 1 || len(ids[0]) > 64 {
		return nil, problem(http.StatusBadRequest, "party", "client_id is missing, doubled or too long")
	}
	party, err := d.Parties.Party(ctx, rp.ID(ids[0]))
	if errors.Is(err, fault.NotFound) || err == nil && party.Disabled {
		return nil, problem(http.StatusBadRequest, "party", "client_id is not known")
	}
	if err != nil {
		return nil, fmt.Errorf("oidc: party: %w", err)
	}
	return party, nil
}

// accountOf reads the subject of a token of ours.
func accountOf(sub string) account.ID {
	id, err := account.ParseID(sub)
	if err != nil {
		return 0
	}
	return id
}
