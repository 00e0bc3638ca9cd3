package claims

import "slices"

// A Set is a set of personal claims.
type Set uint32

const (
	fullName Set = 1 << iota
	familyName
	givenName
	middleName
	birthDate
	gender
	locale
	updatedAt
	email
	emailVerified
	phone
	phoneVerified
	address
	snils
	inn
	documents
	placeOfBirth
	nationalities
)

// table has every personal claim, by the scope that it belongs to.
var table = []struct {
	name  string
	set   Set
	scope string
}{
	{"name", fullName, "profile"},
	{"family_name", familyName, "profile"},
	{"given_name", givenName, "profile"},
	{"middle_name", middleName, "profile"},
	{"birthdate", birthDate, "profile"},
	{"gender", gender, "profile"},
	{"locale", locale, "profile"},
	{"updated_at", updatedAt, "profile"},
	{"email", email, "email"},
	{"email_verified", emailVerified, "email"},
	{"phone_number", phone, "phone"},
	{"phone_number_verified", phoneVerified, "phone"},
	{"address", address, "address"},
	{"ru_snils", snils, "snils"},
	{"ru_inn", inn, "inn"},
	{"documents", documents, "documents"},
	{"place_of_birth", placeOfBirth, "documents"},
	{"nationalities", nationalities, "documents"},
}

// The scopes with a meaning of their own.
const (
	OpenID  = "openid"
	Offline = "offline_access"
)

// Scopes lists every scope there is.
func Scopes() []string {
	return []string{OpenID, "profile", "email", "phone", "address", "snils", "inn", "documents", Offline}
}

// Names lists every claim there is, for discovery.
func Names() []string {
	names := []string{
		"sub", "iss", "aud", "exp", "iat", "sid", "auth_time", "amr", "acr", "nonce",
		"account_level", "account_level_rank", "confirmations", "confirmation_method", "confirmed_at",
	}
	for _, c := range table {
		names = append(names, c.name)
	}
	return names
}

func (s Set) has(c Set) bool { return s&c != 0 }

// OfScopes is what scopes release.
func OfScopes(scopes []string) Set {
	var s Set
	for _, c := range table {
		if slices.Contains(scopes, c.scope) {
			s |= c.set
		}
	}
	return s
}

// Facts lists the names of a set's claims.
func Facts(s Set) []string {
	var out []string
	for _, c := range table {
		if s.has(c.set) {
			out = append(out, c.name)
		}
	}
	return out
}

// named is the set of one claim and its scope.
func named(name string) (Set, string) {
	for _, c := range table {
		if c.name == name {
			return c.set, c.scope
		}
	}
	return 0, ""
}
