package frame_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/storage/storagetest"
	"github.com/propusk/propusk/ui"
)

// errClosed is this door's own word.
var errClosed = fmt.Errorf("partner: closed for the night: %w", fault.Denied)

// door mounts a whole door: pages that answer, and pages that fail with each of errs.
func door(t *testing.T, errs map[string]error) http.Handler {
	t.Helper()
	now := func() time.Time { return storagetest.Start }
	pages, err := ui.New(ui.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	f := frame.New(frame.Config{
		UI: pages, Public: &url.URL{Scheme: "https", Host: "id.example"}, Wall: now, Log: log,
		Dress: func(_ echo.Context, f *ui.Frame) error { f.Operator = &ui.OperatorFrame{}; return nil },
		Own: func(err error) (int, ui.Error) {
			if errors.Is(err, errClosed) {
				return http.StatusServiceUnavailable, ui.Error{Kind: "unavailable"}
			}
			return 0, ui.Error{}
		},
		Onward:     func(*http.Request, int, error) (string, string) { return "/partner/again", "/partner" },
		Dispatcher: "/partner/login",
	})
	e := echo.New()
	g := f.Group(e, "/partner")
	g.GET("", func(c echo.Context) error { return f.Render(c, http.StatusOK, "", ui.LoggedOut{}) })
	g.GET("/leave", func(c echo.Context) error {
		frame.EndsAt(c, "https://bank.example/callback?x=1")
		return f.Render(c, http.StatusOK, "", ui.LoggedOut{})
	})
	g.GET("/asked", func(c echo.Context) error {
		f.SpeakFor(c, "en", storagetest.Start)
		return f.Render(c, http.StatusOK, "", ui.LoggedOut{})
	})
	g.POST("", func(c echo.Context) error { return frame.See(c, "/partner?said="+frame.Field(c, "said")) })
	for name, err := range errs {
		g.GET("/fails/"+name, func(echo.Context) error { return err })
	}
	return edge.New(edge.Config{Logger: log, Wall: now}).Wrap(e)
}

func send(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAFormThatNoPageOfOursSendsGoesNoFurther(t *testing.T) {
	h := door(t, nil)
	for name, row := range map[string]struct {
		body    string
		headers []string
		want    int
	}{
		"ours":                {"said=yes", nil, 303},
		"nothing":             {"", nil, 303},
		"a name twice":        {"said=yes&said=no", nil, 400},
		"not UTF-8":           {"said=%ff", nil, 400},
		"a NUL":               {"said=a%00b", nil, 400},
		"JSON":                {`{"said":"yes"}`, []string{"Content-Type", "application/json"}, 400},
		"a long field":        {"said=" + strings.Repeat("a", 5<<10), nil, 413},
		"a long form":         {"tx=" + strings.Repeat("a", 65<<10), nil, 413},
		"a long transaction":  {"tx=" + strings.Repeat("a", 60<<10), nil, 303},
		"from another site":   {"said=yes", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"from another origin": {"said=yes", []string{"Origin", "https://evil.example"}, 403},
	} {
		w := send(h, http.MethodPost, "/partner", row.body, row.headers...)
		if w.Code != row.want || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: got %d %v, want %d, not kept", name, w.Code, w.Header(), row.want)
		}
	}
	if w := send(h, http.MethodGet, "/partner?a=1&a=2", ""); w.Code != 400 {
		t.Errorf("a name twice in the address: %d", w.Code)
	}
}

func TestEveryFaultHasItsStatusAndPage(t *testing.T) {
	rows := map[string]struct {
		err    error
		status int
		title  string
	}{
		"expired":     {fault.Expired, 410, "Страница устарела"},
		"conflict":    {fault.Conflict, 409, "Страница устарела"},
		"missing":     {fault.NotFound, 404, "Такой страницы нет"},
		"denied":      {fault.Denied, 403, "Сюда вам нельзя"},
		"invalid":     {fault.Invalid, 400, "Сайт прислал неверный запрос"},
		"browser":     {signin.ErrOtherBrowser, 403, "Это начато в другом браузере"},
		"own":         {errClosed, 503, "Сейчас не работает"},
		"unheard-of":  {fmt.Errorf("partner: the roof leaks"), 500, "У нас неполадка"},
		"unavailable": {fault.Unavailable, 503, "Сейчас не работает"},
	}
	errs := map[string]error{}
	for name, row := range rows {
		errs[name] = fmt.Errorf("partner: page: %w", row.err)
	}
	h := door(t, errs)
	for name, row := range rows {
		w := send(h, http.MethodGet, "/partner/fails/"+name, "")
		doc, err := goquery.NewDocumentFromReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(doc.Find("h1").Text(), "\u00a0", " "); w.Code != row.status || got != row.title || doc.Find("#error-code").Length() != 1 {
			t.Errorf("%s: got %d %q, want %d %q with a number", name, w.Code, got, row.status, row.title)
		}
		if doc.Find(`.Actions a[href="/partner/again"]`).Length() != 1 || doc.Find(`.Actions a[href="/partner"]`).Length() != 1 {
			t.Errorf("%s: not the door's own way forward", name)
		}
	}
	if w := send(h, http.MethodPut, "/partner", ""); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("PUT: %d %v", w.Code, w.Header())
	}
}

func TestAStepOutOfTurnGoesToTheDispatcher(t *testing.T) {
	h := door(t, map[string]error{"turn": signin.ErrOutOfTurn})
	if w := send(h, http.MethodGet, "/partner/fails/turn?tx=a%2Bb", ""); w.Code != 303 || w.Header().Get("Location") != "/partner/login?tx=a%2Bb" {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
	if w := send(h, http.MethodGet, "/partner/fails/turn", ""); w.Code != 409 {
		t.Errorf("without a transaction: %d", w.Code)
	}
}

func TestALanguageChosenOnOurPagesOutlivesWhatWasAskedBefore(t *testing.T) {
	h := door(t, nil)
	speaks := func(target, want string, headers ...string) []*http.Cookie {
		t.Helper()
		w := send(h, http.MethodGet, target, "", headers...)
		if got := w.Header().Get("Content-Language"); got != want {
			t.Errorf("%s %v: got %s, want %s", target, headers, got, want)
		}
		return w.Result().Cookies()
	}
	speaks("/partner", "en", "Accept-Language", "en-GB")
	speaks("/partner", "ru", "Accept-Language", "fr")
	speaks("/partner", "ru", "Cookie", "propusk-lang=ru", "Accept-Language", "en")
	speaks("/partner/asked", "en", "Accept-Language", "ru")
	chosen := speaks("/partner?lang=ru", "ru", "Accept-Language", "en")
	var kept []string
	for _, k := range chosen {
		if !k.Secure || !k.HttpOnly {
			t.Errorf("cookie %v", k)
		}
		kept = append(kept, k.Name+"="+k.Value)
	}
	speaks("/partner/asked", "ru", "Cookie", strings.Join(kept, "; "))
	speaks("/partner/asked", "en", "Cookie", "propusk-lang=ru; propusk-lang-at=1")
}

func TestOnlyAPageThatMayEndATransactionSendsFormsElsewhere(t *testing.T) {
	h := door(t, nil)
	for target, want := range map[string]string{"/partner": "form-action 'self';", "/partner/leave": "form-action 'self' https://bank.example;"} {
		if csp := send(h, http.MethodGet, target, "").Header().Get("Content-Security-Policy"); !strings.Contains(csp, want) {
			t.Errorf("%s: %s", target, csp)
		}
	}
}
