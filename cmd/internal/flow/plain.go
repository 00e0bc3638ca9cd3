package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// Plain is a browser without JavaScript: an HTTP client that keeps cookies, follows redirects and fills
// in forms as they stand in the page.
type Plain struct {
	client *http.Client
	lang   string
	page   Page
	doc    *goquery.Document
	filled map[string]string
	picked map[string]string
	chosen map[string]file
}

// A file is one that a person has chosen in a form.
type file struct {
	name    string
	content []byte
}

// NewPlain makes a plain browser that prefers a language.
func NewPlain(_ context.Context, lang string) (Browser, error) { return newPlain(nil, lang) }

// PlainOver makes plain browsers that speak over a transport: one with roots of its own, or one that
// looks at what passes.
func PlainOver(transport http.RoundTripper) func(context.Context, string) (Browser, error) {
	return func(_ context.Context, lang string) (Browser, error) { return newPlain(transport, lang) }
}

func newPlain(transport http.RoundTripper, lang string) (Browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &Plain{lang: lang, client: &http.Client{Jar: jar, Transport: transport}}, nil
}

// Close does nothing: a plain browser holds nothing.
func (p *Plain) Close() {}

// Open goes to an address.
func (p *Plain) Open(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	return p.send(req)
}

func (p *Plain) send(req *http.Request) error {
	req.Header.Set("Accept-Language", p.lang)
	req.Header.Set("Accept", "text/html")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) plain test browser")
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return err
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	p.doc, p.filled, p.picked, p.chosen = doc, map[string]string{}, map[string]string{}, map[string]file{}
	p.page = Page{URL: resp.Request.URL.String(), Status: resp.StatusCode, Title: doc.Find("title").First().Text()}
	visible := doc.Find("body").Clone()
	visible.Find("script, style, template, [hidden]").Remove()
	p.page.Text = fold(visible.Text())
	return nil
}

// Page is the page that is shown.
func (p *Plain) Page(context.Context) (Page, error) { return p.page, nil }

// Fetch gets an address with the browser's cookies.
func (p *Plain) Fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}

// field finds an input by id or name.
func (p *Plain) field(name string) (*goquery.Selection, error) {
	if p.doc == nil {
		return nil, errors.New("no page is open")
	}
	found := p.doc.Find(`input, select, textarea`).FilterFunction(func(_ int, s *goquery.Selection) bool {
		return s.AttrOr("id", "") == name || s.AttrOr("name", "") == name
	})
	if found.Length() == 0 {
		return nil, fmt.Errorf("no field %q", name)
	}
	return found, nil
}

// Fill types into a field.
func (p *Plain) Fill(_ context.Context, field, value string) error {
	f, err := p.field(field)
	if err != nil {
		return err
	}
	p.filled[f.First().AttrOr("name", field)] = value
	return nil
}

// Choose picks a radio button or an option, or ticks a box.
func (p *Plain) Choose(_ context.Context, field, value string) error {
	f, err := p.field(field)
	if err != nil {
		return err
	}
	ok := false
	f.Each(func(_ int, s *goquery.Selection) {
		if goquery.NodeName(s) == "select" {
			s.Find("option").Each(func(_ int, o *goquery.Selection) {
				ok = ok || o.AttrOr("value", strings.TrimSpace(o.Text())) == value
			})
		} else if s.AttrOr("value", "on") == value {
			ok = true
		}
	})
	if !ok {
		return fmt.Errorf("field %q has no value %q", field, value)
	}
	p.picked[f.First().AttrOr("name", field)] = value
	return nil
}

// Submit presses a button of the main form.
func (p *Plain) Submit(ctx context.Context, text string) error {
	if p.doc == nil {
		return errors.New("no page is open")
	}
	form := p.doc.Find("form#main-form").First()
	if form.Length() == 0 {
		return errors.New("the page has no main form")
	}
	var button *goquery.Selection
	p.buttons(form).EachWithBreak(func(_ int, s *goquery.Selection) bool {
		if _, off := s.Attr("disabled"); off {
			return true
		}
		if text == "" || fold(s.Text()) == fold(text) || s.AttrOr("id", "") == text {
			button = s
			return false
		}
		return true
	})
	if button == nil {
		return fmt.Errorf("the main form has no button %q", text)
	}
	return p.press(ctx, form, button)
}

// buttons are a form's submit buttons, those outside of it that name it included.
func (p *Plain) buttons(form *goquery.Selection) *goquery.Selection {
	in := form.Find(`button:not([type=button]):not([type=reset]), input[type=submit]`)
	if id := form.AttrOr("id", ""); id != "" {
		in = in.AddSelection(p.doc.Find(`button[form="` + id + `"]`))
	}
	return in
}

// Click follows a link or presses a button by its text.
func (p *Plain) Click(ctx context.Context, text string) error {
	if p.doc == nil {
		return errors.New("no page is open")
	}
	match := func(_ int, s *goquery.Selection) bool {
		if _, off := s.Attr("disabled"); off || s.Closest("[hidden]").Length() > 0 {
			return false
		}
		return fold(s.Text()) == fold(text) || s.AttrOr("id", "") == text
	}
	found := p.doc.Find("a[href], button").FilterFunction(match)
	if found.Length() == 0 {
		found = p.doc.Find("a[href], button").FilterFunction(func(_ int, s *goquery.Selection) bool {
			return strings.Contains(fold(s.Text()), fold(text))
		})
	}
	if found.Length() == 0 {
		return fmt.Errorf("no link or button %q", text)
	}
	at := found.First()
	if goquery.NodeName(at) == "a" {
		to, err := p.resolve(at.AttrOr("href", ""))
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
		if err != nil {
			return err
		}
		req.Header.Set("Referer", p.page.URL)
		return p.send(req)
	}
	form := at.Closest("form")
	if id := at.AttrOr("form", ""); id != "" {
		form = p.doc.Find("form#" + id).First()
	}
	if form.Length() == 0 {
		return fmt.Errorf("button %q belongs to no form", text)
	}
	return p.press(ctx, form, at)
}

// Link is the address of a link.
func (p *Plain) Link(_ context.Context, text string) (string, error) {
	found := p.doc.Find("a[href]").FilterFunction(func(_ int, s *goquery.Selection) bool {
		return fold(s.Text()) == fold(text) || s.AttrOr("id", "") == text
	})
	if found.Length() == 0 {
		return "", fmt.Errorf("no link %q", text)
	}
	to, err := p.resolve(found.First().AttrOr("href", ""))
	if err != nil {
		return "", err
	}
	return to.String(), nil
}

// Attach chooses a file.
func (p *Plain) Attach(_ context.Context, field, name string, content []byte) error {
	s, err := p.field(field)
	if err != nil {
		return err
	}
	if s.AttrOr("type", "") != "file" {
		return fmt.Errorf("field %q takes no file", field)
	}
	p.chosen[s.AttrOr("name", field)] = file{name, content}
	return nil
}

// parts writes a form with its files as browsers do.
func (p *Plain) parts(values url.Values) (body *bytes.Buffer, kind string, err error) {
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	for name, all := range values {
		for _, v := range all {
			err = errors.Join(err, w.WriteField(name, v))
		}
	}
	for name, f := range p.chosen {
		part, make := w.CreateFormFile(name, f.name)
		if err = errors.Join(err, make); make == nil {
			_, write := part.Write(f.content)
			err = errors.Join(err, write)
		}
	}
	return body, w.FormDataContentType(), errors.Join(err, w.Close())
}

func (p *Plain) resolve(ref string) (*url.URL, error) {
	base, err := url.Parse(p.page.URL)
	if err != nil {
		return nil, err
	}
	return base.Parse(ref)
}

// press sends a form as a browser would: the successful controls in document order, then the button.
func (p *Plain) press(ctx context.Context, form, button *goquery.Selection) error {
	values := url.Values{}
	form.Find("input[name], select[name], textarea[name]").Each(func(_ int, s *goquery.Selection) {
		name := s.AttrOr("name", "")
		if _, off := s.Attr("disabled"); off {
			return
		}
		value, kind := s.AttrOr("value", ""), s.AttrOr("type", "text")
		switch {
		case goquery.NodeName(s) == "select":
			option := s.Find("option[selected]").First()
			if option.Length() == 0 {
				option = s.Find("option").First()
			}
			value = option.AttrOr("value", strings.TrimSpace(option.Text()))
			if picked, ok := p.picked[name]; ok {
				value = picked
			}
		case goquery.NodeName(s) == "textarea":
			value = s.Text()
		case kind == "radio" || kind == "checkbox":
			value = s.AttrOr("value", "on")
			_, on := s.Attr("checked")
			if picked, ok := p.picked[name]; ok {
				on = picked == value
			}
			if !on {
				return
			}
		case kind == "submit" || kind == "button" || kind == "file":
			return
		}
		if typed, ok := p.filled[name]; ok {
			value = typed
		}
		values.Add(name, value)
	})
	if name := button.AttrOr("name", ""); name != "" {
		values.Add(name, button.AttrOr("value", ""))
	}
	to, err := p.resolve(button.AttrOr("formaction", form.AttrOr("action", "")))
	if err != nil {
		return err
	}
	var req *http.Request
	if strings.EqualFold(form.AttrOr("method", "get"), "post") {
		body, kind := bytes.NewBufferString(values.Encode()), "application/x-www-form-urlencoded"
		if form.AttrOr("enctype", "") == "multipart/form-data" {
			if body, kind, err = p.parts(values); err != nil {
				return err
			}
		}
		req, err = http.NewRequestWithContext(ctx, http.MethodPost, to.String(), body)
		if err == nil {
			req.Header.Set("Content-Type", kind)
			if from, parse := url.Parse(p.page.URL); parse == nil {
				req.Header.Set("Origin", from.Scheme+"://"+from.Host)
				if from.Host == to.Host {
					req.Header.Set("Sec-Fetch-Site", "same-origin")
				} else {
					req.Header.Set("Sec-Fetch-Site", "same-site")
				}
			}
		}
	} else {
		to.RawQuery = values.Encode()
		req, err = http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	}
	if err != nil {
		return err
	}
	return p.send(req)
}
