// Package post hands letters to the post over HTTP and asks where they are.
//
//	POST <base>/post/v1/letters {"id","to":{…},"pdf"} → 201 (200 on repeat) {"id","track","status"}
//	GET  <base>/post/v1/letters/{id} → {"id","track","status","events":[{"status","at","place"}]}
package post

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/outside"
)

// An Office is a confirm.Post.
type Office struct{ client *outside.Client }

// New makes an office's client.
func New(c outside.Config) *Office { return &Office{outside.New(c)} }

type parcel struct {
	ID  string `json:"id"`
	To  to     `json:"to"`
	PDF []byte `json:"pdf"` // base64 in JSON
}

type to struct {
	Name    string        `json:"name"`
	Phone   string        `json:"phone"`
	Address civil.Address `json:"address"`
}

type letter struct {
	ID     string  `json:"id"`
	Track  string  `json:"track"`
	Status string  `json:"status"`
	Events []event `json:"events"`
}

type event struct {
	Status string    `json:"status"`
	At     time.Time `json:"at"`
	Place  string    `json:"place"`
}

// Send implements confirm.Post.
func (o *Office) Send(ctx context.Context, p confirm.Parcel) (string, error) {
	var l letter
	status, err := o.client.Post(ctx, "/post/v1/letters", parcel{p.ID, to{p.Name, p.Phone, p.Address}, p.PDF}, &l, http.StatusCreated, http.StatusOK)
	if err != nil {
		return "", fmt.Errorf("post: %w", turnedDown(status, err))
	}
	if l.ID != p.ID || !confirm.ValidTrack(l.Track) {
		return "", fmt.Errorf("post: %w", incoherent("a receipt for another letter, or without a track"))
	}
	return l.Track, nil
}

// Follow implements confirm.Post.
func (o *Office) Follow(ctx context.Context, id string) (confirm.LetterStatus, []confirm.LetterEvent, error) {
	var l letter
	if _, err := o.client.Get(ctx, "/post/v1/letters/"+url.PathEscape(id), &l, http.StatusOK); err != nil {
		return "", nil, fmt.Errorf("post: %w", err)
	}
	if l.ID != id || !known[l.Status] {
		return "", nil, fmt.Errorf("post: %w", incoherent("an answer about another letter, or an unknown status"))
	}
	var events []confirm.LetterEvent
	for _, e := range l.Events {
		if !known[e.Status] || len(e.Place) > 200 || len(events) == 50 {
			return "", nil, fmt.Errorf("post: %w", incoherent("an unknown event"))
		}
		events = append(events, confirm.LetterEvent{Status: confirm.LetterStatus(e.Status), At: e.At, Place: e.Place})
	}
	return confirm.LetterStatus(l.Status), events, nil
}

var known = map[string]bool{
	"accepted": true, "printed": true, "handed_over": true, "in_transit": true, "arrived": true, "delivered": true, "returned": true,
	"refused": true,
}

// turnedDown tells a refusal of this letter from one of us. A post that is down or slow is neither.
func turnedDown(status int, err error) error {
	switch status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusGone, http.StatusRequestEntityTooLarge,
		http.StatusUnprocessableEntity, http.StatusUnavailableForLegalReasons:
		return fmt.Errorf("status %d: %w", status, confirm.ErrRefused)
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusTooEarly:
		return err
	}
	if status >= 400 && status < 500 {
		return fmt.Errorf("status %d: %w", status, confirm.ErrTurnedAway)
	}
	return err
}

func incoherent(what string) error {
	return &outside.Trouble{Code: outside.Incoherent, Err: errors.New(what)}
}
