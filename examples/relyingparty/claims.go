package relyingparty

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Claims are what the provider says of a person. All keeps everything as it
// came, including what this package has no name for.
type Claims struct {
	Subject       string         `json:"sub"`
	SessionID     string         `json:"sid"`
	Level         string         `json:"account_level"`
	Rank          int            `json:"account_level_rank"`
	Confirmations []Confirmation `json:"confirmations"`

	Name       string `json:"name"`
	FamilyName string `json:"family_name"`
	GivenName  string `json:"given_name"`
	Patronymic string `json:"middle_name"`
	BirthDate  string `json:"birthdate"`
	Gender     string `json:"gender"`
	Email      string `json:"email"`
	Phone      string `json:"phone_number"`
	SNILS      string `json:"ru_snils"`
	INN        string `json:"ru_inn"`

	All map[string]any `json:"-"`
}

// A Confirmation is one way in which the person's identity was confirmed.
type Confirmation struct {
	Method string `json:"method"`
	At     Time   `json:"at"`
}

// Time reads a moment written as text (RFC 3339) or as seconds since 1970.
type Time struct{ time.Time }

// UnmarshalJSON accepts both spellings.
func (t *Time) UnmarshalJSON(data []byte) error {
	if seconds, err := strconv.ParseInt(string(data), 10, 64); err == nil {
		t.Time = time.Unix(seconds, 0)
		return nil
	}
	return json.Unmarshal(data, &t.Time)
}

// Ranks of the levels; "at least" compares these numbers.
const (
	RankSimplified = 1
	RankStandard   = 2
	RankVerified   = 3
)

// ConfirmedBy reports whether any live confirmation was made by one of the methods.
func (c Claims) ConfirmedBy(methods ...string) bool {
	return slices.ContainsFunc(c.Confirmations, func(have Confirmation) bool {
		return slices.Contains(methods, have.Method)
	})
}

// ConfirmedOtherThan reports whether any live confirmation was made by a
// method that is not among those given.
func (c Claims) ConfirmedOtherThan(methods ...string) bool {
	return slices.ContainsFunc(c.Confirmations, func(have Confirmation) bool {
		return !slices.Contains(methods, have.Method)
	})
}

// Greeting is how a site addresses the person: given name and patronymic.
func (c Claims) Greeting() string {
	if c.Patronymic != "" {
		return c.GivenName + " " + c.Patronymic
	}
	if c.GivenName != "" {
		return c.GivenName
	}
	return c.Name
}

// FullName is family name first, as in documents.
func (c Claims) FullName() string {
	full := ""
	for _, part := range []string{c.FamilyName, c.GivenName, c.Patronymic} {
		if part != "" && full != "" {
			full += " "
		}
		full += part
	}
	if full == "" {
		return c.Name
	}
	return full
}

// read lays later sources over earlier ones: userinfo over the ID token.
func read(sources ...map[string]any) (Claims, error) {
	all := map[string]any{}
	for _, s := range sources {
		maps.Copy(all, s)
	}
	data, err := json.Marshal(all)
	if err != nil {
		return Claims{}, err
	}
	c := Claims{All: all}
	if err := json.Unmarshal(data, &c); err != nil {
		return Claims{}, fmt.Errorf("claims: %w", err)
	}
	// A provider that says nothing we know of a level has vouched for nothing.
	if !slices.Contains([]string{"simplified", "standard", "verified"}, c.Level) {
		c.Level, c.Rank = "simplified", 0
	}
	return c, nil
}

// A Decision says whether a party lets somebody in, and if not, why: a reason
// that pages explain and machines compare.
type Decision struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
}

// Reasons to refuse, in the provider's own words where it has them.
const (
	LevelTooLow   = "level_too_low"
	MethodRefused = "method_refused"
)

// Allow lets somebody in.
func Allow() Decision { return Decision{Allowed: true} }

// Refuse turns somebody away for a reason.
func Refuse(reason string) Decision { return Decision{Reason: reason} }
