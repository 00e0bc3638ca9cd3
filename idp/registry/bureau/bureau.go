// Package bureau is what the clients of the registries share: reading an answer strictly.
package bureau

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/registry"
)

// Answer is a registry's answer as it travels.
type Answer struct {
	ID      string   `json:"id"`
	Status  string   `json:"status"`
	Verdict string   `json:"verdict"`
	Fields  []string `json:"fields"`
	INN     string   `json:"inn"`
}

// A Client asks at one path.
type Client struct {
	*outside.Client
	Path string // such as "/pension/v1/checks"
}

// Ask posts a question. read turns a finished answer into ours.
func (c Client) Ask(ctx context.Context, id string, question any, read func(Answer) (registry.Answer, error)) (registry.Answer, error) {
	var a Answer
	status, err := c.Post(ctx, c.Path, question, &a, http.StatusOK, http.StatusAccepted)
	return settle(status, err, id, a, read)
}

// Poll asks for the answer to a question put before.
func (c Client) Poll(ctx context.Context, id string, read func(Answer) (registry.Answer, error)) (registry.Answer, error) {
	var a Answer
	status, err := c.Get(ctx, c.Path+"/"+url.PathEscape(id), &a, http.StatusOK, http.StatusAccepted)
	return settle(status, err, id, a, read)
}

// settle takes only an answer that fits: to our question, its status in head and body the same, and a
// verdict that we know. A wrong verdict must raise nobody's level.
func settle(status int, err error, id string, a Answer, read func(Answer) (registry.Answer, error)) (registry.Answer, error) {
	switch {
	case err != nil:
		return registry.Answer{}, err
	case a.ID != id:
		return registry.Answer{}, Incoherent("an answer to another question")
	case status == http.StatusAccepted && a.Status == "pending" && a.Verdict == "":
		return registry.Answer{Verdict: registry.Waiting}, nil
	case status == http.StatusOK && a.Status == "done":
		return read(a)
	}
	return registry.Answer{}, Incoherent("an unknown status")
}

// Agreement reads agreed and refused.
func Agreement(a Answer) (registry.Answer, error) {
	switch {
	case a.Verdict == "agreed" && len(a.Fields) == 0:
		return registry.Answer{Verdict: registry.AgreedWith}, nil
	case a.Verdict == "refused" && registry.KnownFields(a.Fields):
		return registry.Answer{Verdict: registry.RefusedBy, Fields: a.Fields}, nil
	}
	return registry.Answer{}, Incoherent("an unknown verdict")
}

// Incoherent is an answer that cannot be used.
func Incoherent(what string) error {
	return &outside.Trouble{Code: outside.Incoherent, Err: errors.New(what)}
}
