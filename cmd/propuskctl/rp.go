package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/storage/sqlstore"
)

// rpAdd registers a party from flags, or from JSON with the field names of "rp show".
type rpAdd struct {
	ID      string `arg:"" optional:"" help:"The client_id."`
	File    string `help:"A registration in JSON, as rp show prints it; - is standard input. Flags come on top." placeholder:"FILE"`
	Replace bool   `help:"Change a registration that exists; its secret stays."`

	NameRu      string   `help:"Name for people, Russian."`
	NameEn      string   `help:"Name for people, English."`
	PurposeRu   string   `help:"What the data is for, Russian: it stands on the consent page."`
	PurposeEn   string   `help:"What the data is for, English."`
	Home        string   `help:"Where a person who turns back goes." placeholder:"URL"`
	Profile     string   `help:"strict (default), or oidc for existing software." enum:",strict,oidc" default:""`
	Auth        string   `help:"client_secret_basic (default), client_secret_post, private_key_jwt, none." enum:",none,client_secret_basic,client_secret_post,private_key_jwt" default:""`
	JWKS        string   `name:"jwks" help:"File with the public keys, for private_key_jwt." type:"existingfile" placeholder:"FILE"`
	Native      bool     `help:"An application on a person's device: loopback redirects with any port."`
	Redirect    []string `help:"Redirect address; repeat for several." placeholder:"URL" sep:"none"`
	PostLogout  []string `help:"Address after signing out; repeat for several." placeholder:"URL" sep:"none"`
	Backchannel string   `help:"Address of back-channel logout." placeholder:"URL"`
	Initiate    string   `help:"Where a sign-in begins that Propusk starts: for people who were turned away and may come now." placeholder:"URL"`
	Grant       []string `help:"authorization_code (default), refresh_token, client_credentials."`
	Scope       []string `help:"openid (default), profile, email, phone, address, snils, inn, documents, offline_access."`
	Alg         string   `help:"ES256 (default) or RS256." enum:",ES256,RS256" default:""`
	Introspect  bool     `help:"May ask about tokens, as a resource server."`
	Trusted     bool     `help:"No consent page: only for the state's own front doors."`

	Level        string        `help:"Accept only accounts of this level or above." enum:",simplified,standard,verified" default:""`
	Accept       []string      `help:"Accept only these confirmation methods."`
	Refuse       []string      `help:"Do not accept these confirmation methods."`
	MaxAge       time.Duration `help:"Oldest confirmation that is accepted."`
	AccessDenied bool          `help:"Answer access_denied where the policy is not met."`
	Announce     bool          `help:"The service judges by the claims itself: the demands are only told to citizens beforehand."`
}

func (c *rpAdd) Run(d *desk) error {
	p, err := c.party()
	if err != nil {
		return err
	}
	return d.with(func(o *stores.Opened) error {
		secret := ""
		err := o.Atomically(d.ctx, func(tx *sqlstore.Stores) error {
			if _, err := tx.Partner(d.ctx, partner.ID(p.ID)); err == nil {
				return fmt.Errorf("%s is a partner: choose another client_id", p.ID)
			} else if !errors.Is(err, fault.NotFound) {
				return err
			}
			old, err := tx.Party(d.ctx, p.ID)
			switch {
			case errors.Is(err, fault.NotFound):
			case err != nil:
				return err
			case !c.Replace:
				return fmt.Errorf("%s is registered; --replace changes it", p.ID)
			default:
				p.SecretHash = old.SecretHash
			}
			secret = ""
			if needsSecret(p) && len(p.SecretHash) == 0 {
				secret, p.SecretHash = rp.NewSecret()
			}
			if !needsSecret(p) {
				p.SecretHash = nil
			}
			if err := p.Validate(); err != nil {
				return err
			}
			p.Changed = time.Now().UTC()
			return changeParty(d, tx, p.ID, "saved", func() error { return tx.SaveParty(d.ctx, p) })
		})
		if err != nil {
			return err
		}
		if err := d.json(shown(p)); err != nil || secret == "" {
			return err
		}
		d.printf("\nThe secret, shown this once:\n%s\n", secret)
		return nil
	})
}

func needsSecret(p *rp.Party) bool {
	return p.AuthMethod == rp.AuthBasic || p.AuthMethod == rp.AuthPost
}

// changeParty writes a change of the register and its event.
func changeParty(d *desk, tx *sqlstore.Stores, id rp.ID, how string, change func() error) error {
	if err := change(); err != nil {
		return err
	}
	return tx.RecordEvent(d.ctx, audit.Event{At: time.Now().UTC(), Kind: audit.PartyChanged, Client: string(id), Reason: how})
}

// party makes the registration from the file and the flags.
func (c *rpAdd) party() (*rp.Party, error) {
	p := &rp.Party{}
	if c.File != "" {
		text, err := readFile(c.File)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, p); err != nil {
			return nil, fmt.Errorf("%s: %w", c.File, err)
		}
		p.SecretHash = nil // only a secret that we drew is one
	}
	set := func(to *string, v string) {
		if v != "" {
			*to = v
		}
	}
	set((*string)(&p.ID), c.ID)
	set((*string)(&p.Profile), c.Profile)
	set(&p.AuthMethod, c.Auth)
	set(&p.Home, c.Home)
	set(&p.Backchannel, c.Backchannel)
	set(&p.InitiateLogin, c.Initiate)
	set(&p.IDTokenAlg, c.Alg)
	p.Name = words(p.Name, c.NameRu, c.NameEn)
	p.Purpose = words(p.Purpose, c.PurposeRu, c.PurposeEn)
	for to, v := range map[*[]string][]string{&p.Redirects: c.Redirect, &p.PostLogout: c.PostLogout, &p.Grants: c.Grant, &p.Scopes: c.Scope} {
		if len(v) > 0 {
			*to = v
		}
	}
	p.Native = p.Native || c.Native
	p.Introspection = p.Introspection || c.Introspect
	p.Trusted = p.Trusted || c.Trusted
	if c.AccessDenied {
		p.DeniedError = "access_denied"
	}
	if c.JWKS != "" {
		text, err := os.ReadFile(c.JWKS)
		if err != nil {
			return nil, err
		}
		p.JWKS = text
	}
	if c.Native && c.Auth == "" {
		p.AuthMethod = rp.AuthNone
	}
	p.Default()
	return p, c.policy(p)
}

func (c *rpAdd) policy(p *rp.Party) (err error) {
	if c.Level == "" && len(c.Accept) == 0 && len(c.Refuse) == 0 && c.MaxAge == 0 {
		return nil
	}
	one := policy.Combination{MaxAge: c.MaxAge}
	if c.Level != "" {
		if one.Level, err = account.ParseLevel(c.Level); err != nil {
			return err
		}
	}
	if one.Methods, err = methods(c.Accept); err != nil {
		return err
	}
	if one.Refuse, err = methods(c.Refuse); err != nil {
		return err
	}
	demand := policy.Policy{Accept: []policy.Combination{one}}
	if c.Announce {
		p.Announced = demand
	} else {
		p.Policy = demand
	}
	return nil
}

func methods(names []string) (out []account.Method, err error) {
	for _, n := range names {
		m, err := account.ParseMethod(n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		out = append(out, m)
	}
	return out, nil
}

func words(m map[string]string, ru, en string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	if ru != "" {
		m["ru"] = ru
	}
	if en != "" {
		m["en"] = en
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

func readFile(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(path)
}

// shown is a registration without the hash of the secret, which nobody needs to see.
func shown(p *rp.Party) *rp.Party {
	out := *p
	out.SecretHash = nil
	return &out
}

type rpList struct{}

func (rpList) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.Parties(d.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "CLIENT_ID\tNAME\tPROFILE\tAUTH\tCHANGED")
		for _, p := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.ID, p.NameIn("ru"), p.Profile, p.AuthMethod, day(p.Changed))
		}
		return w.Flush()
	})
}

type rpShow struct {
	ID string `arg:"" help:"The client_id."`
}

func (c *rpShow) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		p, err := o.Party(d.ctx, rp.ID(c.ID))
		if err != nil {
			return err
		}
		return d.json(shown(p))
	})
}

type rpRemove struct {
	ID string `arg:"" help:"The client_id."`
}

func (c *rpRemove) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		err := o.Atomically(d.ctx, func(tx *sqlstore.Stores) error {
			if _, err := tx.Party(d.ctx, rp.ID(c.ID)); err != nil {
				return err
			}
			return changeParty(d, tx, rp.ID(c.ID), "removed", func() error { return tx.DeleteParty(d.ctx, rp.ID(c.ID)) })
		})
		if err == nil {
			d.printf("removed %s\n", c.ID)
		}
		return err
	})
}
