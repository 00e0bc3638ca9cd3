// Package interior asks the interior ministry whether an identity document is valid and this person's.
package interior

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
	return &Client{bureau.Client{Client: outside.New(c), Path: "/interior/v1/checks"}}
}

type question struct {
	ID          string   `json:"id"`
	Document    document `json:"document"`
	FamilyName  string   `json:"family_name"`
	GivenName   string   `json:"given_name"`
	Patronymic  string   `json:"patronymic"`
	BirthDate   string   `json:"birth_date"`
	BirthPlace  string   `json:"birth_place"`
	Citizenship string   `json:"citizenship"`
}

type document struct {
	Type           string `json:"type"`
	Number         string `json:"number"`
	IssuedOn       string `json:"issued_on"`
	Issuer         string `json:"issuer"`
	DepartmentCode string `json:"department_code"`
}

// Ask implements registry.Checker.
func (c *Client) Ask(ctx context.Context, id string, p account.Person) (registry.Answer, error) {
	q := question{
		ID: id, FamilyName: p.FamilyName.String(), GivenName: p.GivenName.String(), Patronymic: p.Patronymic.String(),
		BirthDate: p.BirthDate.String(), BirthPlace: p.BirthPlace, Citizenship: p.Citizenship.String(),
	}
	if d := p.Document; d != nil {
		q.Document = document{d.Type.String(), d.Number, d.IssuedOn.String(), d.Issuer, d.DepartmentCode}
	}
	return c.client.Ask(ctx, id, q, bureau.Agreement)
}

// Poll implements registry.Checker.
func (c *Client) Poll(ctx context.Context, id string) (registry.Answer, error) {
	return c.client.Poll(ctx, id, bureau.Agreement)
}
