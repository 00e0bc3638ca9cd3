// Package site is the frame that the example sites share: pages in Russian and
// English, the look, headers that keep a browser safe, and serving until told to stop.
//
// A site gives a file system with its own part:
//
//	pages/*.html   a page each, defining "title" and "content"
//	site.html      "nav" and "foot", and "motto" under the name in the header
//	words.json     {"key": {"ru": "…", "en": "…"}}
//	icon.svg       the sign in the header and in the browser's tab
//
// Pages are complete without scripts: there are none, nor inline styles, so
// the content policy has no exceptions.
package site
