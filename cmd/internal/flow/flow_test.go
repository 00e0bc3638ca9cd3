package flow

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// site is a small site with a login form, a cookie and a page that a script changes.
func site(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		name := "никто"
		if c, err := r.Cookie("who"); err == nil {
			name = c.Value
		}
		fmt.Fprintf(w, `<!doctype html><title>Главная</title><body><h1>Вы&nbsp;—  %s</h1><p hidden>не видно</p>
			<p id=js>без скрипта</p><script>document.getElementById('js').textContent='со скриптом'</script>
			<a href=/form>Войти</a><p>%s`, html.EscapeString(name), r.Header.Get("Accept-Language"))
	})
	mux.HandleFunc("GET /form", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>Форма</title><form id=main-form method=post action=/form>
			<label>Имя <input id=n name=name value=старое></label><input type=hidden name=keep value=yes>
			<label><input type=radio name=sex value=f checked>ж</label><label><input type=radio name=sex value=m>м</label>
			<select name=doc><option value=a>А<option value=b>Б</select><input type=checkbox name=box value=1>
			<button name=act value=first>Первая</button><button name=act value=second>Вторая</button></form>`)
	})
	mux.HandleFunc("POST /form", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		http.SetCookie(w, &http.Cookie{Name: "who", Value: strings.Join([]string{r.PostForm.Get("name"), r.PostForm.Get("keep"),
			r.PostForm.Get("sex"), r.PostForm.Get("doc"), r.PostForm.Get("box"), r.PostForm.Get("act")}, "-"), Path: "/"})
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("who")
		fmt.Fprintf(w, `{"signed_in":%v,"claims":{"levels":["a","b"],"name":%q}}`, err == nil, fmt.Sprint(c))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

const journey = `
browser one ru
open provider /
see "Вы — никто"
unseen "не видно"
see ru
click Войти
title Форма
fill n anna
choose sex m
choose doc b
choose box 1
submit Вторая
at provider /
see "anna-yes-m-b-1-second"
me provider signed_in=true claims.levels.1=b claims.missing=null
browser two en   # another jar
open provider /
see "никто"
see en
browser one
see anna
`

func run(t *testing.T, script string, open func(context.Context, string) (Browser, error)) error {
	t.Helper()
	s := site(t)
	r := &Runner{Sites: map[string]string{"provider": s.URL}, New: open}
	return r.Run(context.Background(), "journey", strings.NewReader(script))
}

func TestJourneyInThePlainBrowser(t *testing.T) {
	if err := run(t, journey, NewPlain); err != nil {
		t.Error(err)
	}
	if err := run(t, "open provider /\nsee \"без скрипта\"", NewPlain); err != nil {
		t.Error(err)
	}
}

func TestJourneyInChromium(t *testing.T) {
	c := chrome(t)
	if err := run(t, journey, c.New); err != nil {
		t.Error(err)
	}
	if err := run(t, "open provider /\nsee \"со скриптом\"", c.New); err != nil {
		t.Error(err)
	}
	c.Scripts = false
	if err := run(t, journey+"\nsee \"без скрипта\"", c.New); err != nil {
		t.Errorf("with scripts off: %v", err)
	}
}

func TestAScriptThatDoesNotHoldNamesItsLine(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"a text that is not there", "open provider /\n\nsee nonsense", "journey:3: see nonsense"},
		{"a text that is", "open provider /\nunseen никто", "journey:2"},
		{"a missing field", "open provider /form\nfill nothing x", `no field "nothing"`},
		{"a missing button", "open provider /form\nsubmit Третья", "no button"},
		{"a missing link", "open provider /\nclick Уйти", "no link or button"},
		{"a value that is not offered", "open provider /form\nchoose doc z", `no value "z"`},
		{"another claim", "open provider /\nme provider signed_in=true", "signed_in is false"},
		{"an unknown command", "open provider /\ndance now", "no such command"},
		{"an open quote", `see "x`, "not closed"},
	} {
		if err := run(t, c.script, NewPlain); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", c.name, err, c.want)
		}
	}
}

// chrome starts Chromium, or skips the test where none is installed.
func chrome(t *testing.T) *Chrome {
	t.Helper()
	c, err := StartChrome(context.Background(), t.TempDir())
	if errors.Is(err, ErrNoChrome) && os.Getenv("PROPUSK_REQUIRE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
