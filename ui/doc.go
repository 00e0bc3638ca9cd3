// Package ui shows Propusk's pages.
//
// A page has a Go type with exactly what it shows and a folder
// pages/<page>/ with its template; what several pages share is a folder of
// parts/<part>/, markup and style together. Every sentence stands in
// locale/ru.json and locale/en.json. New parses all of it, so a mistake is
// found at start; Render writes into a buffer first, so a person never sees
// half a page. The package knows no rule of the domain: levels, methods and
// reasons come in by their names on the wire and leave as words.
//
// Pages are plain HTML, whole without scripts. What only a script can do is
// sent hidden and revealed by the script.
package ui
