// Package uitest reads pages as trees and tells what no page may have.
package uitest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
)

// MaxBytes is the most that a page's own bytes may weigh.
const MaxBytes = 60 << 10

// Check returns everything wrong with a whole page in the given language.
func Check(page []byte, lang string) []string {
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(page))
	if err != nil {
		return []string{err.Error()}
	}
	if len(page) > MaxBytes {
		bad("page weighs %d bytes", len(page))
	}
	if got := doc.Find("html").AttrOr("lang", ""); got != lang {
		bad("html lang is %q, want %q", got, lang)
	}
	if strings.TrimSpace(doc.Find("title").Text()) == "" {
		bad("title is empty")
	}
	if n := doc.Find("h1").Length(); n != 1 {
		bad("%d h1", n)
	}
	if strings.TrimSpace(doc.Find("h1").Text()) == "" {
		bad("h1 is empty")
	}
	if n := doc.Find("main").Length(); n != 1 {
		bad("%d main", n)
	}
	if doc.Find(`form[method="post"]`).Length() > 0 && doc.Find("form#main-form").Length() != 1 {
		bad("a form, but none is #main-form")
	}
	checkIDs(doc, bad)
	checkForms(doc, bad)
	checkHeadings(doc, bad)
	doc.Find("script").Each(func(_ int, s *goquery.Selection) {
		if _, ok := s.Attr("src"); !ok {
			bad("inline script")
		}
	})
	if doc.Find("style").Length() > 0 {
		bad("inline style element")
	}
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		for _, a := range s.Get(0).Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				bad("attribute %s on %s", a.Key, goquery.NodeName(s))
			}
			if (a.Key == "href" || a.Key == "src") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				bad("script address on %s", goquery.NodeName(s))
			}
		}
	})
	doc.Find("img").Each(func(_ int, s *goquery.Selection) {
		if _, ok := s.Attr("alt"); !ok {
			bad("img without alt")
		}
	})
	for _, mark := range []string{"%!", "<no value>", "ZgotmplZ", "{{", "}}"} {
		if bytes.Contains(page, []byte(mark)) {
			bad("page contains %q", mark)
		}
	}
	return wrong
}

// checkIDs: each id once, and whatever an attribute points at exists.
func checkIDs(doc *goquery.Document, bad func(string, ...any)) {
	ids := map[string]int{}
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) { ids[s.AttrOr("id", "")]++ })
	for id, n := range ids {
		if n > 1 {
			bad("id %q stands %d times", id, n)
		}
	}
	for _, attr := range []string{"for", "form", "aria-describedby", "aria-labelledby", "aria-controls"} {
		doc.Find("[" + attr + "]").Each(func(_ int, s *goquery.Selection) {
			for _, id := range strings.Fields(s.AttrOr(attr, "")) {
				if ids[id] == 0 {
					bad("%s=%q points at nothing", attr, id)
				}
			}
		})
	}
	doc.Find(`a[href^="#"]`).Each(func(_ int, s *goquery.Selection) {
		if id := strings.TrimPrefix(s.AttrOr("href", ""), "#"); ids[id] == 0 {
			bad("link to #%s leads nowhere", id)
		}
	})
}

// checkForms: every visible input has words, every invalid one says why, and
// every form is read without the browser's own bubbles.
func checkForms(doc *goquery.Document, bad func(string, ...any)) {
	doc.Find("input, select, textarea").Each(func(_ int, s *goquery.Selection) {
		id, kind := s.AttrOr("id", ""), s.AttrOr("type", "")
		if kind == "hidden" {
			return
		}
		name := s.AttrOr("name", "")
		label := s.Closest("label")
		if label.Length() == 0 {
			label = doc.Find("label").FilterFunction(func(_ int, l *goquery.Selection) bool { return id != "" && l.AttrOr("for", "") == id })
		}
		if strings.TrimSpace(label.Text()) == "" {
			bad("input %q has no label", name)
		}
		if name == "" {
			bad("input %q has no name", id)
		}
		if s.AttrOr("aria-invalid", "") == "true" && s.AttrOr("aria-describedby", "") == "" {
			bad("input %q is wrong without a reason", name)
		}
		if kind == "password" && s.AttrOr("autocomplete", "") == "" {
			bad("password %q without autocomplete", name)
		}
	})
	doc.Find("button, a").Each(func(_ int, s *goquery.Selection) {
		if strings.TrimSpace(s.Text()) == "" {
			bad("%s without words", goquery.NodeName(s))
		}
	})
	if doc.Find("form:not([novalidate])").FilterFunction(func(_ int, s *goquery.Selection) bool { return s.Find("input:not([type=hidden])").Length() > 0 }).Length() > 0 {
		bad("form without novalidate")
	}
	doc.Find("form form").Each(func(int, *goquery.Selection) { bad("form in a form") })
}

// checkHeadings: no level is left out on the way down.
func checkHeadings(doc *goquery.Document, bad func(string, ...any)) {
	last := 0
	doc.Find("h1,h2,h3,h4").Each(func(_ int, s *goquery.Selection) {
		level := int(goquery.NodeName(s)[1] - '0')
		if level > last+1 && last > 0 {
			bad("h%d after h%d: %s", level, last, s.Text())
		}
		last = level
	})
}

// Words is the text a person reads, without markup.
func Words(page []byte) (string, error) {
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return "", fmt.Errorf("uitest: %w", err)
	}
	var out strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			out.WriteString(n.Data)
			out.WriteByte(' ')
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	return out.String(), nil
}
