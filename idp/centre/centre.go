// Package centre keeps service centres and the operators and administrators who work for Propusk.
package centre

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
)

// A Centre is a place where citizens are served face to face.
type Centre struct {
	ID      string            `json:"id"` // such as "77-014"
	Name    map[string]string `json:"name"`
	Address map[string]string `json:"address"`
	Hours   map[string]string `json:"hours"`
	Town    map[string]string `json:"town"`
	Phone   string            `json:"phone,omitempty"` // E.164
	// Services are what is done there; empty means all, as in centres kept before services were named.
	Services []Service `json:"services,omitempty"`
	// Ramp tells that a wheelchair gets in.
	Ramp bool `json:"ramp,omitempty"`
	// At is where it stands; nil keeps it off the map.
	At *Place `json:"at,omitempty"`
}

// A Place is a point on the globe, in degrees (WGS 84).
type Place struct {
	Latitude  float64 `json:"latitude"`  // north positive, -90 to 90
	Longitude float64 `json:"longitude"` // east positive, -180 to 180
}

// ParsePlace reads "latitude,longitude" in degrees. The error is fault.Invalid.
func ParsePlace(s string) (Place, error) {
	north, east, ok := strings.Cut(s, ",")
	latitude, err1 := strconv.ParseFloat(strings.TrimSpace(north), 64)
	longitude, err2 := strconv.ParseFloat(strings.TrimSpace(east), 64)
	if !ok || err1 != nil || err2 != nil || !(math.Abs(latitude) <= 90) || !(math.Abs(longitude) <= 180) { // NaN is in no range
		return Place{}, fmt.Errorf("centre: a place is latitude and longitude in degrees, such as 56.312,38.134: %w", fault.Invalid)
	}
	return Place{latitude, longitude}, nil
}

// A Service is something that a centre does for citizens.
type Service string

// The services.
const (
	Confirms  Service = "confirm"  // confirms identity
	Restores  Service = "restore"  // gives access back
	Registers Service = "register" // opens a verified account on the spot
	Corrects  Service = "correct"  // takes over the data of a new document
	Deletes   Service = "delete"   // closes an account
	HandsCode Service = "code"     // hands over an activation code in an envelope
)

// AllServices lists the services in the order of pages.
func AllServices() []Service {
	return []Service{Confirms, Restores, Registers, Corrects, HandsCode, Deletes}
}

// Does tells whether a centre does something.
func (c *Centre) Does(s Service) bool {
	return len(c.Services) == 0 && slices.Contains(AllServices(), s) || slices.Contains(c.Services, s)
}

// Offers lists what a centre does, in the order of pages.
func (c *Centre) Offers() []Service {
	return slices.DeleteFunc(AllServices(), func(s Service) bool { return !c.Does(s) })
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
