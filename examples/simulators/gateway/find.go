package gateway

import (
	"regexp"
	"strings"
)

var (
	// The last line of a message with a code binds it to a site: @localhost #481907.
	boundCode = regexp.MustCompile(`(?m)^@\S+ #(\d{4,8})\s*$`)
	// Else the message begins with the code.
	firstCode = regexp.MustCompile(`^\s*(\d{3}[ \x{a0}-]?\d{3}|\d{4,8})(?:\D|$)`)
	// Else the code stands after the word for it, on the same line.
	namedCode = regexp.MustCompile(`(?i)(?:код|code)[^0-9\n]{0,40}(\d{3}[ \x{a0}-]?\d{3}|\d{6,8})(?:\D|$)`)
	link      = regexp.MustCompile(`https?://[^\s<>"«»]+`)
)

// FindCode reads the one-time code out of a message, as digits, or nothing.
func FindCode(text string) string {
	for _, pattern := range []*regexp.Regexp{boundCode, firstCode, namedCode} {
		if m := pattern.FindStringSubmatch(text); m != nil {
			return strings.Map(func(r rune) rune {
				if r < '0' || r > '9' {
					return -1
				}
				return r
			}, m[1])
		}
	}
	return ""
}

// FindLink reads the first address out of a message, or nothing.
func FindLink(text string) string {
	return strings.TrimRight(link.FindString(text), ".,;:!?)]}'")
}

// A Piece is a stretch of a message; Href is set where it is an address.
type Piece struct {
	Text string
	Href string
}

// Pieces cuts a message at its addresses, so that a page can make them links.
func Pieces(text string) []Piece {
	var pieces []Piece
	for text != "" {
		found := FindLink(text)
		before, after, ok := strings.Cut(text, found)
		if found == "" || !ok {
			return append(pieces, Piece{Text: text})
		}
		if before != "" {
			pieces = append(pieces, Piece{Text: before})
		}
		pieces = append(pieces, Piece{Text: found, Href: found})
		text = after
	}
	return pieces
}
