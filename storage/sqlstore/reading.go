package sqlstore

import (
	"encoding"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
)

// A reading goes through JSON as we ourselves write it: no spaces, no escapes, no nulls, keys that it knows.
// Standing, assurance and profile are read at every token, and without reflection that takes a fraction of
// the time. At the first surprise it gives up, and encoding/json has the word: what is read is the same, or
// refused the same.
type reading struct {
	rest   []byte
	gaveUp bool
}

// read reads body by f, or by encoding/json.
func read[T any](body []byte, f func(*reading, *T), to *T) error {
	if utf8.Valid(body) {
		var v T
		r := reading{rest: body}
		if f(&r, &v); !r.gaveUp && len(r.rest) == 0 {
			*to = v
			return nil
		}
	}
	return json.Unmarshal(body, to)
}

func (r *reading) giveUp() { r.rest, r.gaveUp = nil, true }

// is takes the next byte if it is c.
func (r *reading) is(c byte) bool {
	if len(r.rest) == 0 || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *reading) must(c byte) {
	if !r.is(c) {
		r.giveUp()
	}
}

// text takes a string.
func (r *reading) text() []byte {
	r.must('"')
	for i, c := range r.rest {
		switch {
		case c == '"':
			out := r.rest[:i]
			r.rest = r.rest[i+1:]
			return out
		case c == '\\' || c < ' ':
			r.giveUp()
			return nil
		}
	}
	r.giveUp()
	return nil
}

func (r *reading) string() string { return string(r.text()) }

// parse takes a string that has a type of its own.
func (r *reading) parse(to encoding.TextUnmarshaler) {
	if t := r.text(); !r.gaveUp && to.UnmarshalText(t) != nil {
		r.giveUp()
	}
}

func (r *reading) time() time.Time {
	var t time.Time
	if text := r.text(); !r.gaveUp && t.UnmarshalText(text) != nil {
		r.giveUp()
	}
	return t
}

// number takes a whole number that is not negative.
func (r *reading) number() uint64 {
	i := 0
	for i < len(r.rest) && r.rest[i] >= '0' && r.rest[i] <= '9' {
		i++
	}
	n, err := strconv.ParseUint(string(r.rest[:i]), 10, 64)
	if err != nil || i > 1 && r.rest[0] == '0' {
		r.giveUp()
		return 0
	}
	r.rest = r.rest[i:]
	return n
}

// object gives each key to f, which takes its value.
func (r *reading) object(f func(key []byte)) {
	r.must('{')
	if r.is('}') {
		return
	}
	for !r.gaveUp {
		key := r.text()
		r.must(':')
		if r.gaveUp {
			return
		}
		f(key)
		if r.is('}') {
			return
		}
		r.must(',')
	}
}

// array calls f for each element, which takes it.
func array[T any](r *reading, f func(*reading, *T)) []T {
	out := []T{}
	r.must('[')
	if r.is(']') {
		return out
	}
	for !r.gaveUp {
		out = append(out, *new(T))
		f(r, &out[len(out)-1])
		if r.is(']') {
			return out
		}
		r.must(',')
	}
	return nil
}

func readLevel(r *reading) (l account.Level) {
	r.parse(&l)
	return l
}

func readSnapshot(r *reading, s *snapshot) {
	r.object(func(key []byte) {
		switch string(key) {
		case "level":
			s.Level = readLevel(r)
		case "confirmations":
			s.Confirmations = array(r, readConfirmation)
		default:
			r.giveUp()
		}
	})
}

func readStanding(r *reading, s *standing) {
	r.object(func(key []byte) {
		switch string(key) {
		case "level":
			s.Level = readLevel(r)
		case "confirmations":
			s.Confirmations = array(r, readConfirmation)
		default: // restricted or locked: rare
			r.giveUp()
		}
	})
}

func readConfirmation(r *reading, c *account.Confirmation) {
	r.object(func(key []byte) {
		switch string(key) {
		case "id":
			c.ID = r.string()
		case "method":
			r.parse(&c.Method)
		case "at":
			c.At = r.time()
		case "centre":
			c.Centre = r.string()
		case "operator":
			c.Operator = account.ID(r.number())
		case "letter":
			c.Letter = r.string()
		case "batch":
			c.Batch = r.string()
		case "track":
			c.Track = r.string()
		case "organization":
			c.Organization = r.string()
		case "serial":
			c.Serial = r.string()
		default:
			r.giveUp()
		}
	})
}

func readProfile(r *reading, p *account.Profile) {
	r.object(func(key []byte) {
		switch string(key) {
		case "person":
			readPerson(r, &p.Person)
		case "checked":
			p.Checked = r.time()
		case "contacts":
			p.Contacts = array(r, readContact)
		case "address":
			p.Address = &civil.Address{}
			readAddress(r, p.Address)
		case "processing":
			readProcessing(r, &p.Processing)
		case "confirmed":
			p.Confirmed = map[string]account.Identity{}
			r.object(func(id []byte) {
				var i account.Identity
				readIdentity(r, &i)
				p.Confirmed[string(id)] = i
			})
		case "lapsing":
			r.parse(&p.Lapsing)
		default:
			r.giveUp()
		}
	})
}

func readPerson(r *reading, p *account.Person) {
	r.object(func(key []byte) {
		switch string(key) {
		case "family_name":
			r.parse(&p.FamilyName)
		case "given_name":
			r.parse(&p.GivenName)
		case "patronymic":
			r.parse(&p.Patronymic)
		case "sex":
			r.parse(&p.Sex)
		case "birth_date":
			r.parse(&p.BirthDate)
		case "birth_place":
			p.BirthPlace = r.string()
		case "citizenship":
			r.parse(&p.Citizenship)
		case "snils":
			r.parse(&p.SNILS)
		case "document":
			p.Document = &civil.Document{}
			readDocument(r, p.Document)
		case "inn":
			r.parse(&p.INN)
		default:
			r.giveUp()
		}
	})
}

func readDocument(r *reading, d *civil.Document) {
	r.object(func(key []byte) {
		switch string(key) {
		case "type":
			d.Type = civil.DocumentType(r.text())
		case "number":
			d.Number = r.string()
		case "issued_on":
			r.parse(&d.IssuedOn)
		case "expires_on":
			r.parse(&d.ExpiresOn)
		case "issuer":
			d.Issuer = r.string()
		case "department_code":
			d.DepartmentCode = r.string()
		default:
			r.giveUp()
		}
	})
}

func readContact(r *reading, c *account.Contact) {
	r.object(func(key []byte) {
		switch string(key) {
		case "kind":
			c.Kind = account.ContactKind(r.text())
		case "value":
			c.Value = r.string()
		case "proved":
			c.Proved = r.time()
		default:
			r.giveUp()
		}
	})
}

func readProcessing(r *reading, p *account.Processing) {
	r.object(func(key []byte) {
		switch string(key) {
		case "version":
			p.Version = r.string()
		case "at":
			p.At = r.time()
		default:
			r.giveUp()
		}
	})
}

func readIdentity(r *reading, i *account.Identity) {
	r.object(func(key []byte) {
		switch string(key) {
		case "snils":
			r.parse(&i.SNILS)
		case "birth_date":
			r.parse(&i.BirthDate)
		default:
			r.giveUp()
		}
	})
}

func readAddress(r *reading, a *civil.Address) {
	r.object(func(key []byte) {
		switch string(key) {
		case "postal_code":
			a.PostalCode = r.string()
		case "region":
			a.Region = r.string()
		case "locality":
			a.Locality = r.string()
		case "street":
			a.Street = r.string()
		case "house":
			a.House = r.string()
		case "flat":
			a.Flat = r.string()
		default:
			r.giveUp()
		}
	})
}
