package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/storage/sqlstore"
)

// partnerAdd registers a partner, or changes one.
type partnerAdd struct {
	ID      string `arg:"" help:"The partner's id, which is also its client_id at the token endpoint."`
	Replace bool   `help:"Change a registration that exists: what is not given stays."`

	Kind   string `help:"bank, printer, centre." enum:",bank,printer,centre" default:""`
	NameRu string `help:"Name for people, Russian."`
	NameEn string `help:"Name for people, English."`
	BIC    string `name:"bic" help:"The bank's BIC, nine digits."`
	Centre string `help:"Of a centre's software: the id of the centre." placeholder:"77-014"`
	Home   string `help:"The bank's page that citizens are sent to for a confirmation." placeholder:"URL"`
	JWKS   string `name:"jwks" help:"File with the partner's public keys (a set, RFC 7517)." type:"existingfile" placeholder:"FILE"`
	Hourly int    `help:"Calls that change something, in an hour; 0: 3600."`
	Enable bool   `help:"With --replace: switch a disabled partner on again."`
}

func (c *partnerAdd) Run(d *desk) error {
	var keys []byte
	if c.JWKS != "" {
		text, err := os.ReadFile(c.JWKS)
		if err != nil {
			return err
		}
		var plain bytes.Buffer
		if err := json.Compact(&plain, text); err != nil {
			return fmt.Errorf("%s: not JSON", c.JWKS)
		}
		keys = plain.Bytes()
	}
	return d.with(func(o *stores.Opened) error {
		var saved *partner.Partner
		err := o.Atomically(d.ctx, func(tx *sqlstore.Stores) error {
			p := &partner.Partner{ID: partner.ID(c.ID)}
			old, err := tx.Partner(d.ctx, p.ID)
			switch {
			case err == nil && !c.Replace:
				return fmt.Errorf("%s is registered; --replace changes it", c.ID)
			case err == nil:
				p = old
			case !errors.Is(err, fault.NotFound):
				return err
			}
			if _, err := tx.Party(d.ctx, rp.ID(c.ID)); err == nil {
				return fmt.Errorf("%s is a relying party: choose another id", c.ID)
			} else if !errors.Is(err, fault.NotFound) {
				return err
			}
			if c.Kind != "" && p.Kind != "" && partner.Kind(c.Kind) != p.Kind {
				return fmt.Errorf("%s is a %s: a partner does not change its kind", c.ID, p.Kind)
			}
			if c.Kind != "" {
				p.Kind = partner.Kind(c.Kind)
			}
			if c.Centre != "" {
				if p.Kind != partner.Centre {
					return fmt.Errorf("%s is a %s, and of no centre", c.ID, p.Kind)
				}
				if _, err := tx.Centre(d.ctx, c.Centre); err != nil {
					return fmt.Errorf("centre %s: %w", c.Centre, err)
				}
				p.Number = c.Centre
			}
			p.Name = words(p.Name, c.NameRu, c.NameEn)
			for to, v := range map[*string]string{&p.Number: c.BIC, &p.Home: c.Home} {
				if v != "" {
					*to = v
				}
			}
			if keys != nil {
				p.JWKS = keys
			}
			if c.Hourly != 0 {
				p.Hourly = c.Hourly
			}
			if c.Enable {
				p.Disabled = false
			}
			p.Changed = time.Now().UTC()
			if err := p.Validate(); err != nil {
				return err
			}
			saved = p
			return changePartner(d, tx, p, "saved")
		})
		if err != nil {
			return err
		}
		return d.json(saved)
	})
}

// changePartner writes a change of a partner and its event.
func changePartner(d *desk, tx *sqlstore.Stores, p *partner.Partner, how string) error {
	if err := tx.SavePartner(d.ctx, p); err != nil {
		return err
	}
	return tx.RecordEvent(d.ctx, audit.Event{At: time.Now().UTC(), Kind: audit.PartnerChanged, Client: string(p.ID), Reason: how})
}

type partnerList struct{}

func (partnerList) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.Partners(d.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tKIND\tNAME\tSTATE\tCHANGED")
		for _, p := range all {
			state := "on"
			if p.Disabled {
				state = "off"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.ID, p.Kind, p.NameIn("ru"), state, day(p.Changed))
		}
		return w.Flush()
	})
}

type partnerShow struct {
	ID string `arg:"" help:"The partner's id."`
}

func (c *partnerShow) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		p, err := o.Partner(d.ctx, partner.ID(c.ID))
		if err != nil {
			return err
		}
		return d.json(p)
	})
}

type partnerDisable struct {
	ID string `arg:"" help:"The partner's id."`
}

func (c *partnerDisable) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		err := o.Atomically(d.ctx, func(tx *sqlstore.Stores) error {
			p, err := tx.Partner(d.ctx, partner.ID(c.ID))
			if err != nil {
				return err
			}
			p.Disabled, p.Changed = true, time.Now().UTC()
			return changePartner(d, tx, p, "disabled")
		})
		if err == nil {
			d.printf("switched off %s; what it confirmed stands until it is recalled\n", c.ID)
		}
		return err
	})
}

// partnerKey makes a key pair: a help for whoever tries the partner API from a shell.
type partnerKey struct {
	Out string `arg:"" help:"File for the private key (PEM, PKCS #8); the public keys go to standard output."`
}

func (c *partnerKey) Run(d *desk) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), f.Close()); err != nil {
		return err
	}
	public := jose.JSONWebKey{Key: key.Public(), KeyID: "key-1", Algorithm: string(jose.ES256), Use: "sig"}
	return d.json(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
}

// signing reads a private key and signs claims with it.
func signing(file string, options *jose.SignerOptions, kid string, claims map[string]any) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", fmt.Errorf("%s: not PEM", file)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("%s: not a private key in PKCS #8", file)
	}
	if _, ok := private.(*ecdsa.PrivateKey); !ok {
		return "", fmt.Errorf("%s: not an EC key", file)
	}
	var key any = private
	if kid != "" {
		key = jose.JSONWebKey{Key: private, KeyID: kid}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

type partnerAssertion struct {
	Key      string `help:"The private key." type:"existingfile" required:"" placeholder:"FILE"`
	ID       string `help:"The partner's id." required:""`
	Audience string `help:"The provider's issuer." required:"" placeholder:"URL"`
}

func (c *partnerAssertion) Run(d *desk) error {
	now := time.Now()
	out, err := signing(c.Key, (&jose.SignerOptions{}).WithType("JWT"), "key-1", map[string]any{
		"iss": c.ID, "sub": c.ID, "aud": c.Audience, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
	})
	if err != nil {
		return err
	}
	d.printf("%s\n", out)
	return nil
}

type partnerProof struct {
	Key    string `help:"The private key." type:"existingfile" required:"" placeholder:"FILE"`
	Method string `arg:"" help:"POST or GET."`
	URL    string `arg:"" help:"The address that is called, without a query."`
	Nonce  string `help:"Of the last DPoP-Nonce header."`
	Token  string `help:"The access token, if the call carries one."`
}

func (c *partnerProof) Run(d *desk) error {
	claims := map[string]any{"jti": rand.Text(), "htm": c.Method, "htu": c.URL, "iat": time.Now().Unix()}
	if c.Nonce != "" {
		claims["nonce"] = c.Nonce
	}
	if c.Token != "" {
		sum := sha256.Sum256([]byte(c.Token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	out, err := signing(c.Key, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"), "", claims)
	if err != nil {
		return err
	}
	d.printf("%s\n", out)
	return nil
}
