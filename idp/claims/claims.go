// Package claims turns scopes and the claims parameter into what relying parties read of a citizen.
//
// What a party needs in order to decide (the level, the confirmations, how the citizen signed in) comes
// with scope openid itself and in every token, so that no party can forget to ask. Everything else is
// personal and is released name by name: a Set is worked out from what was asked and allowed, and a User
// holds exactly that Set. Each struct is written by one json.Marshal, without maps in between.
package claims

import (
	"encoding/json"
	"time"

	"github.com/propusk/propusk/idp/account"
)

// Assurance is how sure we are who the citizen is (design.md 2).
type Assurance struct {
	Level         account.Level  `json:"account_level"`
	Rank          int            `json:"account_level_rank"`
	Confirmations []Confirmation `json:"confirmations"` // strongest first; empty below verified, never null
	Method        string         `json:"confirmation_method,omitempty"`
	ConfirmedAt   int64          `json:"confirmed_at,omitempty"`
}

// A Confirmation is one way in which identity was confirmed, and when, in seconds since 1970.
type Confirmation struct {
	Method account.Method `json:"method"`
	At     int64          `json:"at"`
}

var none = []Confirmation{}

// OfAssurance says an assurance in claims.
func OfAssurance(a account.Assurance) Assurance {
	out := Assurance{Level: a.Level, Rank: int(a.Level), Confirmations: none}
	if len(a.Confirmations) == 0 {
		return out
	}
	out.Confirmations = make([]Confirmation, len(a.Confirmations))
	for i, c := range a.Confirmations {
		out.Confirmations[i] = Confirmation{c.Method, c.At.Unix()}
	}
	out.Method, out.ConfirmedAt = a.Confirmations[0].Method.String(), a.Confirmations[0].At.Unix()
	return out
}

// Authentication is how the citizen signed in.
type Authentication struct {
	AuthTime int64    `json:"auth_time,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	ACR      string   `json:"acr,omitempty"`
}

// User is the personal part: OpenID Connect Core 1.0 section 5.1, and names of ours under ru_.
type User struct {
	Name       string `json:"name,omitempty"`
	FamilyName string `json:"family_name,omitempty"`
	GivenName  string `json:"given_name,omitempty"`
	MiddleName string `json:"middle_name,omitempty"` // the patronymic
	BirthDate  string `json:"birthdate,omitempty"`
	Gender     string `json:"gender,omitempty"`
	Locale     string `json:"locale,omitempty"`
	UpdatedAt  int64  `json:"updated_at,omitempty"`

	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
	Phone         string `json:"phone_number,omitempty"`
	PhoneVerified bool   `json:"phone_number_verified,omitempty"`

	Address       *Address   `json:"address,omitempty"`
	SNILS         string     `json:"ru_snils,omitempty"`
	INN           string     `json:"ru_inn,omitempty"`
	Documents     []Document `json:"documents,omitempty"`
	PlaceOfBirth  *Place     `json:"place_of_birth,omitempty"`
	Nationalities []string   `json:"nationalities,omitempty"`

	// Verified is OfVerified's answer; OfUser leaves it empty.
	Verified json.RawMessage `json:"verified_claims,omitempty"`
}

// Address is the address of residence (Core 5.1.1).
type Address struct {
	Formatted  string `json:"formatted"`
	Street     string `json:"street_address,omitempty"`
	Locality   string `json:"locality,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country"`
}

// Place is where somebody was born, as the document has it.
type Place struct {
	Locality string `json:"locality"`
}

// Document is an identity document.
type Document struct {
	Type           string `json:"type"`
	Number         string `json:"number"`
	IssuedOn       string `json:"issued_on,omitempty"`
	ExpiresOn      string `json:"expires_on,omitempty"`
	Issuer         string `json:"issuer,omitempty"`
	DepartmentCode string `json:"department_code,omitempty"`
}

// OfUser fills in the claims of a set.
func OfUser(a *account.Account, s Set) User {
	var u User
	p := &a.Profile.Person
	if s.has(fullName) {
		for _, n := range []string{p.FamilyName.String(), p.GivenName.String(), p.Patronymic.String()} {
			if n != "" && u.Name != "" {
				u.Name += " "
			}
			u.Name += n
		}
	}
	if s.has(familyName) {
		u.FamilyName = p.FamilyName.String()
	}
	if s.has(givenName) {
		u.GivenName = p.GivenName.String()
	}
	if s.has(middleName) {
		u.MiddleName = p.Patronymic.String()
	}
	if s.has(birthDate) && !p.BirthDate.IsZero() {
		u.BirthDate = p.BirthDate.String()
	}
	if s.has(gender) {
		switch p.Sex.String() {
		case "m":
			u.Gender = "male"
		case "f":
			u.Gender = "female"
		}
	}
	if s.has(locale) {
		u.Locale = a.Lang
	}
	if s.has(updatedAt) {
		if t := latest(a.Profile.Checked, a.Created); !t.IsZero() {
			u.UpdatedAt = t.Unix()
		}
	}
	if c, ok := a.Profile.Contact(account.Email); ok {
		if s.has(email) {
			u.Email = c.Value
		}
		u.EmailVerified = s.has(emailVerified)
	}
	if c, ok := a.Profile.Contact(account.Phone); ok {
		if s.has(phone) {
			u.Phone = c.Value
		}
		u.PhoneVerified = s.has(phoneVerified)
	}
	if s.has(snils) {
		u.SNILS = p.SNILS.String()
	}
	if s.has(inn) {
		u.INN = p.INN.String()
	}
	papers(&u, a, s)
	return u
}

func papers(u *User, a *account.Account, s Set) {
	p := &a.Profile.Person
	if ad := a.Profile.Address; s.has(address) && ad != nil {
		street := ad.Street
		for _, part := range []string{ad.House, ad.Flat} {
			if part != "" && street != "" {
				street += ", "
			}
			street += part
		}
		u.Address = &Address{ad.Format(), street, ad.Locality, ad.Region, ad.PostalCode, "RUS"}
	}
	if d := p.Document; s.has(documents) && d != nil {
		paper := Document{Type: d.Type.String(), Number: d.Number, Issuer: d.Issuer, DepartmentCode: d.DepartmentCode}
		if !d.IssuedOn.IsZero() {
			paper.IssuedOn = d.IssuedOn.String()
		}
		if !d.ExpiresOn.IsZero() {
			paper.ExpiresOn = d.ExpiresOn.String()
		}
		u.Documents = []Document{paper}
	}
	if s.has(placeOfBirth) && p.BirthPlace != "" {
		u.PlaceOfBirth = &Place{p.BirthPlace}
	}
	if s.has(nationalities) && !p.Citizenship.IsZero() {
		u.Nationalities = []string{p.Citizenship.String()}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
