package idp_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/rp"
)

// markup must come back as text or not at all.
const markup = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`

var (
	long     = strings.Repeat("я", 35_000) // 70 KB
	longer   = strings.Repeat("A", 5_000)  // fits into an address
	idForm   = regexp.MustCompile(`^[0-9A-Z]{4}-[0-9A-Z]{4}$`)
	betrayal = regexp.MustCompile(`goroutine \d+|runtime error|\.go:\d+|panic:|sqlstore|SQLSTATE|SELECT `)
)

// hostile are values, as they stand in a query or a form, and no page of ours sends.
var hostile = map[string]string{
	"markup": url.QueryEscape(markup), "a broken text": "%ff%fe", "a broken text in capitals": "%FF%FE", "a NUL": "a%00b", "a line end": "a%0d%0aEvil:%201%0d%0a%0d%0a<script>alert(1)</script>",
	"a long one": longer, "nothing": "", "a number without end": strings.Repeat("9", 400), "a negative number": "-1", "an override": "%e2%80%ae%d0%90",
	"an address": "https%3A%2F%2Fevil.example%2F", "a template": "%7b%7b.%7d%7d%25s%25n", "a quote": "'%20OR%20'1'%3D'1", "traversal": "..%2f..%2f..%2fetc%2fpasswd",
	"JSON": "%7B%22a%22%3A%7B%22b%22%3A%5B%5D%7D%7D", "deep JSON": strings.Repeat("%5B", 1500),
}

// An attack is one request, told by name.
type attack struct {
	name string
	r    *http.Request
}

func TestHostileInput(t *testing.T) {
	for name, world := range map[string]func(*testing.T) *idptest.World{
		"sqlite":         func(t *testing.T) *idptest.World { return idptest.New(t) },
		"postgres+redis": func(t *testing.T) *idptest.World { return idptest.Served(t) },
	} {
		t.Run(name, func(t *testing.T) {
			w := world(t)
			g := newGround(t, w)
			if name != "sqlite" { // the doors are the same; what may differ is what stores make of a text
				g.values = map[string]string{}
				for _, kind := range []string{"a broken text", "a broken text in capitals", "a NUL", "a long one", "a quote", "a number without end"} {
					g.values[kind] = hostile[kind]
				}
			}
			seen := map[string]bool{}
			sent := 0
			for _, route := range w.Routes() {
				method, path, _ := strings.Cut(route, " ")
				s, ok := surfaces[path]
				if !ok {
					t.Errorf("route %s has no surface: add it to surface_test.go", route)
					continue
				}
				at := g.stand(s)
				seen[path] = true
				for _, a := range g.attacks(method, path, s, at) {
					g.strike(route, at, a)
					sent++
				}
			}
			for path := range surfaces {
				if !seen[path] {
					t.Errorf("surface %s is not a route any more", path)
				}
			}
			t.Logf("%d hostile requests at %d routes", sent, len(w.Routes()))
		})
	}
}

// attacks are all that a route is struck with.
func (g *ground) attacks(method, path string, s surface, at *stand) (out []attack) {
	address := g.Issuer.String() + strings.NewReplacer(":token", "unknown", ":id", url.PathEscape(at.id), ":text", "rules", "*", "x").Replace(path)
	add := func(name, method, address, body string, headers ...string) {
		var in io.Reader
		if body != "" {
			in = strings.NewReader(body)
		}
		r, err := http.NewRequestWithContext(g.t.Context(), method, address, in)
		if err != nil {
			return // not an address at all: no client can send it
		}
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		out = append(out, attack{name, r})
	}
	with := func(query string) string {
		if q := joined(at.ref.Encode(), query); q != "" {
			return address + "?" + q
		}
		return address
	}
	fields := strings.Fields(s.fields)
	if s.ref == "authorize" {
		s.act = at.ref.Encode() // by POST the same stands in the body
	}

	// The address.
	add("as it is", method, with(""), "")
	asked := []string{"tx", "r"}
	if method != http.MethodPost { // a form's fields stand in its body, below
		asked = append(asked, fields...)
	}
	for _, name := range asked {
		for kind, v := range g.values {
			add(name+" in the query: "+kind, method, with(name+"="+v), s.act)
		}
		add(name+" twice in the query", method, with(name+"=a&"+name+"=b"), s.act)
	}
	add("a query of pieces", method, with(strings.Repeat("a[b][c]=1&", 1000)), s.act)
	add("a broken query", method, with("%zz=%&;=;"), s.act)
	for name := range at.ref {
		v := at.ref.Get(name)
		for kind, changed := range map[string]string{"missing": "", "cut": v[:len(v)/2], "turned": v[:len(v)-3] + "AAA", "doubled": v + v, "changed inside": v[:len(v)/2] + turned(v[len(v)/2:])} {
			add(name+" "+kind, method, address+"?"+url.Values{name: {changed}}.Encode(), s.act)
		}
	}
	if i := strings.IndexAny(path, ":*"); i >= 0 {
		rest := ""
		if j := strings.IndexByte(path[i:], '/'); j >= 0 {
			rest = path[i+j:]
		}
		for kind, v := range g.values {
			add("in the path: "+kind, method, g.Issuer.String()+path[:i]+strings.ReplaceAll(v, "+", "%20")+rest, s.act)
		}
		add("up the path", method, g.Issuer.String()+path[:i]+"../../../../etc/passwd"+rest, s.act)
		add("up the path, escaped", method, g.Issuer.String()+path[:i]+"%2e%2e/%2e%2e/%2e%2e/etc/passwd"+rest, s.act)
	}

	// The method and the headers.
	for _, m := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "EVIL"} {
		if m != method {
			add(m, m, with(""), "")
		}
	}
	for name, values := range map[string][]string{
		"Accept-Language": {markup, longer, "\xff\xfe", "ru;q=nan,*;q=-1"}, "User-Agent": {markup, longer, "\xff"}, "Accept": {"application/json", markup},
		"X-Forwarded-For": {markup, "999.1.1.1, ,::", longer}, "X-Request-Id": {markup, longer}, "X-Forwarded-Host": {"evil.example"},
		"Origin": {"null", "https://evil.example", markup}, "Sec-Fetch-Site": {"cross-site", markup}, "Referer": {markup}, "If-None-Match": {markup, longer},
		"Range": {"bytes=-1,0-,9999999999-"}, "Authorization": {
			"Basic", "Basic %%%", "Basic Og==", "Basic " + longer, "Bearer", "Bearer " + markup, "Bearer a b c", "Bearer " + longer, "Digest x", "Basic /////w==",
		},
	} {
		for i, v := range values {
			add(fmt.Sprintf("header %s %d", name, i), method, with(""), s.act, name, v)
		}
	}

	// The body.
	if method != http.MethodPost {
		return out
	}
	all := url.Values{}
	for _, name := range fields {
		all.Set(name, markup)
		for kind, v := range g.values {
			add(name+": "+kind, method, with(""), joined(s.act, name+"="+v))
		}
		add(name+" of 70 KB", method, with(""), joined(s.act, name+"="+long))
		add(name+" twice", method, with(""), joined(s.act, name+"=a&"+name+"=b"))
	}
	add("markup everywhere", method, with(""), all.Encode())
	add("five thousand fields", method, with(""), strings.Repeat("f=1&", 5000)+"g=2")
	add("fields without end", method, with(""), strings.Repeat("match-x[]=yes&", 3000))
	add("broken escapes", method, with(""), "%zz=%&a=%u0041")
	add("JSON", method, with(""), `{"username":["a",{"b":null}],"code":1e999}`, "Content-Type", "application/json")
	add("JSON called a form", method, with(""), `{"username":["<script>alert(1)</script>"]}`)
	add("multipart", method, with(""), "--x\r\nContent-Disposition: form-data; name=\"code\"; filename=\"../../x\"\r\n\r\n<script>alert(1)</script>\r\n--x--", "Content-Type", "multipart/form-data; boundary=x")
	add("another content type", method, with(""), "<a>&x;</a>", "Content-Type", "text/xml")
	add("a broken content type", method, with(""), "a=b", "Content-Type", "application/x-www-form-urlencoded; charset=\"")
	add("no content type", method, with(""), "a=b", "Content-Type", "")
	add("UTF-16", method, with(""), "a=b", "Content-Type", "application/x-www-form-urlencoded; charset=utf-16")
	return out
}

// turned is a text with its first character changed.
func turned(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

// joined is right fields and hostile ones, which stand in the place of right ones of their names.
func joined(right, hostile string) string {
	kept, err := url.ParseQuery(right)
	if err != nil {
		panic(err) // a surface of ours
	}
	for pair := range strings.SplitSeq(hostile, "&") {
		name, _, _ := strings.Cut(pair, "=")
		kept.Del(name)
	}
	return strings.Trim(kept.Encode()+"&"+hostile, "&")
}

// client follows nothing: every answer is looked at.
var client = &http.Client{
	Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

var networks int

// strike sends an attack from where it belongs, in a network of its own so that no limit shields what lies
// behind it.
func (g *ground) strike(route string, at *stand, a attack) {
	g.t.Helper()
	networks++
	if a.r.Header.Get("X-Forwarded-For") == "" {
		a.r.Header.Set("X-Forwarded-For", fmt.Sprintf("100.%d.%d.%d", 64+networks>>16&63, networks>>8&255, networks&255))
	}
	for name, v := range at.browser.Jar {
		a.r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
	if at.party != nil && a.r.Header.Get("Authorization") == "" {
		a.r.SetBasicAuth(string(at.party.ID), at.party.Secret)
	}
	g.judge(route, a)
}

// judge sends it and holds the answer to the rules: no fault of ours, an id to ask by, no markup, no insides.
func (g *ground) judge(route string, a attack) {
	g.t.Helper()
	resp, err := client.Do(a.r)
	if err != nil {
		// What cannot even be sent is no request; anything else is a server that hung up.
		if !strings.Contains(err.Error(), "net/http: invalid") {
			g.t.Errorf("%s, %s: %v", route, a.name, err)
		}
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Errorf("%s, %s: %v", route, a.name, err)
	}
	bad := func(format string, args ...any) {
		g.t.Helper()
		g.t.Errorf("%s, %s: %d: %s", route, a.name, resp.StatusCode, fmt.Sprintf(format, args...))
	}
	id := resp.Header.Get("X-Request-Id")
	page := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	switch {
	case resp.StatusCode >= 500:
		bad("a fault of ours: %.300s", body)
	case !idForm.MatchString(id):
		bad("request id %q", id)
	case bytes.Contains(body, []byte("<script>alert")) || bytes.Contains(body, []byte("<img src=x")):
		bad("markup came back")
	case page && !bytes.Contains(body, []byte("<title>")) && a.r.Method != http.MethodHead:
		bad("half a page: %.300s", body)
	case betrayal.Match(body):
		bad("tells of its insides: %s", betrayal.Find(body))
	case resp.Header.Get("Evil") != "" || strings.Contains(fmt.Sprint(resp.Header), "<script>"):
		bad("the headers were written by the stranger: %v", resp.Header)
	case page && shows[resp.StatusCode] && a.r.Method != http.MethodHead:
		doc, err := goquery.NewDocumentFromReader(bytes.NewReader(body))
		if err != nil || !strings.Contains(doc.Find("#error-code").Text(), id) {
			bad("the page shows %q, not its request id %s", doc.Find("#error-code").Text(), id)
		}
	}
	if to := resp.Header.Get("Location"); to != "" && strings.Contains(to, "evil.example") && !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, g.Issuer.String()) && !strings.HasPrefix(to, "https://tax.test/") {
		bad("leads to %s", to)
	}
}

// shows are the statuses of error pages; 422 and 429 are forms that say what is wrong beside the field.
var shows = map[int]bool{400: true, 403: true, 405: true, 409: true, 410: true, 413: true, 414: true, 415: true}

func TestForgedCookiesOpenNothing(t *testing.T) {
	w := idptest.New(t)
	g := newGround(t, w)
	sealed := g.stand(surface{ref: "tx"}).ref.Get("tx")
	citizen, other, staff := g.stand(surface{as: "citizen"}), g.stand(surface{as: "citizen"}), g.stand(surface{as: "operator"})
	for _, at := range []*stand{citizen, staff} {
		home := "/account"
		if at == staff {
			home = "/operator"
		}
		for name, v := range at.browser.Jar {
			if strings.Contains(name, "known") {
				continue // the mark of a known browser opens nothing by itself
			}
			for kind, forged := range map[string]string{
				"cut": v[:len(v)/3], "longer": v + "A", "turned": "A" + v[1:] + "B", "empty": "", "markup": `<script>alert(1)</script>`,
				"without end": strings.Repeat("A", 8000), "another's": other.browser.Jar[name], "bytes": "\x01\x7f%00%ff", "of another purpose": sealed,
			} {
				b := at.browser.Copy()
				b.Jar[name] = forged
				p := b.Get(home)
				if p.URL.Path == home || p.Status >= 500 {
					t.Errorf("%s, %s %s: %d at %s", home, name, kind, p.Status, p.URL.Path)
				}
				if strings.Contains(p.Body, "<script>alert") {
					t.Errorf("%s, %s %s: markup came back", home, name, kind)
				}
			}
		}
		if p := at.browser.Get(home); p.URL.Path != home {
			t.Errorf("%s with its own cookies: at %s", home, p.URL.Path)
		}
	}
	// Twenty kilobytes of strangers' cookies, and the same name twice.
	for kind, header := range map[string]string{
		"full of strangers": strings.Repeat("a=b; ", 4000), "of one name twice": "propusk-session-1=a; propusk-session-1=b", "broken": `=;;;"=\x00;`,
	} {
		r := citizen.browser.Request(http.MethodGet, "/login", nil)
		r.Header.Set("Cookie", header)
		g.judge("GET /login", attack{"a cookie header " + kind, r})
	}
}

func TestHeadersWithoutEndAreRefusedBeforeAnybodyReadsThem(t *testing.T) {
	w := idptest.New(t)
	for kind, change := range map[string]func(*http.Request){
		"address": func(r *http.Request) { r.URL.RawQuery = "tx=" + strings.Repeat("A", 70_000) },
		"header":  func(r *http.Request) { r.Header.Set("X-Long", strings.Repeat("A", 70_000)) },
		"cookie":  func(r *http.Request) { r.Header.Set("Cookie", "a="+strings.Repeat("A", 70_000)) },
	} {
		r := w.Browser().Request(http.MethodGet, "/login", nil)
		change(r)
		resp, err := client.Do(r)
		if err != nil {
			t.Errorf("%s of 70 KB: %v", kind, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode < 400 || resp.StatusCode >= 500 && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s of 70 KB: %d", kind, resp.StatusCode)
		}
	}
}

// TestMarkupThatIsKeptComesBackAsText: what a stranger wrote is shown on a later page, to the stranger or
// to somebody else.
func TestMarkupThatIsKeptComesBackAsText(t *testing.T) {
	w := idptest.New(t)
	p := w.RegisterParty(&rp.Party{ID: "tax", Name: map[string]string{"ru": "Служба " + markup}, Purpose: map[string]string{"ru": markup}})
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	text := func(what string, p *idptest.Page) {
		t.Helper()
		if p.Status >= 500 || strings.Contains(p.Body, "<script>alert") || strings.Contains(p.Body, "<img src=x") {
			t.Errorf("%s: %d at %s: markup came back", what, p.Status, p.URL.Path)
		}
	}
	shown := func(what string, p *idptest.Page) {
		t.Helper()
		if text(what, p); !strings.Contains(p.Body, "&lt;script&gt;alert(1)") {
			t.Errorf("%s: %d at %s does not show what was kept; the test proves nothing", what, p.Status, p.URL.Path)
		}
	}
	hinted := b.Get("/oauth2/authorize?" + p.Ask("scope", "openid profile", "login_hint", markup, "state", markup).Encode())
	shown("a name and a hint on the sign-in page", hinted)
	shown("a name and a purpose on the consent page", hinted.Submit("username", idptest.Phone(a), "password", idptest.Password))
	answer := b.Authorize(p, a, "state", markup, "scope", "openid profile")
	if answer.Get("state") != markup {
		t.Errorf("state came back as %q", answer.Get("state"))
	}
	if got := w.Redeem(p, answer.Get("code")); got.Status != http.StatusOK {
		t.Fatalf("redeem: %+v", got)
	}
	posted := b.Get("/oauth2/authorize?" + p.Ask("scope", "openid", "state", markup, "response_mode", "form_post").Encode())
	if value := posted.Find("input[name=state]").AttrOr("value", ""); value != markup {
		t.Errorf("state in the form: %q", value)
	}
	text("state in a form that is posted", posted)
	shown("a name in the list of who receives what", b.Get("/account/assurance"))
	for path, fields := range map[string]string{
		"/account/profile": surfaces["/account/profile"].fields, "/account/confirm/letter?new=1": surfaces["/account/confirm/letter"].fields,
		"/account/contacts": surfaces["/account/contacts"].fields,
	} {
		form := url.Values{}
		for _, name := range strings.Fields(fields) {
			form.Set(name, markup)
		}
		form.Del("act")
		shown("what was typed into "+path, b.Post(path, form))
	}
	// Addresses are free text: one with markup may be taken, and is shown again.
	text("an address", b.Post("/account/confirm/letter?new=1", url.Values{
		"postal-code": {"170100"}, "region": {"Область " + markup}, "locality": {"Тверь"}, "street": {markup}, "house": {"1"},
	}))
	for _, path := range []string{"/account", "/account/profile", "/account/profile/check", "/account/confirm/letter?new=1", "/account/confirm/letter/check", "/account/checks"} {
		text("a later page", b.Get(path))
	}
}
