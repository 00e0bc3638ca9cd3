// Package pension asks the pension fund whether a SNILS belongs to this name, sex and birth date.
package pension

import (
	"context"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/registry/bureau"
)

// A Client is a registry.Checker.
type Client struct{ client bureau.Client }

// New makes a client.
func New(c outside.Config) *Client {
	return &Client{bureau.Client{Client: outside.New(c), Path: "/pension/v1/checks"}}
}

type question struct {
	ID         string `json:"id"`
	SNILS      string `json:"snils"`
	FamilyName string `json:"family_name"`
	GivenName  string `json:"given_name"`
	Patronymic string `json:"patronymic"`
	Sex        string `json:"sex"`
	BirthDate  string `json:"birth_date"`
}

// Ask implements registry.Checker.
func (c *Client) Ask(ctx context.Context, id string, p account.Person) (registry.Answer, error) {
	q := question{
		ID: id, SNILS: p.SNILS.String(), FamilyName: p.FamilyName.String(), GivenName: p.GivenName.String(),
		Patronymic: p.Patronymic.String(), Sex: string(p.Sex), BirthDate: p.BirthDate.String(),
	}
	return c.client.Ask(ctx, id, q, bureau.Agreement)
}

// Poll implements registry.Checker.
func (c *Client) Poll(ctx context.Context, id string) (registry.Answer, error) {
	return c.client.Poll(ctx, id, bureau.Agreement)
}
