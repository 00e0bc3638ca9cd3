// Package centre keeps service centres and the operators and administrators who work for Propusk.
package centre

import (
	"context"

	"github.com/propusk/propusk/idp/account"
)

// A Centre is a place where citizens are served face to face.
type Centre struct {
	ID      string            `json:"id"` // such as "77-014"
	Name    map[string]string `json:"name"`
	Address map[string]string `json:"address"`
	Hours   map[string]string `json:"hours"`
	Town    map[string]string `json:"town"`
}

// A Role is what a member of staff may do.
type Role string

// The roles.
const (
	Operator      Role = "operator"
	Administrator Role = "administrator"
)

// A Member is an account that works for a centre.
type Member struct {
	Account account.ID
	Centre  string
	Role    Role
	Window  string
	Active  bool
}

// A Store keeps centres and staff.
type Store interface {
	Centre(ctx context.Context, id string) (*Centre, error)
	Centres(ctx context.Context) ([]*Centre, error)
	SaveCentre(ctx context.Context, c *Centre) error
	// Member returns the membership of an account; fault.NotFound.
	Member(ctx context.Context, a account.ID) (*Member, error)
	Members(ctx context.Context) ([]*Member, error)
	SaveMember(ctx context.Context, m *Member) error
}
