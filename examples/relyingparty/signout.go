package relyingparty

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/examples/site"
)

// logout ends the session here and sends the browser to end the provider's one
// too (OpenID Connect RP-Initiated Logout 1.0). A link from another site must not
// sign people out, so that one shows a button first.
func (p *Party) logout(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		p.site.Render(w, r, http.StatusOK, "signout", nil)
		return
	}
	cookie, err := r.Cookie(p.sessionCookie())
	if err != nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	session := p.sessions.get(cookie.Value)
	p.sessions.end(cookie.Value)
	p.setSessionCookie(w, "", -1)
	provider, err := p.provider(r.Context())
	if session == nil || err != nil || provider.GetEndSessionEndpoint() == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	end, err := url.Parse(provider.GetEndSessionEndpoint())
	if err != nil {
		p.site.Fault(w, r, err)
		return
	}
	query := end.Query()
	query.Set("id_token_hint", session.idToken)
	query.Set("client_id", p.cfg.ClientID)
	query.Set("post_logout_redirect_uri", p.cfg.PostLogoutRedirectURI())
	query.Set("ui_locales", string(p.site.Language(r)))
	end.RawQuery = query.Encode()
	http.Redirect(w, r, end.String(), http.StatusSeeOther)
}

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// Clocks differ; a logout token older than this is refused.
	clockSkew      = time.Minute
	logoutTokenAge = 10 * time.Minute
)

// backchannelLogout ends sessions at the provider's word. No browser takes
// part, so the signed token is all there is to trust (OpenID Connect Back-Channel Logout
// 1.0, section 2.6). A token that is not a logout token must not pass for one: an
// attacker holding somebody's ID token could sign them out; hence typ, events
// and the missing nonce.
func (p *Party) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	provider, err := p.provider(r.Context())
	if err != nil {
		answerLogout(w, http.StatusServiceUnavailable, "temporarily_unavailable", "discovery")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil || len(r.PostForm["logout_token"]) != 1 {
		answerLogout(w, http.StatusBadRequest, "invalid_request", "one logout_token is needed")
		return
	}
	signed, err := jose.ParseSignedCompact(r.PostForm.Get("logout_token"), []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256})
	if err != nil || len(signed.Signatures) != 1 {
		answerLogout(w, http.StatusBadRequest, "invalid_request", "not a signed token")
		return
	}
	payload, err := provider.IDTokenVerifier().KeySet.VerifySignature(r.Context(), signed)
	if err != nil {
		answerLogout(w, http.StatusBadRequest, "invalid_request", "signature")
		return
	}
	token, err := readLogoutToken(signed.Signatures[0].Header, payload)
	if err == nil {
		err = token.valid(p.cfg.Issuer, p.cfg.ClientID, time.Now())
	}
	if err == nil {
		err = p.spent.spend(token.ID, time.Unix(token.Expires, 0), time.Now())
	}
	if err != nil {
		answerLogout(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	ended := p.sessions.endWhere(token.SessionID, token.Subject)
	p.cfg.Logger.InfoContext(r.Context(), "back-channel logout", "client", p.cfg.ClientID, "sessions", ended, "request", site.RequestID(r))
	w.WriteHeader(http.StatusOK)
}

func answerLogout(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": description})
}

type logoutToken struct {
	Type      string                     `json:"-"`
	Issuer    string                     `json:"iss"`
	Audience  audience                   `json:"aud"`
	IssuedAt  int64                      `json:"iat"`
	Expires   int64                      `json:"exp"`
	ID        string                     `json:"jti"`
	Events    map[string]json.RawMessage `json:"events"`
	Nonce     *json.RawMessage           `json:"nonce"`
	SessionID string                     `json:"sid"`
	Subject   string                     `json:"sub"`
}

// audience is one name or a list of names.
type audience []string

func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

func readLogoutToken(header jose.Header, payload []byte) (logoutToken, error) {
	var t logoutToken
	if err := json.Unmarshal(payload, &t); err != nil {
		return t, fmt.Errorf("payload is not as it should be")
	}
	t.Type, _ = header.ExtraHeaders[jose.HeaderType].(string)
	return t, nil
}

func (t logoutToken) valid(issuer, clientID string, now time.Time) error {
	var event map[string]any
	switch {
	case t.Type != "logout+jwt":
		return fmt.Errorf("typ is not logout+jwt")
	case t.Issuer != issuer:
		return fmt.Errorf("iss is another")
	case !slices.Contains(t.Audience, clientID):
		return fmt.Errorf("aud is another")
	case t.IssuedAt == 0 || time.Unix(t.IssuedAt, 0).After(now.Add(clockSkew)) || time.Unix(t.IssuedAt, 0).Before(now.Add(-logoutTokenAge)):
		return fmt.Errorf("iat is missing, ahead or old")
	case t.Expires == 0 || time.Unix(t.Expires, 0).Before(now.Add(-clockSkew)):
		return fmt.Errorf("exp is missing or past")
	case json.Unmarshal(t.Events[logoutEvent], &event) != nil || event == nil:
		return fmt.Errorf("events lacks the logout event")
	case t.Nonce != nil:
		return fmt.Errorf("nonce is not allowed")
	case t.SessionID == "" && t.Subject == "":
		return fmt.Errorf("neither sid nor sub")
	case t.ID == "":
		return fmt.Errorf("jti is missing")
	}
	return nil
}

// spentTokens remembers logout tokens until they are too old to be accepted.
type spentTokens struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func newSpentTokens() *spentTokens { return &spentTokens{until: map[string]time.Time{}} }

func (s *spentTokens) spend(id string, expires, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, until := range s.until {
		if until.Before(now) {
			delete(s.until, old)
		}
	}
	if _, spent := s.until[id]; spent {
		return fmt.Errorf("jti was used before")
	}
	// exp may lie far ahead, but iat bounds how long the token is of use.
	until := expires.Add(clockSkew)
	if limit := now.Add(logoutTokenAge + 2*clockSkew); until.After(limit) {
		until = limit
	}
	s.until[id] = until
	return nil
}
