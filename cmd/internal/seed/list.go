package seed

import "github.com/propusk/propusk/examples/simulators"

// A Listing is what GET /api/seeds answers.
type Listing struct {
	People    []Listed       `json:"people"`
	Clients   []ListedClient `json:"clients"`
	Addresses Addresses      `json:"addresses"`
}

// Listed is a person in the listing. Those without a number have no account.
type Listed struct {
	Number     int      `json:"number,omitempty"`
	Phone      string   `json:"phone"`
	Email      string   `json:"email,omitempty"`
	FamilyName string   `json:"family_name"`
	GivenName  string   `json:"given_name"`
	Patronymic string   `json:"patronymic,omitempty"`
	SNILS      string   `json:"snils"`
	Password   string   `json:"password,omitempty"`
	Level      string   `json:"level,omitempty"`
	Methods    []string `json:"methods"`
	Note       string   `json:"note"`
}

// ListedClient is a client in the listing.
type ListedClient struct {
	ID        string   `json:"client_id"`
	Secret    string   `json:"client_secret,omitempty"`
	Redirects []string `json:"redirect_uris"`
	Scopes    []string `json:"scopes"`
}

// List makes the listing.
func List(people []Person, clients []Client, a Addresses) Listing {
	out := Listing{Addresses: a}
	for _, p := range people {
		l := Listed{
			Number: p.Number, Phone: p.Phone.String(), Email: p.Email.String(), FamilyName: p.Person.FamilyName.String(),
			GivenName: p.Person.GivenName.String(), Patronymic: p.Person.Patronymic.String(), SNILS: p.Person.SNILS.String(),
			Methods: []string{}, Note: p.Note,
		}
		if p.Number != 0 {
			l.Password, l.Level = Password, p.Level.String()
		}
		for _, m := range p.Methods {
			l.Methods = append(l.Methods, m.String())
		}
		out.People = append(out.People, l)
	}
	for _, c := range clients {
		out.Clients = append(out.Clients, ListedClient{
			ID: string(c.Party.ID), Secret: c.Secret, Redirects: c.Party.Redirects, Scopes: c.Party.Scopes,
		})
	}
	return out
}

// Registered returns everybody as the registries have them.
func Registered(people []Person) []simulators.Person {
	out := make([]simulators.Person, len(people))
	for i, p := range people {
		out[i] = p.Registered()
	}
	return out
}

// TOTP returns the secrets of authenticator apps by phone.
func TOTP(people []Person) map[string]string {
	out := map[string]string{}
	for _, p := range people {
		if p.TOTP != "" {
			out[p.Phone.String()] = p.TOTP
		}
	}
	return out
}
