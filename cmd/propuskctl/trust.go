package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage/sqlstore"
)

// trustAdd puts roots on the trust list, or changes them.
type trustAdd struct {
	File    string    `arg:"" help:"The root's certificate, PEM or DER. Of a PEM file with several, all are added." type:"existingfile"`
	Name    string    `help:"What to call it; its own name without this."`
	From    time.Time `help:"Accredited from this day." format:"2006-01-02"`
	Until   time.Time `help:"Accredited until this day; without it, without end." format:"2006-01-02"`
	CRL     []string  `name:"crl" help:"Address of a revocation list of an authority under this root; repeat for several." placeholder:"URL" sep:"none"`
	OCSP    []string  `name:"ocsp" help:"Address of an OCSP responder; repeat for several." placeholder:"URL" sep:"none"`
	Follow  bool      `help:"Also ask at the addresses that certificates under this root name."`
	Failure string    `help:"hard or soft, whatever the installation's setting: what happens when nobody can tell whether a certificate is revoked." enum:",hard,soft" default:""`
	Replace bool      `help:"Change a root that is on the list."`
}

func (c *trustAdd) Run(d *desk) error {
	content, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return d.with(func(o *stores.Opened) error {
		for _, der := range certificatesIn(content) {
			a, err := certificate.NewAnchor(certificate.Anchor{
				Name: c.Name, DER: der, From: c.From, Until: c.Until, CRLs: c.CRL, OCSP: c.OCSP, Follow: c.Follow,
				Failure: certificate.Failure(c.Failure), Added: time.Now(),
			})
			if err != nil {
				return err
			}
			if err := d.trust(o, "added", a.ID, func(tx *sqlstore.Stores) error {
				old, err := tx.Anchor(d.ctx, a.ID)
				switch {
				case errors.Is(err, fault.NotFound):
				case err != nil:
					return err
				case !c.Replace:
					return fmt.Errorf("%s is on the list; --replace changes it", old.Name)
				default:
					a.Added = old.Added
				}
				return tx.SaveAnchor(d.ctx, a)
			}); err != nil {
				return err
			}
			d.printf("%s  %s\n", a.ID, a.Name)
		}
		return nil
	})
}

// certificatesIn takes the certificates out of a file.
func certificatesIn(content []byte) [][]byte {
	if !bytes.Contains(content, []byte("-----BEGIN")) {
		return [][]byte{content}
	}
	var out [][]byte
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return out
		}
		if block.Type == "CERTIFICATE" {
			out = append(out, block.Bytes)
		}
	}
}

// trust changes the list and records it, in one transaction.
func (d *desk) trust(o *stores.Opened, what, id string, f func(*sqlstore.Stores) error) error {
	return o.Atomically(d.ctx, func(tx *sqlstore.Stores) error {
		if err := f(tx); err != nil {
			return err
		}
		return tx.RecordEvent(d.ctx, audit.Event{At: time.Now(), Kind: audit.TrustChanged, Reason: what, Detail: map[string]string{"anchor": id}})
	})
}

type trustList struct {
	JSON bool `help:"With addresses and certificates, as JSON."`
}

func (c *trustList) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.Anchors(d.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return d.json(all)
		}
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tKEY\tACCREDITED FROM\tUNTIL\tREVOCATION")
		for _, a := range all {
			key := "?"
			if cert, err := x509.ParseCertificate(a.DER); err == nil {
				key = certificate.AlgorithmOf(cert)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", a.ID[:16], a.Name, key, day(a.From), day(a.Until), sources(a))
		}
		return w.Flush()
	})
}

func sources(a *certificate.Anchor) string {
	out := fmt.Sprintf("%d lists, %d responders", len(a.CRLs), len(a.OCSP))
	if a.Follow {
		out += ", those that certificates name"
	}
	if a.Failure != "" {
		out += ", " + string(a.Failure)
	}
	return out
}

type trustRemove struct {
	ID string `arg:"" help:"The id, or as much of its beginning as trust list shows."`
}

// Run takes a root off the list. What was confirmed under it stands until it is recalled.
func (c *trustRemove) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.Anchors(d.ctx)
		if err != nil {
			return err
		}
		var found []*certificate.Anchor
		for _, a := range all {
			if len(c.ID) >= 8 && strings.HasPrefix(a.ID, strings.ToLower(c.ID)) {
				found = append(found, a)
			}
		}
		if len(found) != 1 {
			return fmt.Errorf("%d roots begin with %q, want one: %w", len(found), c.ID, fault.NotFound)
		}
		if err := d.trust(o, "removed", found[0].ID, func(tx *sqlstore.Stores) error { return tx.DeleteAnchor(d.ctx, found[0].ID) }); err != nil {
			return err
		}
		d.printf("%s is off the list; confirmations made under it stand until they are recalled\n", found[0].Name)
		return nil
	})
}
