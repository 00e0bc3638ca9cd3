// Package tax asks the tax registry for a person's INN.
package tax

import (
	"context"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/registry/bureau"
)

// A Client is a registry.Checker: found is agreed, not found is refused.
type Client struct{ client bureau.Client }

// New makes a client.
func New(c outside.Config) *Client {
	return &Client{bureau.Client{Client: outside.New(c), Path: "/tax/v1/inn"}}
}

type question struct {
	ID         string   `json:"id"`
	FamilyName string   `json:"family_name"`
	GivenName  string   `json:"given_name"`
	Patronymic string   `json:"patronymic"`
	BirthDate  string   `json:"birth_date"`
	Document   document `json:"document"`
}

type document struct {
	Type   string `json:"type"`
	Number string `json:"number"`
}

// Ask implements registry.Checker.
func (c *Client) Ask(ctx context.Context, id string, p account.Person) (registry.Answer, error) {
	q := question{
		ID: id, FamilyName: p.FamilyName.String(), GivenName: p.GivenName.String(), Patronymic: p.Patronymic.String(),
		BirthDate: p.BirthDate.String(),
	}
	if p.Document != nil {
		q.Document = document{p.Document.Type.String(), p.Document.Number}
	}
	return c.client.Ask(ctx, id, q, read)
}

// Poll implements registry.Checker.
func (c *Client) Poll(ctx context.Context, id string) (registry.Answer, error) {
	return c.client.Poll(ctx, id, read)
}

// read takes an INN only if it is right and a person's.
func read(a bureau.Answer) (registry.Answer, error) {
	switch a.Verdict {
	case "not_found":
		return registry.Answer{Verdict: registry.RefusedBy}, nil
	case "found":
		inn, err := civil.ParseINN(a.INN)
		if err == nil && inn.Personal() {
			return registry.Answer{Verdict: registry.AgreedWith, INN: inn}, nil
		}
	}
	return registry.Answer{}, bureau.Incoherent("an unknown verdict, or no INN of a person")
}
