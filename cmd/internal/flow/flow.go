// Package flow runs journeys written as text: what a person does in a browser, line by line, and what
// they must see. The same script runs in a plain HTTP client, which has no JavaScript, and in Chromium.
//
// A line is a command and its words; words in double quotes keep their spaces; # begins a comment;
// $name is a variable. The commands:
//
//	browser NAME [LANG]        continue in that browser, fresh if new
//	open SITE PATH             go to a page of a site (provider, portal, tax, pension, voting, bank, world)
//	goto URL                   go to an address
//	click "TEXT"               follow the link or press the button with that text
//	fill FIELD "VALUE"         type into the field with that id or name
//	choose FIELD VALUE         pick a radio button or an option, tick a box
//	submit ["TEXT"]            press the button of the main form: the first, or the one with that text
//	see "TEXT" / unseen "TEXT" the page says it, or does not
//	read "PATTERN" NAME        $NAME = what of the page's text the pattern's first group matches
//	title "TEXT"               the page's title contains it
//	at SITE [PATH]             the page is there
//	status N                   the last page's status (plain client only)
//	until "TEXT" [SECONDS]     reload until the page says it
//	me SITE KEY=VALUE...       the site's /me says so; KEY is dotted, VALUE JSON or a word
//	message TO NAME [AFTER]    $NAME = code or link of the newest message to a contact
//	told TO "TEXT"             a message to the contact says it, within ten seconds
//	letter PHONE NAME          $NAME = the code printed in the newest letter
//	post PHONE STATUS          the post moves the newest letter along
//	totp PHONE NAME            $NAME = the present code of a seeded person's app
//	certificate PHONE NAME [KEY=VALUE...]
//	                           $NAME = the number of a certificate just issued to a person
//	revoke NUMBER              its authority revokes a certificate
//	sign LINK FIELD NUMBER     sign the file behind that link with a certificate's key, and choose the
//	                           signature in the field
//	world METHOD PATH [JSON]   call the world's API
//	set NAME VALUE             $NAME = VALUE
package flow

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Page is what a browser shows.
type Page struct {
	URL    string
	Status int // 0: not known
	Title  string
	Text   string // visible text with its white space folded
}

// A Browser does what a person does. Its methods wait until the page has loaded.
type Browser interface {
	Open(ctx context.Context, address string) error
	Click(ctx context.Context, text string) error
	Fill(ctx context.Context, field, value string) error
	Choose(ctx context.Context, field, value string) error
	Submit(ctx context.Context, text string) error
	// Link is the address of the link with that text or id.
	Link(ctx context.Context, text string) (string, error)
	// Attach chooses a file in the field with that id or name.
	Attach(ctx context.Context, field, name string, content []byte) error
	Page(ctx context.Context) (Page, error)
	// Fetch gets an address with the browser's cookies, beside the page.
	Fetch(ctx context.Context, address string) ([]byte, error)
	Close()
}

// A Runner runs scripts against a running demo.
type Runner struct {
	// Sites maps the names of sites to their origins.
	Sites map[string]string
	// New makes a fresh browser that prefers a language.
	New func(ctx context.Context, lang string) (Browser, error)
	// Each is called after every line that may have changed the page; for screenshots. May be nil.
	Each func(line int, b Browser)
	// Client calls the world's API; nil: the usual one.
	Client *http.Client
	// Log tells what is being done. May be nil.
	Log func(format string, args ...any)

	browsers map[string]Browser
	now      Browser
	vars     map[string]string
	used     map[string]bool // ids of messages already taken
}

// Sites are the origins of a demo at a base port.
func Sites(base int) map[string]string { return SitesAt("http://localhost", base) }

// SitesAt are the origins of a demo with another scheme or host, such as https://localhost.
func SitesAt(origin string, base int) map[string]string {
	at := func(offset int) string { return origin + ":" + strconv.Itoa(base+offset) }
	return map[string]string{
		"provider": at(0), "portal": at(1), "tax": at(2), "pension": at(3), "voting": at(4), "bank": at(5), "admin": at(9), "world": at(10),
	}
}

// Run runs a script. Its error names the line.
func (r *Runner) Run(ctx context.Context, name string, script io.Reader) error {
	r.browsers, r.vars, r.used = map[string]Browser{}, map[string]string{}, map[string]bool{}
	defer func() {
		for _, b := range r.browsers {
			b.Close()
		}
	}()
	lines := bufio.NewScanner(script)
	for n := 1; lines.Scan(); n++ {
		words, err := split(lines.Text())
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if len(words) == 0 {
			continue
		}
		if r.Log != nil {
			r.Log("%s:%d: %s", name, n, strings.TrimSpace(lines.Text()))
		}
		for i := range words {
			words[i] = r.expand(words[i])
		}
		if err := r.do(ctx, words[0], words[1:]); err != nil {
			return fmt.Errorf("%s:%d: %s: %w%s", name, n, strings.TrimSpace(lines.Text()), err, r.where(ctx))
		}
		if r.Each != nil && r.now != nil {
			switch words[0] {
			case "open", "goto", "click", "submit", "until":
				r.Each(n, r.now)
			}
		}
	}
	return lines.Err()
}

// where describes the page at which a script failed.
func (r *Runner) where(ctx context.Context) string {
	if r.now == nil {
		return ""
	}
	p, err := r.now.Page(ctx)
	if err != nil {
		return ""
	}
	text := p.Text
	if len([]rune(text)) > 1500 {
		text = string([]rune(text)[:1500]) + "…"
	}
	return fmt.Sprintf("\n\tat %s (%d)\n\ttitle %q\n\tsays %s", p.URL, p.Status, p.Title, text)
}

var errUsage = errors.New("wrong number of words")

func (r *Runner) do(ctx context.Context, command string, args []string) error {
	need := func(least, most int) bool { return len(args) >= least && len(args) <= most }
	switch command {
	case "browser":
		if !need(1, 2) {
			return errUsage
		}
		return r.browser(ctx, args)
	case "set":
		if !need(2, 2) {
			return errUsage
		}
		r.vars[args[0]] = args[1]
		return nil
	case "world":
		if !need(2, 3) {
			return errUsage
		}
		_, err := r.world(ctx, args[0], args[1], strings.Join(args[2:], ""))
		return err
	case "certificate":
		if !need(2, 6) {
			return errUsage
		}
		return r.certificate(ctx, args)
	case "revoke":
		if !need(1, 1) {
			return errUsage
		}
		_, err := r.world(ctx, http.MethodPost, "/api/certificates/"+args[0]+"/revoke", "")
		return err
	case "message", "told", "letter", "post", "totp":
		if !need(2, 3) {
			return errUsage
		}
		return r.outside(ctx, command, args)
	}
	if r.now == nil {
		if err := r.browser(ctx, []string{"first"}); err != nil {
			return err
		}
	}
	b := r.now
	switch {
	case command == "open" && need(1, 2):
		site, ok := r.Sites[args[0]]
		if !ok {
			return fmt.Errorf("no site %q", args[0])
		}
		path := "/"
		if len(args) == 2 {
			path = args[1]
		}
		return b.Open(ctx, site+path)
	case command == "goto" && need(1, 1):
		return b.Open(ctx, args[0])
	case command == "click" && need(1, 1):
		return b.Click(ctx, args[0])
	case command == "fill" && need(2, 2):
		return b.Fill(ctx, args[0], args[1])
	case command == "choose" && need(2, 2):
		return b.Choose(ctx, args[0], args[1])
	case command == "submit" && need(0, 1):
		return b.Submit(ctx, strings.Join(args, ""))
	case command == "sign" && need(3, 3):
		return r.sign(ctx, b, args)
	case command == "until" && need(1, 2):
		return r.until(ctx, args)
	case command == "me" && need(2, 20):
		return r.me(ctx, args)
	}
	p, err := b.Page(ctx)
	if err != nil {
		return err
	}
	if command == "read" && need(2, 2) {
		return r.read(p, args[0], args[1])
	}
	return look(command, args, p, r.Sites)
}

// read keeps what the page says.
func (r *Runner) read(p Page, pattern, name string) error {
	form, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	m := form.FindStringSubmatch(p.Text)
	if len(m) != 2 {
		return errors.New("the page does not say such a thing, or the pattern has not one group")
	}
	r.vars[name] = m[1]
	return nil
}

// look is what only reads the page.
func look(command string, args []string, p Page, sites map[string]string) error {
	switch {
	case command == "see" && len(args) == 1:
		if !strings.Contains(fold(p.Text), fold(args[0])) {
			return errors.New("the page does not say it")
		}
	case command == "unseen" && len(args) == 1:
		if strings.Contains(fold(p.Text), fold(args[0])) {
			return errors.New("the page says it")
		}
	case command == "title" && len(args) == 1:
		if !strings.Contains(fold(p.Title), fold(args[0])) {
			return errors.New("the title does not say it")
		}
	case command == "at" && (len(args) == 1 || len(args) == 2):
		want := sites[args[0]] + strings.Join(args[1:], "")
		if !strings.HasPrefix(p.URL, want) {
			return fmt.Errorf("the page is not under %s", want)
		}
	case command == "status" && len(args) == 1:
		if p.Status != 0 && strconv.Itoa(p.Status) != args[0] {
			return fmt.Errorf("the status is %d", p.Status)
		}
	default:
		return errors.New("no such command, or the wrong number of words")
	}
	return nil
}

func (r *Runner) browser(ctx context.Context, args []string) error {
	if b, ok := r.browsers[args[0]]; ok {
		r.now = b
		return nil
	}
	lang := "ru"
	if len(args) == 2 {
		lang = args[1]
	}
	b, err := r.New(ctx, lang)
	if err != nil {
		return err
	}
	r.browsers[args[0]], r.now = b, b
	return nil
}

func (r *Runner) until(ctx context.Context, args []string) error {
	patience := 30 * time.Second
	if len(args) == 2 {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		patience = time.Duration(n) * time.Second
	}
	for end := time.Now().Add(patience); ; {
		p, err := r.now.Page(ctx)
		if err != nil {
			return err
		}
		if strings.Contains(fold(p.Text), fold(args[0])) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %s", patience)
		}
		time.Sleep(300 * time.Millisecond)
		if err := r.now.Open(ctx, p.URL); err != nil {
			return err
		}
	}
}

func (r *Runner) me(ctx context.Context, args []string) error {
	body, err := r.now.Fetch(ctx, r.Sites[args[0]]+"/me")
	if err != nil {
		return err
	}
	var got any
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("/me says %s: %w", body, err)
	}
	for _, pair := range args[1:] {
		key, want, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%q is not KEY=VALUE", pair)
		}
		if have := dig(got, strings.Split(key, ".")); have != want {
			return fmt.Errorf("%s is %s, want %s; the whole of /me: %s", key, have, want, body)
		}
	}
	return nil
}

// dig finds a dotted key in decoded JSON and prints it: strings bare, the rest as JSON, absent as "null".
func dig(v any, path []string) string {
	for _, key := range path {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(at) {
				return "null"
			}
			v = at[i]
		default:
			return "null"
		}
	}
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func (r *Runner) expand(word string) string {
	if !strings.Contains(word, "$") {
		return word
	}
	for name, value := range r.vars {
		word = strings.ReplaceAll(word, "$"+name, value)
	}
	return word
}

// fold makes texts comparable: white space of all kinds folded, case kept.
func fold(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\u00ad", "")), " ")
}

// split cuts a line into words.
func split(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t")
		switch {
		case line == "" || line[0] == '#':
			return words, nil
		case line[0] == '"':
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				return nil, errors.New("a quote is not closed")
			}
			words, line = append(words, line[1:1+end]), line[end+2:]
		case line[0] == '{':
			words, line = append(words, strings.TrimSpace(line)), ""
		default:
			end := strings.IndexAny(line, " \t")
			if end < 0 {
				end = len(line)
			}
			words, line = append(words, line[:end]), line[end:]
		}
	}
}
