package main

import (
	"context"
	"errors"
	"time"

	"github.com/propusk/propusk/cmd/internal/seed"
	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/sqlstore"
)

// seed brings the schema up to date and writes whom and what the demo begins with. It runs before the
// provider opens its stores, so that nobody meets half of it.
func (d *demo) seed(ctx context.Context) (err error) {
	db, err := sqlstore.Connect(ctx, d.place.Records, sqlstore.Options{})
	if err != nil {
		return err
	}
	if err := errors.Join(db.Migrate(ctx), db.Close()); err != nil {
		return err
	}
	o, err := stores.Open(ctx, d.place, d.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	notices, err := notice.New(notice.Config{Issuer: d.at.Provider, Now: d.clock.Now})
	if err != nil {
		return err
	}
	// The desk only files here; the provider's own, with the registries behind it, does the checks.
	desk := registry.New(registry.Config{
		Store: o.Records, Notices: notices, Now: d.clock.Now, Wall: time.Now, Log: d.log,
		Atomically: func(ctx context.Context, f func(registry.Tx) error) error {
			return o.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	})
	if err := d.anchors(ctx, o); err != nil {
		return err
	}
	return seed.Write(ctx, seed.Provider{
		Stores: o.Records,
		Hash:   password.NewHasher(password.Default, password.Limit{}).Hash,
		File: func(ctx context.Context, id account.ID, p account.Person) error {
			last, err := o.LastApplication(ctx, id)
			if err == nil && last.State == registry.Running {
				return nil
			}
			_, err = desk.Submit(ctx, id, p, "ru")
			return err
		},
		Wall: time.Now, Partners: d.partners,
	}, d.people, d.clients)
}

// anchors puts the roots of the outside world's authorities on the trust list. One that is on it already
// stays as the administrator left it, but for the addresses, which move with the base port.
func (d *demo) anchors(ctx context.Context, o *stores.Opened) error {
	for _, r := range d.certifiers.Roots() {
		a, err := certificate.NewAnchor(certificate.Anchor{Name: r.Name, DER: r.DER, CRLs: r.CRLs, OCSP: []string{r.OCSP}, Added: time.Now()})
		if err != nil {
			return err
		}
		if old, err := o.Anchor(ctx, a.ID); err == nil {
			a.From, a.Until, a.Failure, a.Follow, a.Name, a.Added = old.From, old.Until, old.Failure, old.Follow, old.Name, old.Added
		}
		if err := o.SaveAnchor(ctx, a); err != nil {
			return err
		}
	}
	return nil
}
