package oidc

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
)

const codePurpose seal.Purpose = "code"

// A code is the content of a grant that is not written yet.
type code struct {
	Grant     grant.ID
	Expires   int64 // Now, milliseconds
	Client    rp.ID
	Redirect  string
	Challenge string
	Nonce     string
	Account   account.ID
	Session   session.ID
	Epoch     int
	AuthTime  int64 // Wall, seconds
	AMR       []string
	ACR       string
	Scopes    []string
	Claims    []byte
	Data      []string
	Demanded  []string
	Until     int64 // Now, milliseconds: the end of the consent
	Subject   account.Assurance
}

// Answer ends a request: it makes the code, or tells the party why there is none. It implements
// signin.Answerer, for the pages; the silent path calls it too.
func (d *Door) Answer(ctx context.Context, r *signin.Request, step signin.Step, signed *session.Session) (signin.Reply, error) {
	if step.Kind != signin.Answer {
		why := map[string]string{
			signin.LoginRequired:   "the citizen would have to sign in",
			signin.ConsentRequired: "the citizen would have to allow the scopes",
			signin.AccessDenied:    "the citizen refused",
		}[step.Error]
		refused := &refusal{code: step.Error, reason: why}
		if why == "" || len(step.Decision.Reasons) > 0 {
			refused.reason, refused.quiet = "the policy is not met", true
			refused.reasons = step.Decision.Reasons
		}
		return d.refusal(ctx, r, refused), nil
	}
	if signed == nil {
		return signin.Reply{}, fmt.Errorf("oidc: an answer without a session")
	}
	until := int64(0)
	if !step.Until.IsZero() {
		until = step.Until.UnixMilli()
	}
	value := sealed(d.Ring, codePurpose, &code{
		Grant: grant.ID(random(16)), Expires: d.Now().Add(d.Lives.Code).UnixMilli(),
		Client: r.Client, Redirect: r.Redirect, Challenge: r.Challenge, Nonce: r.Nonce,
		Account: signed.Account, Session: signed.ID, Epoch: signed.Epoch,
		AuthTime: signed.AuthTime.Unix(), AMR: signed.AMR, ACR: step.ACR,
		Scopes: r.Scopes, Claims: r.Claims, Data: r.Data, Demanded: r.Demanded, Until: until, Subject: bare(step.Subject),
	})
	return d.reply(r, signin.Field{Name: "code", Value: value}), nil
}

// bare leaves of the confirmations what tokens say: the code travels through address bars.
func bare(a account.Assurance) account.Assurance {
	out := account.Assurance{Level: a.Level}
	for _, c := range a.Confirmations {
		out.Confirmations = append(out.Confirmations, account.Confirmation{ID: c.ID, Method: c.Method, At: c.At})
	}
	return out
}

// refusal answers the party with an error, and keeps the reason for its look-up under the same id.
func (d *Door) refusal(ctx context.Context, r *signin.Request, refused *refusal) signin.Reply {
	d.record(ctx, r.LogID, r.Client, refused)
	fields := []signin.Field{{Name: "error", Value: refused.code}}
	if !refused.quiet {
		fields = append(fields, signin.Field{Name: "error_description", Value: refused.reason})
	}
	if r.LogID != "" {
		fields = append(fields, signin.Field{Name: "error_uri", Value: d.Issuer + "/why/" + r.LogID})
	}
	return d.reply(r, fields...)
}

// reply adds what every answer has, the issuer with it (RFC 9207), and gives it the form of the
// request's response_mode.
func (d *Door) reply(r *signin.Request, fields ...signin.Field) signin.Reply {
	if r.State != "" {
		fields = append(fields, signin.Field{Name: "state", Value: r.State})
	}
	fields = append(fields, signin.Field{Name: "iss", Value: d.Issuer})
	if r.ResponseMode == "form_post" {
		return signin.Reply{Redirect: r.Redirect, Form: fields, Origin: r.Origin()}
	}
	return signin.Reply{Redirect: withFields(r.Redirect, fields), Origin: r.Origin()}
}

// withFields appends fields to an address as registered, which may have a query and has no fragment.
func withFields(address string, fields []signin.Field) string {
	var b strings.Builder
	b.WriteString(address)
	next := byte('?')
	if strings.Contains(address, "?") {
		next = '&'
	}
	for _, f := range fields {
		b.WriteByte(next)
		b.WriteString(f.Name)
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(f.Value))
		next = '&'
	}
	return b.String()
}

// send gives the browser an answer.
func (d *Door) send(c echo.Context, party *rp.Party, r signin.Reply) error {
	if r.Form != nil {
		return d.FormPost(c, FormPost{Action: r.Redirect, Fields: r.Form, Origin: r.Origin, Party: party})
	}
	return c.Redirect(http.StatusSeeOther, r.Redirect)
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
