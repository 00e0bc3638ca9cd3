package uitest

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/ui"
)

func renderer(t testing.TB) *ui.Renderer {
	t.Helper()
	r, err := ui.New(ui.Options{Now: ui.GalleryNow})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t testing.TB, r *ui.Renderer, lang string, s ui.State, p ui.Page) []byte {
	t.Helper()
	var b bytes.Buffer
	s.Frame.Lang = lang
	if err := r.Render(&b, s.Frame, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// each runs f for every example in both languages.
func each(t *testing.T, f func(t *testing.T, lang string, s ui.State, page []byte)) {
	r := renderer(t)
	for _, s := range ui.Gallery() {
		for _, lang := range ui.Languages() {
			t.Run(s.Page+"/"+s.Name+"/"+lang, func(t *testing.T) { f(t, lang, s, render(t, r, lang, s, s.Value)) })
		}
	}
}

func TestEveryPageIsSound(t *testing.T) {
	each(t, func(t *testing.T, lang string, _ ui.State, page []byte) {
		for _, w := range Check(page, lang) {
			t.Error(w)
		}
	})
}

var key = regexp.MustCompile(`\b(fault|field|word|method|level|claim|data|event|way|refusal|check|post|registry|compare|operator|notice)\.[a-z_.-]+\b`)

func TestNoKeyIsShownInsteadOfItsSentence(t *testing.T) {
	each(t, func(t *testing.T, _ string, s ui.State, page []byte) {
		words, err := Words(page)
		if err != nil {
			t.Fatal(err)
		}
		if k := key.FindString(words); k != "" {
			t.Errorf("page shows the key %s", k)
		}
	})
}

// What a template took by its wire name and found no word for shows as the
// wire name: lower case Latin with underscores.
var wire = regexp.MustCompile(`\b[a-z]+(_[a-z]+)+\b`)

func TestNoWireNameIsShown(t *testing.T) {
	each(t, func(t *testing.T, _ string, s ui.State, page []byte) {
		words, err := Words(page)
		if err != nil {
			t.Fatal(err)
		}
		words = strings.ReplaceAll(words, "invalid_redirect_uri", "") // the protocol's own word, for the integrator
		if w := wire.FindString(words); w != "" {
			t.Errorf("page shows %s", w)
		}
	})
}

func TestFaultsLeadAndAreRepeatedAtTheField(t *testing.T) {
	seen := 0
	each(t, func(t *testing.T, lang string, s ui.State, page []byte) {
		faults := reflect.ValueOf(s.Value).FieldByName("Faults")
		if !faults.IsValid() || faults.Len() == 0 {
			return // nothing is wrong on this one
		}
		seen++
		doc, err := goquery.NewDocumentFromReader(bytes.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"ru": "Ошибка:", "en": "Error:"}[lang]
		if title := doc.Find("title").Text(); !strings.HasPrefix(title, want) {
			t.Errorf("title is %q, want it to begin with %q", title, want)
		}
		lines := doc.Find(".Faults li")
		if lines.Length() != faults.Len() {
			t.Errorf("summary has %d lines, want %d", lines.Length(), faults.Len())
		}
		order := doc.Find(".Faults, h1")
		if !order.First().HasClass("Faults") {
			t.Error("the summary does not stand above the heading")
		}
		lines.Each(func(i int, l *goquery.Selection) {
			sentence := faults.Index(i).Interface().(ui.Fault)
			if strings.HasPrefix(sentence.Code, "compare.") {
				return // a row of a table has no room for it
			}
			found := false
			doc.Find(".Field-wrong").Each(func(_ int, w *goquery.Selection) {
				found = found || strings.HasSuffix(strings.ToLower(strings.TrimSpace(l.Text())), strings.ToLower(strings.TrimSpace(w.Text())))
			})
			if !found {
				t.Errorf("%q does not stand at its field", l.Text())
			}
		})
	})
	if seen < 40 {
		t.Errorf("only %d examples show faults; was the field renamed?", seen)
	}
}

func TestEveryFaultCodeHasASentence(t *testing.T) {
	r := renderer(t)
	codes := append(civil.Codes(), "password.short", "password.long", "password.unprintable", "password.lower", "password.upper",
		"password.digit", "password.breached", "password.personal", "password.again", "password.required", "login.wrong", "login.slow", "login.over",
		"code.wrong", "code.expired", "code.too_many", "letter_code.wrong", "letter_code.expired", "contact.empty", "contact.both",
		"consent.required", "reason.required", "totp.wrong", "required", "too_long")
	for _, lang := range ui.Languages() {
		unknown := sentence(t, r, lang, "no.such.code")
		for _, code := range codes {
			if got := sentence(t, r, lang, code); got == "" || got == unknown {
				t.Errorf("%s: fault %s has no sentence", lang, code)
			}
		}
	}
}

func sentence(t *testing.T, r *ui.Renderer, lang, code string) string {
	t.Helper()
	page := render(t, r, lang, ui.State{}, ui.SignIn{Form: ui.Form{Faults: []ui.Fault{{Field: "password", Code: code}}}})
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Find("#password-wrong").Text()
}

const hostile = `"><script>alert(1)</script><b onclick='x'>javascript:`

// TestHTMLInjection puts hostile input into every string a page holds, one at
// a time, and demands the same elements as before.
func TestHTMLInjection(t *testing.T) {
	r := renderer(t)
	for _, s := range ui.Gallery() {
		t.Run(s.Page+"/"+s.Name, func(t *testing.T) {
			n := countStrings(reflect.ValueOf(s.Value))
			for i := range n {
				p := poison(s.Value, i, hostile)
				page := render(t, r, "ru", s, p)
				if bytes.Contains(page, []byte("<script>alert")) || bytes.Contains(page, []byte("<b onclick")) {
					t.Fatalf("string %d came out as markup", i)
				}
				doc, err := goquery.NewDocumentFromReader(bytes.NewReader(page))
				if err != nil {
					t.Fatal(err)
				}
				doc.Find("[href],[src],[action]").Each(func(_ int, e *goquery.Selection) {
					for _, a := range []string{"href", "src", "action"} {
						if v := strings.ToLower(e.AttrOr(a, "")); strings.HasPrefix(v, "javascript:") {
							t.Errorf("string %d became the address %s", i, v)
						}
					}
				})
				if doc.Find("[onclick]").Length() > 0 {
					t.Errorf("string %d became a handler", i)
				}
			}
			for i := range n {
				page := render(t, r, "ru", s, poison(s.Value, i, "javascript:alert(1)"))
				doc, err := goquery.NewDocumentFromReader(bytes.NewReader(page))
				if err != nil {
					t.Fatal(err)
				}
				doc.Find("a,form").Each(func(_ int, e *goquery.Selection) {
					if v := e.AttrOr("href", e.AttrOr("action", "")); strings.HasPrefix(strings.ToLower(v), "javascript:") {
						t.Errorf("string %d became the address %s", i, v)
					}
				})
			}
		})
	}
}

var moment = reflect.TypeFor[time.Time]()

func countStrings(v reflect.Value) int {
	n := 0
	walk(v, func(reflect.Value) { n++ })
	return n
}

// walk calls f for every string in v.
func walk(v reflect.Value, f func(reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		f(v)
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), f)
		}
	case reflect.Struct:
		if v.Type() == moment {
			return
		}
		for i := range v.NumField() {
			walk(v.Field(i), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), f)
		}
	}
}

// poison copies a page and replaces its i-th string.
func poison(p ui.Page, i int, with string) ui.Page {
	v := deepCopy(reflect.ValueOf(p))
	n := 0
	walk(v, func(s reflect.Value) {
		if n == i {
			s.SetString(with)
		}
		n++
	})
	return v.Interface().(ui.Page)
}

func deepCopy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(deepCopy(v.Elem()))
		}
	case reflect.Struct:
		if v.Type() == moment {
			out.Set(v)
			break
		}
		for i := range v.NumField() {
			out.Field(i).Set(deepCopy(v.Field(i)))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(deepCopy(v.Index(i)))
			}
		}
	default:
		out.Set(v)
	}
	return out
}
