// Package feed reads a registry's feed of notices over HTTP.
//
//	GET /interior/v1/notices?after=<cursor>
//	{"notices":[{"id":"n-17","kind":"document_annulled","document":{"type":"ru_passport","number":"4511804617"}}],
//	 "next":"17","more":false}
//
// The pension fund's has {"kind":"person_deceased","snils":"11223344595","birth_date":"1986-05-07"}. The
// cursor is the registry's own, and comes back as it was given.
package feed

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/tidings"
)

// A Client is a tidings.Feed.
type Client struct {
	client *outside.Client
	path   string
}

// New makes a client of the feed at a path, such as "/interior/v1/notices".
func New(c outside.Config, path string) *Client {
	c.MaxAnswer = 1 << 20
	return &Client{outside.New(c), path}
}

type page struct {
	Notices []line `json:"notices"`
	Next    string `json:"next"`
	More    bool   `json:"more"`
}

type line struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Document struct {
		Type   string `json:"type"`
		Number string `json:"number"`
	} `json:"document"`
	SNILS     string `json:"snils"`
	BirthDate string `json:"birth_date"`
}

const (
	longestID     = 200
	longestCursor = 1000
)

// Notices reads a page (tidings.Feed). A page is taken as a whole or not at all: a feed that cannot be read
// at one place must not be read past it.
func (c *Client) Notices(ctx context.Context, after string) (tidings.Page, error) {
	path := c.path
	if after != "" {
		path += "?after=" + url.QueryEscape(after)
	}
	var p page
	if _, err := c.client.Get(ctx, path, &p, http.StatusOK); err != nil {
		return tidings.Page{}, err
	}
	if len(p.Next) > longestCursor || p.More && p.Next == "" {
		return tidings.Page{}, incoherent("a cursor that cannot be kept")
	}
	out := tidings.Page{Next: p.Next, More: p.More}
	for _, l := range p.Notices {
		n, err := l.read()
		if err != nil {
			return tidings.Page{}, err
		}
		out.Notices = append(out.Notices, n)
	}
	return out, nil
}

// read takes a line that we can act on, or one of a kind that we do not know yet; nothing in between.
func (l line) read() (tidings.Notice, error) {
	n := tidings.Notice{ID: l.ID, Kind: tidings.Kind(l.Kind)}
	if l.ID == "" || len(l.ID) > longestID || l.Kind == "" {
		return n, incoherent("a notice without id or kind")
	}
	switch n.Kind {
	case tidings.Annulled:
		kind, err := civil.ParseDocumentType(l.Document.Type)
		if err != nil {
			return n, incoherent("a notice of an unknown type of document")
		}
		number, err := civil.ParseDocumentNumber(kind, l.Document.Number)
		if err != nil {
			return n, incoherent("a notice of a number that is none")
		}
		n.Document.Type, n.Document.Number = kind, number
	case tidings.Deceased:
		var err error
		if n.SNILS, err = civil.ParseSNILS(l.SNILS); err != nil {
			return n, incoherent("a notice of a SNILS that is none")
		}
		if n.BirthDate, err = civil.ParseISODate(l.BirthDate); err != nil {
			return n, incoherent("a notice of a birth date that is none")
		}
	}
	return n, nil
}

func incoherent(what string) error {
	return &outside.Trouble{Code: outside.Incoherent, Err: errors.New(what)}
}
