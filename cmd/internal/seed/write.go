package seed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/rp"
)

// Stores are what the seeds are written to.
type Stores interface {
	account.Store
	rp.Store
	partner.Store
	centre.Store
	job.Queue
}

// Provider is what Write fills.
type Provider struct {
	Stores Stores
	// Hash hashes a password; one hash serves all the people, so that a first start takes seconds.
	Hash func(ctx context.Context, password string) (string, error)
	// File sends a citizen's data for checks, unless checks of theirs are running.
	File func(ctx context.Context, id account.ID, p account.Person) error
	Wall func() time.Time
	// Partners are registered beside the clients.
	Partners []partner.Partner
}

// Write brings the provider up to the seeds. What stands already is left as it is, except for the
// registration of the clients, which follows the addresses.
func Write(ctx context.Context, p Provider, people []Person, clients []Client) error {
	for _, c := range Centres() {
		if err := p.Stores.SaveCentre(ctx, c); err != nil {
			return fmt.Errorf("seed: centre %s: %w", c.ID, err)
		}
	}
	for _, c := range clients {
		if err := p.client(ctx, c); err != nil {
			return fmt.Errorf("seed: client %s: %w", c.Party.ID, err)
		}
	}
	for _, k := range p.Partners {
		if err := p.partner(ctx, k); err != nil {
			return fmt.Errorf("seed: partner %s: %w", k.ID, err)
		}
	}
	hash := "" // made when the first person is missing
	for _, who := range people {
		if who.Number == 0 {
			continue
		}
		if err := p.person(ctx, who, &hash); err != nil {
			return fmt.Errorf("seed: person %02d: %w", who.Number, err)
		}
	}
	return nil
}

// client registers a party, unless it stands as it should: a change would empty every cache.
func (p Provider) client(ctx context.Context, c Client) error {
	old, err := p.Stores.Party(ctx, c.Party.ID)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	want := c.Party
	if err == nil {
		if want.Changed = old.Changed; reflect.DeepEqual(*old, want) {
			return nil
		}
	}
	want.Changed = p.Wall()
	return p.Stores.SaveParty(ctx, &want)
}

// partner registers a partner, unless it stands as it should.
func (p Provider) partner(ctx context.Context, want partner.Partner) error {
	old, err := p.Stores.Partner(ctx, want.ID)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	if err == nil {
		want.Changed, want.Disabled = old.Changed, old.Disabled
		if reflect.DeepEqual(*old, want) {
			return nil
		}
	}
	want.Changed = p.Wall()
	return p.Stores.SavePartner(ctx, &want)
}

func (p Provider) person(ctx context.Context, who Person, hash *string) error {
	found, err := p.Stores.FindAccount(ctx, account.ByPhone, who.Phone.String())
	if err == nil {
		return p.settle(ctx, who, found.ID)
	}
	if !errors.Is(err, fault.NotFound) {
		return err
	}
	if *hash == "" {
		if *hash, err = p.Hash(ctx, Password); err != nil {
			return err
		}
	}
	a, err := who.account(*hash)
	if err != nil {
		return err
	}
	if err := p.Stores.CreateAccount(ctx, a); err != nil {
		return err
	}
	if a.Level >= account.Standard {
		if err := p.Stores.EnqueueAt(ctx, p.Wall(), job.Job{Kind: registry.JobLapse, Ref: a.ID.String()}); err != nil {
			return err
		}
	}
	return p.settle(ctx, who, a.ID)
}

// settle sees to what stands beside the account: a running application, a role.
func (p Provider) settle(ctx context.Context, who Person, id account.ID) error {
	if who.Checking {
		if err := p.File(ctx, id, who.Person); err != nil {
			return err
		}
	}
	return p.role(ctx, who, id)
}

// account walks a new account up to the person's level, by the rules that citizens rise by.
func (who Person) account(hash string) (*account.Account, error) {
	id, err := account.NewID(rand.Reader)
	if err != nil {
		return nil, err
	}
	names := account.Person{
		FamilyName: who.Person.FamilyName, GivenName: who.Person.GivenName, Patronymic: who.Person.Patronymic,
	}
	a := &account.Account{
		Standing: account.Standing{ID: id, Level: account.Simplified},
		Created:  epoch.AddDate(0, -2, 0),
		Lang:     "ru",
		Profile: account.Profile{
			Person: names,
			Contacts: []account.Contact{
				{Kind: account.Phone, Value: who.Phone.String(), Proved: epoch.AddDate(0, -2, 0)},
				{Kind: account.Email, Value: who.Email.Key(), Proved: epoch.AddDate(0, -2, 0)},
			},
			Processing: account.Processing{Version: "2025-01", At: epoch.AddDate(0, -2, 0)},
		},
		Credential: account.Credential{Password: hash, PasswordChanged: epoch.AddDate(0, -2, 0)},
	}
	if who.TOTP != "" {
		a.Credential.TOTP = &account.TOTP{Secret: who.TOTP, Since: epoch}
	}
	if who.Level >= account.Standard {
		address := who.Address
		a.Profile.Address = &address
		a.Agree(who.Person, epoch.AddDate(0, -1, 0))
	}
	for i, m := range who.Methods {
		c := account.Confirmation{ID: fmt.Sprintf("seed-%02d-%s", who.Number, m), Method: m, At: epoch.AddDate(0, 0, 7*i)}
		switch m {
		case account.ServiceCenter:
			c.Centre = mainCentre
		case account.MailCode:
			c.Track = fmt.Sprintf("8000000000%04d", who.Number)
		case account.Bank:
			c.Organization = "Банк «Заречный», БИК 040000999"
		case account.QualifiedSignature, account.ElectronicCard: // the certificate's issuer and number
			c.Organization = "CN=УЦ Заречный, O=Удостоверяющий центр «Заречный», C=RU"
			c.Serial = fmt.Sprintf("5a00c0ffee%06x", who.Number)
		}
		if err := a.Confirm(c); err != nil {
			return nil, err
		}
	}
	if who.Locked {
		a.Lock = account.Lock{Since: epoch}
	}
	return a, nil
}

// role makes the person a member of staff.
func (p Provider) role(ctx context.Context, who Person, id account.ID) error {
	if who.Role == "" {
		return nil
	}
	_, err := p.Stores.Member(ctx, id)
	if !errors.Is(err, fault.NotFound) {
		return err
	}
	return p.Stores.SaveMember(ctx, &centre.Member{Account: id, Centre: who.Centre, Role: who.Role, Window: "1", Active: true})
}
