// Package sms hands messages to an SMS gateway over HTTP.
//
//	POST <base>/sms/v1/messages {"id","to","text"} → 202 {"id"}
//
// The gateway takes a repeated id and does not deliver it twice.
package sms

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/outside"
)

// A Gateway carries SMS.
type Gateway struct{ client *outside.Client }

// New makes a gateway's client.
func New(c outside.Config) *Gateway { return &Gateway{outside.New(c)} }

type message struct {
	ID   string `json:"id"`
	To   string `json:"to"`
	Text string `json:"text"`
}

// Carry implements notice.Carrier. 400 and 422 speak of the message and refuse it for good; 401 and its
// like speak of us, and must not lose messages.
func (g *Gateway) Carry(ctx context.Context, m notice.Message) error {
	var answer struct {
		ID string `json:"id"`
	}
	_, err := g.client.Post(ctx, "/sms/v1/messages", message{m.ID, m.To, m.Text}, &answer, http.StatusAccepted, http.StatusOK)
	var t *outside.Trouble
	if errors.As(err, &t) && (t.Status == http.StatusBadRequest || t.Status == http.StatusUnprocessableEntity) {
		return notice.ErrRefused
	}
	if err != nil {
		return fmt.Errorf("sms: %w", err)
	}
	if answer.ID != m.ID {
		return fmt.Errorf("sms: %w", &outside.Trouble{Code: outside.Incoherent, Err: errors.New("it took another message")})
	}
	return nil
}
