package relyingparty

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/propusk/propusk/examples/site"
)

// login sends the browser to the provider. ?next= is where to return to, and
// ?prompt=login asks for the password even when the provider has a session.
func (p *Party) login(w http.ResponseWriter, r *http.Request) {
	// The sign-in cookies must be set for the host that the provider answers to.
	if _, host, _ := strings.Cut(p.site.Origin(), "://"); r.Host != host {
		http.Redirect(w, r, p.cfg.PublicURL+r.URL.RequestURI(), http.StatusSeeOther)
		return
	}
	provider, err := p.provider(r.Context())
	if err != nil {
		p.providerDown(w, r, err)
		return
	}
	nonce := rand.Text()
	if err := p.keep(w, map[string]string{"nonce": nonce, "next": localPath(r.URL.Query().Get("next"))}); err != nil {
		p.site.Fault(w, r, err)
		return
	}
	asked := []rp.URLParamOpt{rp.WithURLParam("nonce", nonce), rp.WithURLParam("ui_locales", string(p.site.Language(r)))}
	if r.URL.Query().Get("prompt") == "login" {
		asked = append(asked, rp.WithPromptURLParam("login"))
	}
	rp.AuthURLHandler(rand.Text, provider, asked...)(w, r)
}

func (p *Party) keep(w http.ResponseWriter, values map[string]string) error {
	for name, value := range values {
		if err := p.cookies.SetCookie(w, name, value); err != nil {
			return err
		}
	}
	return nil
}

// callback receives the provider's answer, good or bad. In order: the answer
// names our provider (RFC 9207, else another provider's answer could be mixed in),
// the state is this browser's, the code is redeemed with the PKCE verifier and
// our secret, the ID token holds our nonce. The library does all but the first.
func (p *Party) callback(w http.ResponseWriter, r *http.Request) {
	if iss := r.URL.Query()["iss"]; len(iss) != 1 || iss[0] != p.cfg.Issuer {
		p.notFinished(w, r, "the answer does not name our provider", "")
		return
	}
	provider, err := p.provider(r.Context())
	if err != nil {
		p.providerDown(w, r, err)
		return
	}
	nonce, err := p.cookies.CheckCookie(r, "nonce")
	if err != nil {
		p.notFinished(w, r, "no nonce: "+err.Error(), "")
		return
	}
	p.cookies.DeleteCookie(w, "nonce")
	r = r.WithContext(context.WithValue(r.Context(), nonceKey{}, nonce))
	rp.CodeExchangeHandler(p.signedIn, provider)(w, r)
}

// signedIn opens our own session with what the ID token and userinfo say.
func (p *Party) signedIn(w http.ResponseWriter, r *http.Request, tokens *oidc.Tokens[*oidc.IDTokenClaims], _ string, _ rp.RelyingParty) {
	claims, err := idTokenClaims(tokens.IDTokenClaims)
	if err != nil {
		p.site.Fault(w, r, err)
		return
	}
	session, err := p.asked(r.Context(), &Session{
		idToken: tokens.IDToken, accessToken: tokens.AccessToken, tokenType: tokens.Type(), fromIDToken: claims,
	})
	if err != nil {
		p.notFinished(w, r, err.Error(), "")
		return
	}
	// The session of before the sign-in must not become the signed-in one.
	if old, err := r.Cookie(p.sessionCookie()); err == nil {
		p.sessions.end(old.Value)
	}
	p.setSessionCookie(w, p.sessions.open(session), 0)
	next, err := p.cookies.CheckCookie(r, "next")
	if err != nil {
		next = "/"
	}
	p.cookies.DeleteCookie(w, "next")
	http.Redirect(w, r, localPath(next), http.StatusSeeOther)
}

func (p *Party) setSessionCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: p.sessionCookie(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(p.cfg.PublicURL, "https:"),
	})
}

// The provider's refusals that people have words for; every other one is a
// failure of the two sites, not of the person.
var explained = map[string]bool{
	"access_denied": true, "unmet_authentication_requirements": true,
	"login_required": true, "consent_required": true, "interaction_required": true,
	"account_selection_required": true, "temporarily_unavailable": true,
}

// refusedByProvider explains an error answer. error_uri is followed only to the
// provider itself, where the person alone may see more.
func (p *Party) refusedByProvider(w http.ResponseWriter, r *http.Request, code, description, _ string) {
	p.cfg.Logger.InfoContext(r.Context(), "provider refused", "client", p.cfg.ClientID, "code", code, "request", site.RequestID(r))
	p.cookies.DeleteCookie(w, "next")
	words := "rp.other"
	if explained[code] {
		words = "rp." + code
	}
	m := site.Message{
		Title: p.site.Say(r, "rp.not_signed_in"), Text: []string{p.site.Say(r, words)},
		Code: code,
	}
	if why := r.FormValue("error_uri"); p.atProvider(why) {
		m.Actions = append(m.Actions, site.Action{Name: p.site.Say(r, "rp.why"), Href: why})
	} else if code == "unmet_authentication_requirements" {
		m.Actions = append(m.Actions, site.Action{Name: p.site.Say(r, "rp.ways_up"), Href: p.HomeURL("/account/confirm")})
	}
	m.Actions = append(m.Actions,
		site.Action{Name: p.site.Say(r, "rp.again"), Href: "/login"},
		site.Action{Name: p.site.Say(r, "site.to_start"), Href: "/"})
	status := http.StatusOK // not to be let in is no error of this page
	if !explained[code] {
		status = http.StatusBadGateway
	}
	p.site.Message(w, r, status, m)
}

func (p *Party) atProvider(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	issuer, err := url.Parse(p.cfg.Issuer)
	return err == nil && u.Scheme == issuer.Scheme && u.Host == issuer.Host && u.Host != ""
}

// notFinished is for answers that cannot be used: an old page, the back
// button, a second tab, or somebody's forgery. The cause is for the log.
func (p *Party) notFinished(w http.ResponseWriter, r *http.Request, cause, _ string) {
	p.cfg.Logger.WarnContext(r.Context(), "sign-in not finished", "client", p.cfg.ClientID, "cause", cause, "request", site.RequestID(r))
	p.site.Message(w, r, http.StatusBadRequest, site.Message{
		Title: p.site.Say(r, "rp.not_finished"), Text: []string{p.site.Say(r, "rp.not_finished.text")},
		Actions: []site.Action{{Name: p.site.Say(r, "rp.again"), Href: "/login"}, {Name: p.site.Say(r, "site.to_start"), Href: "/"}},
		Code:    site.RequestID(r),
	})
}

func (p *Party) providerDown(w http.ResponseWriter, r *http.Request, err error) {
	p.cfg.Logger.WarnContext(r.Context(), "provider unreachable", "client", p.cfg.ClientID, "error", err, "request", site.RequestID(r))
	w.Header().Set("Retry-After", "10")
	p.site.Message(w, r, http.StatusServiceUnavailable, site.Message{
		Title: p.site.Say(r, "rp.down"), Text: []string{p.site.Say(r, "rp.down.text")},
		Actions: []site.Action{{Name: p.site.Say(r, "rp.again"), Href: "/login"}, {Name: p.site.Say(r, "site.to_start"), Href: "/"}},
		Code:    site.RequestID(r),
	})
}
