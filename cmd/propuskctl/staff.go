package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/centre"
)

type centreAdd struct {
	ID        string `arg:"" help:"Such as 77-014."`
	NameRu    string `required:"" help:"Name, Russian."`
	NameEn    string `required:"" help:"Name, English."`
	TownRu    string `required:"" help:"Town, Russian."`
	TownEn    string `required:"" help:"Town, English."`
	AddressRu string `required:"" help:"Address, Russian."`
	AddressEn string `required:"" help:"Address, English."`
	HoursRu   string `required:"" help:"Opening hours, Russian."`
	HoursEn   string `required:"" help:"Opening hours, English."`

	Phone    string           `help:"Telephone, such as +78000000014."`
	Services []centre.Service `help:"What is done there; all if none is named." enum:"confirm,restore,register,correct,code,delete"`
	Ramp     bool             `help:"A wheelchair gets in."`
	At       string           `help:"Latitude and longitude in degrees, such as 56.312,38.134; without it the centre is not on the map."`
}

func (c *centreAdd) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		one := &centre.Centre{
			ID: c.ID, Name: words(nil, c.NameRu, c.NameEn), Town: words(nil, c.TownRu, c.TownEn),
			Address: words(nil, c.AddressRu, c.AddressEn), Hours: words(nil, c.HoursRu, c.HoursEn),
		}
		one.Phone, one.Services, one.Ramp = c.Phone, c.Services, c.Ramp
		if c.At != "" {
			at, err := centre.ParsePlace(c.At)
			if err != nil {
				return err
			}
			one.At = &at
		}
		if err := o.SaveCentre(d.ctx, one); err != nil {
			return err
		}
		return d.json(one)
	})
}

type centreList struct{}

func (centreList) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.Centres(d.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "CENTRE\tNAME\tTOWN\tADDRESS")
		for _, c := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.ID, c.Name["ru"], c.Town["ru"], c.Address["ru"])
		}
		return w.Flush()
	})
}

type operatorAdd struct {
	Account string `arg:"" help:"Account id, or mobile number."`
	Centre  string `required:"" help:"Id of the service centre."`
	Role    string `help:"operator or administrator." enum:"operator,administrator" default:"operator"`
	Window  string `help:"The window where they sit." default:"1"`
}

// errNoFactor refuses staff without a second factor: the console asks for it each time.
var errNoFactor = errors.New("the account has no authenticator app; staff sign in with one, so it is set up first on the security page")

func (c *operatorAdd) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		a, err := find(d, o, c.Account)
		if err != nil {
			return err
		}
		if a.Credential.TOTP == nil {
			return errNoFactor
		}
		if _, err := o.Centre(d.ctx, c.Centre); err != nil {
			return fmt.Errorf("centre %s: %w", c.Centre, err)
		}
		m := &centre.Member{Account: a.ID, Centre: c.Centre, Role: centre.Role(c.Role), Window: c.Window, Active: true}
		if err := o.SaveMember(d.ctx, m); err != nil {
			return err
		}
		d.printf("%s is %s of centre %s\n", a.ID, m.Role, m.Centre)
		return nil
	})
}

type operatorList struct{}

func (operatorList) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.Members(d.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ACCOUNT\tROLE\tCENTRE\tWINDOW\tACTIVE")
		for _, m := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%t\n", m.Account, m.Role, m.Centre, m.Window, m.Active)
		}
		return w.Flush()
	})
}

type operatorRemove struct {
	Account string `arg:"" help:"Account id, or mobile number."`
}

func (c *operatorRemove) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		a, err := find(d, o, c.Account)
		if err != nil {
			return err
		}
		m, err := o.Member(d.ctx, a.ID)
		if err != nil {
			return err
		}
		// The row stays: the journal names who did what under which role.
		m.Active = false
		if err := o.SaveMember(d.ctx, m); err != nil {
			return err
		}
		d.printf("%s is no longer %s\n", a.ID, m.Role)
		return nil
	})
}
