package oidc

import (
	"encoding/binary"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/seal"
)

// packed writes and reads what codes and tokens hold, inside their seal. As JSON that was a fifth of what the
// provider does for a single sign-on besides its signature and its trips, and made every code half as long again.
//
// A value is its fields in the order of its method pack, which serves both ways, so that they cannot part:
// numbers as variable-length integers, texts with their length before them. Nodes of two versions read each
// other's values: fields are only ever added at the end, what is not there is zero, what follows is left.
type packed struct {
	b       []byte
	reading bool
	broken  bool // what is read was not written here
}

// packing is the first byte: the form that all the rest has.
const packing = 1

type packable interface{ pack(p *packed) }

// sealed seals a value for a purpose.
func sealed(r *seal.Ring, purpose seal.Purpose, v packable) string {
	p := &packed{b: append(make([]byte, 0, 384), packing)}
	v.pack(p)
	return r.Seal(purpose, p.b, nil)
}

// opened opens into v what sealed made, or returns seal.ErrSealed.
func opened(r *seal.Ring, purpose seal.Purpose, text string, v packable) error {
	b, err := r.Open(purpose, text, nil)
	if err != nil {
		return err
	}
	if len(b) == 0 || b[0] != packing {
		return seal.ErrSealed
	}
	p := &packed{b: b[1:], reading: true}
	if v.pack(p); p.broken {
		return seal.ErrSealed
	}
	return nil
}

func number[T ~int | ~int64 | ~uint8 | ~uint64](p *packed, v *T) {
	if !p.reading {
		p.b = binary.AppendVarint(p.b, int64(*v))
		return
	}
	if len(p.b) == 0 {
		return
	}
	n, size := binary.Varint(p.b)
	if size <= 0 || int64(T(n)) != n {
		p.broken, p.b = true, nil
		return
	}
	*v, p.b = T(n), p.b[size:]
}

func text[T ~string | ~[]byte](p *packed, v *T) {
	length := len(*v)
	number(p, &length)
	if !p.reading {
		p.b = append(p.b, *v...)
		return
	}
	if length < 0 || length > len(p.b) {
		p.broken, p.b = true, nil
		return
	}
	if length > 0 {
		*v, p.b = T(p.b[:length:length]), p.b[length:]
	}
}

func flag(p *packed, v *bool) {
	n := 0
	if *v {
		n = 1
	}
	number(p, &n)
	*v = n == 1
}

// moment is an instant, without a place.
func moment(p *packed, v *time.Time) {
	seconds, rest := v.Unix(), v.Nanosecond()
	number(p, &seconds)
	number(p, &rest)
	if p.reading {
		*v = time.Unix(seconds, int64(rest)).UTC()
	}
}

// list packs how many there are, and each.
func list[T any](p *packed, v *[]T, each func(p *packed, v *T)) {
	length := len(*v)
	number(p, &length)
	if p.reading {
		if length < 0 || length > len(p.b) { // each takes a byte at least
			p.broken, p.b = true, nil
			return
		}
		if length > 0 {
			*v = make([]T, length)
		}
	}
	for i := range *v {
		each(p, &(*v)[i])
	}
}

func (c *code) pack(p *packed) {
	text(p, &c.Grant)
	number(p, &c.Expires)
	text(p, &c.Client)
	text(p, &c.Redirect)
	text(p, &c.Challenge)
	text(p, &c.Nonce)
	number(p, &c.Account)
	text(p, &c.Session)
	number(p, &c.Epoch)
	number(p, &c.AuthTime)
	list(p, &c.AMR, text)
	text(p, &c.ACR)
	list(p, &c.Scopes, text)
	text(p, &c.Claims)
	list(p, &c.Data, text)
	list(p, &c.Demanded, text)
	number(p, &c.Until)
	number(p, &c.Subject.Level)
	list(p, &c.Subject.Confirmations, func(p *packed, c *account.Confirmation) {
		text(p, &c.ID)
		number(p, &c.Method)
		moment(p, &c.At)
	})
}

func (b *bearer) pack(p *packed) {
	text(p, &b.Grant)
	text(p, &b.Client)
	list(p, &b.Scopes, text)
	number(p, &b.Issued)
	number(p, &b.Expires)
	text(p, &b.ID)
	bound := b.Bound != nil
	flag(p, &bound)
	if bound {
		if b.Bound == nil {
			b.Bound = &binding{}
		}
		text(p, &b.Bound.Key)
		text(p, &b.Bound.Certificate)
	}
}

func (r *refresh) pack(p *packed) {
	text(p, &r.Grant)
	number(p, &r.Gen)
	text(p, &r.Client)
	list(p, &r.Scopes, text)
	text(p, &r.Secret)
	flag(p, &r.Plain)
}
