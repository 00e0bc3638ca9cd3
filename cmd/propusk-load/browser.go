package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/propusk/propusk/idp/rp"
)

// A target is the provider under load and the client that asks it.
type target struct {
	issuer               string
	clientID, secret     string
	redirect             string
	scope                string
	password             string
	stride               int // between the accounts used
	transport            http.RoundTripper
	authorize, token     string
	userinfo, discoverAt string
}

var errNotLoopback = errors.New("only programs on this machine are driven, and this address is not loopback")

// newTransport connects to loopback addresses only, whatever names resolve to.
func newTransport(workers int) *http.Transport {
	d := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Transport{
		MaxIdleConns: 4 * workers, MaxIdleConnsPerHost: 4 * workers, IdleConnTimeout: time.Minute,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := d.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			at, err := netip.ParseAddrPort(c.RemoteAddr().String())
			if err != nil || !at.Addr().IsLoopback() {
				c.Close()
				return nil, errNotLoopback
			}
			return c, nil
		},
	}
}

// discover finds the endpoints and checks that the issuer is ours to drive.
func (t *target) discover(ctx context.Context) error {
	u, err := url.Parse(t.issuer)
	if err != nil {
		return err
	}
	if !rp.Loopback(u.Hostname()) {
		return errNotLoopback
	}
	t.discoverAt = strings.TrimSuffix(t.issuer, "/") + "/.well-known/openid-configuration"
	var doc struct {
		Issuer    string `json:"issuer"`
		Authorize string `json:"authorization_endpoint"`
		Token     string `json:"token_endpoint"`
		Userinfo  string `json:"userinfo_endpoint"`
	}
	b := t.browser("")
	if err := b.json(ctx, http.MethodGet, t.discoverAt, nil, nil, &doc); err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	if doc.Issuer != t.issuer {
		return fmt.Errorf("discovery at %s names the issuer %s", t.issuer, doc.Issuer)
	}
	t.authorize, t.token, t.userinfo = doc.Authorize, doc.Token, doc.Userinfo
	return nil
}

// A browser has its own cookies and, behind the trusted proxy that we play, its own network.
type browser struct {
	t       *target
	client  *http.Client
	network string
}

func (t *target) browser(network string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // only for impossible options
	}
	return &browser{t: t, network: network, client: &http.Client{
		Transport: t.transport, Jar: jar, Timeout: 60 * time.Second,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), t.redirect) {
				return http.ErrUseLastResponse // the answer: the party itself is not running
			}
			if len(via) > 10 {
				return errors.New("redirected in circles")
			}
			return nil
		},
	}}
}

// forgetSession takes the session's cookie out of the jar, as its end would; the others stay.
func (b *browser) forgetSession() error {
	u, err := url.Parse(b.t.issuer)
	if err != nil {
		return err
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if strings.Contains(c.Name, "propusk-session") {
			b.client.Jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Path: "/", MaxAge: -1}})
			return nil
		}
	}
	return errors.New("the browser has no session")
}

func (b *browser) do(ctx context.Context, method, address string, form url.Values, set func(*http.Request)) (*http.Response, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if b.network != "" {
		r.Header.Set("X-Forwarded-For", b.network)
	}
	if set != nil {
		set(r)
	}
	return b.client.Do(r)
}

// json makes a call that is answered in JSON; into may be nil.
func (b *browser) json(ctx context.Context, method, address string, form url.Values, set func(*http.Request), into any) error {
	resp, err := b.do(ctx, method, address, form, set)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: status %d: %.200s", method, address, resp.StatusCode, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// tokens are what a code or a refresh token was exchanged for.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

func (b *browser) redeem(ctx context.Context, form url.Values) (tokens, error) {
	var out tokens
	err := b.json(ctx, http.MethodPost, b.t.token, form, func(r *http.Request) {
		r.SetBasicAuth(url.QueryEscape(b.t.clientID), url.QueryEscape(b.t.secret))
	}, &out)
	return out, err
}

func random() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// signIn goes through the authorization code flow: pages are filled in as a person would, if any come.
// Without a phone a page is an error: single sign-on shows none.
func (b *browser) signIn(ctx context.Context, phone, scope string) (tokens, error) {
	verifier, state := random(), random()
	challenge := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {b.t.clientID}, "redirect_uri": {b.t.redirect}, "response_type": {"code"}, "scope": {scope}, "state": {state},
		"nonce": {random()}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	resp, err := b.do(ctx, http.MethodGet, b.t.authorize+"?"+q.Encode(), nil, nil)
	for pages := 0; err == nil && resp.Header.Get("Location") == ""; pages++ {
		if phone == "" || pages == 5 {
			return tokens{}, unexpected(resp)
		}
		resp, err = b.fill(ctx, resp, phone)
	}
	if err != nil {
		return tokens{}, err
	}
	resp.Body.Close()
	answer, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return tokens{}, err
	}
	if answer.Query().Get("state") != state || answer.Query().Get("code") == "" {
		return tokens{}, fmt.Errorf("the answer holds no code: %s", answer.Query().Get("error"))
	}
	return b.redeem(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Query().Get("code")}, "redirect_uri": {b.t.redirect}, "code_verifier": {verifier},
	})
}

// unexpected tells which page came instead of an answer.
func unexpected(resp *http.Response) error {
	defer resp.Body.Close()
	title := "no title"
	if doc, err := goquery.NewDocumentFromReader(io.LimitReader(resp.Body, 1<<20)); err == nil {
		title = strings.TrimSpace(doc.Find("title").Text())
	}
	return fmt.Errorf("a page instead of an answer: %s, status %d, %q", resp.Request.URL.Path, resp.StatusCode, title)
}

// fill fills in the main form of a page and sends it: sign-in and consent.
func (b *browser) fill(ctx context.Context, resp *http.Response, phone string) (*http.Response, error) {
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, unexpected(resp)
	}
	doc, err := goquery.NewDocumentFromReader(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	form := doc.Find("form#main-form").First()
	if form.Length() == 0 {
		return nil, fmt.Errorf("page %q has no main form", strings.TrimSpace(doc.Find("title").Text()))
	}
	values := url.Values{}
	form.Find("input[name]").Each(func(_ int, in *goquery.Selection) {
		name, kind := in.AttrOr("name", ""), in.AttrOr("type", "text")
		_, checked := in.Attr("checked")
		switch {
		case in.AttrOr("id", "") == "username":
			values.Set(name, phone)
		case in.AttrOr("id", "") == "password":
			values.Set(name, b.t.password)
		case kind == "hidden" || checked:
			values.Add(name, in.AttrOr("value", "on"))
		}
	})
	if allow := form.Find("#consent-allow"); allow.AttrOr("name", "") != "" {
		values.Set(allow.AttrOr("name", ""), allow.AttrOr("value", ""))
	}
	action, err := resp.Request.URL.Parse(form.AttrOr("action", ""))
	if err != nil {
		return nil, err
	}
	return b.do(ctx, http.MethodPost, action.String(), values, func(r *http.Request) {
		r.Header.Set("Origin", b.t.issuer)
	})
}
