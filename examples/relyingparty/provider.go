package relyingparty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

type nonceKey struct{}

// provider finds out where the provider's endpoints are, on the first request
// that needs them: the party starts without the provider, and a provider that
// was down is found as soon as it is back.
func (p *Party) provider(ctx context.Context) (rp.RelyingParty, error) {
	p.discovery.Lock()
	defer p.discovery.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := rp.NewRelyingPartyOIDC(ctx, p.cfg.Issuer, p.cfg.ClientID, p.cfg.ClientSecret, p.cfg.RedirectURI(), p.cfg.Scopes,
		rp.WithHTTPClient(p.cfg.HTTPClient),
		rp.WithPKCE(p.cookies),
		rp.WithAuthStyle(oauth2.AuthStyleInHeader), // client_secret_basic
		rp.WithErrorHandler(p.refusedByProvider),
		rp.WithUnauthorizedHandler(p.notFinished),
		rp.WithVerifierOpts(
			rp.WithSupportedSigningAlgorithms("ES256", "RS256", "PS256"),
			rp.WithIssuedAtOffset(30*time.Second),
			// The nonce of this browser's request travels in the context.
			rp.WithNonce(func(ctx context.Context) string {
				nonce, _ := ctx.Value(nonceKey{}).(string)
				return nonce
			}),
		),
	)
	if err != nil {
		return nil, fmt.Errorf("discovery at %s: %w", p.cfg.Issuer, err)
	}
	p.found = found
	return found, nil
}

// cookieHandler seals what travels in the browser between /login and the callback.
// Its cookies are bound to this party's own callback path.
func cookieHandler(cfg Config, hashKey, blockKey []byte) *httphelper.CookieHandler {
	options := []httphelper.CookieHandlerOpt{
		httphelper.WithPath(cfg.callbackPath()),
		// Registering on the way can take a while, a letter with a link longer.
		httphelper.WithMaxAge(int((2 * time.Hour).Seconds())),
	}
	if !strings.HasPrefix(cfg.PublicURL, "https:") {
		options = append(options, httphelper.WithUnsecure())
	}
	return httphelper.NewCookieHandler(hashKey, blockKey, options...)
}

// errEnded reports that the provider no longer stands by the access token.
var errEnded = errors.New("relying party: the session has ended at the provider")

// userinfo asks what the provider now says of the person. The library's own call
// hides the status, and 401 is the one that matters here.
func (p *Party) userinfo(ctx context.Context, endpoint, tokenType, token, subject string) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", tokenType+" "+token)
	req.Header.Set("Accept", "application/json")
	resp, err := p.cfg.HTTPClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	defer resp.Body.Close()
	switch kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return nil, errEnded
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("userinfo: %s", resp.Status)
	case kind != "application/json":
		return nil, fmt.Errorf("userinfo: content type %q", kind)
	}
	claims := map[string]any{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&claims); err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	// OpenID Connect Core 5.3.2: an answer about somebody else must not be used.
	if claims["sub"] != subject {
		return nil, rp.ErrUserInfoSubNotMatching
	}
	return claims, nil
}

// idTokenClaims gives the ID token's claims as a map, to lay userinfo over them.
func idTokenClaims(token *oidc.IDTokenClaims) (map[string]any, error) {
	data, err := json.Marshal(token)
	if err != nil {
		return nil, err
	}
	claims := map[string]any{}
	return claims, json.Unmarshal(data, &claims)
}
