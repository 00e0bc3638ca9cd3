package oidc

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/seal"
)

func ringForTest(t *testing.T) *seal.Ring {
	t.Helper()
	k, err := seal.NewKey(1, seal.UseSeal, time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewRing(time.Now, k)
}

// fill gives every field of a value something of its own, also of fields that are added later.
func fill(v reflect.Value, next *int64) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000+*next, 5).UTC()))
	case v.Type() == reflect.TypeFor[account.Confirmation]():
		// What bare leaves of one.
		v.Set(reflect.ValueOf(account.Confirmation{ID: "c", Method: account.MailCode, At: time.Unix(1_700_000_000, 0).UTC()}))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), next)
		}
	case v.Kind() == reflect.String:
		v.SetString(string(rune('а' + *next)))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(*next)
	case v.CanUint():
		v.SetUint(uint64(*next))
	}
	*next++
}

func TestWhatIsPackedIsReadBackWhole(t *testing.T) {
	ring := ringForTest(t)
	for _, v := range []packable{&code{}, &bearer{}, &refresh{}} {
		next := int64(1)
		fill(reflect.ValueOf(v).Elem(), &next)
		for _, v := range []packable{v, reflect.New(reflect.TypeOf(v).Elem()).Interface().(packable)} { // full and empty
			got := reflect.New(reflect.TypeOf(v).Elem()).Interface().(packable)
			if err := opened(ring, "test", sealed(ring, "test", v), got); err != nil {
				t.Errorf("opened %T: %v", v, err)
			}
			if d := cmp.Diff(v, got); d != "" {
				t.Errorf("%T changed on its way (a field that pack does not name?):\n%s", v, d)
			}
		}
	}
}

// later is a refresh token of a version that knows more.
type later struct {
	refresh
	more string
}

func (l *later) pack(p *packed) { l.refresh.pack(p); text(p, &l.more) }

func TestVersionsReadEachOthersValues(t *testing.T) {
	ring := ringForTest(t)
	old := refresh{Grant: "g", Gen: 300, Client: "c", Scopes: []string{"openid"}, Secret: "s", Plain: true}
	var got refresh
	if err := opened(ring, "test", sealed(ring, "test", &later{old, "new"}), &got); err != nil || !reflect.DeepEqual(got, old) {
		t.Errorf("the older version reads %+v, %v, want %+v", got, err, old)
	}
	var newer later
	if err := opened(ring, "test", sealed(ring, "test", &old), &newer); err != nil || !reflect.DeepEqual(newer, later{refresh: old}) {
		t.Errorf("the newer version reads %+v, %v, want %+v", newer, err, later{refresh: old})
	}
}

func TestValuesOfAnotherFormAreNotOurs(t *testing.T) {
	ring := ringForTest(t)
	for _, plain := range []string{"", `{"g":"grant"}`, "\x02", "\x01\x10a", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x01\x01"} {
		if err := opened(ring, "test", ring.Seal("test", []byte(plain), nil), &code{}); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("opened %q = %v, want %v", plain, err, seal.ErrSealed)
		}
	}
}

func TestNoBytesBreakThePacking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		for _, v := range []packable{&code{}, &bearer{}, &refresh{}} {
			v.pack(&packed{b: bytes.Clone(b), reading: true}) // must not panic, nor make much of little
		}
	})
}
