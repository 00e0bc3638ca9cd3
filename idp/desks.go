package idp

import (
	"fmt"
	"maps"
	"strings"

	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/authn/passkey"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/certificate/gost"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/print"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/notice/mail"
	"github.com/propusk/propusk/idp/notice/sms"
	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/idp/recovery"
	"github.com/propusk/propusk/idp/register"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/registry/interior"
	"github.com/propusk/propusk/idp/registry/pension"
	"github.com/propusk/propusk/idp/registry/tax"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/shift"
	"github.com/propusk/propusk/idp/signal"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/tidings"
	"github.com/propusk/propusk/idp/tidings/feed"
	"github.com/propusk/propusk/idp/transient"
	"github.com/propusk/propusk/idp/wish"
	"github.com/propusk/propusk/storage/sqlstore"
)

// processing is the version of the consent to the processing of personal data that new citizens give.
const processing = "2026-11"

// desks are the domain, ready to work.
type desks struct {
	notices  *notice.Notices
	sessions *session.Desk
	signIn   *signin.Desk
	authn    *authn.Desk
	keys     *passkey.Desk
	register *register.Desk
	recovery *recovery.Desk
	contacts *contact.Desk
	registry *registry.Desk
	letters  *confirm.Mail
	visits   *confirm.Visits

	certificates *certificate.Desk
	recalls      *recall.Desk
	tidings      *tidings.Desk
	bank         *bank.Desk
	shifts       *shift.Desk
	locks        *lock.Desk
	wishes       *wish.Desk
	disowner     *confirm.Disowner
}

func newDesks(c Config, p *Provider) (*desks, error) {
	records, ring, transients := p.Records, p.Keyring.Ring, p.stores.Transients
	issuer := strings.TrimSuffix(c.Issuer.String(), "/")
	d := &desks{}

	var err error
	if d.notices, err = notice.New(notice.Config{Issuer: issuer, Help: c.Help, Now: c.Now}); err != nil {
		return nil, fmt.Errorf("idp: messages: %w", err)
	}
	d.disowner = confirm.NewDisowner(confirm.DisownConfig{
		Read: records, Atomically: within(records, func(tx *sqlstore.Stores) confirm.Tx { return tx }), Ring: ring,
		Notices: d.notices, Now: c.Now, Wall: c.Wall,
	})
	mails, err := mail.New(c.Mail)
	if err != nil {
		return nil, fmt.Errorf("idp: mail: %w", err)
	}
	sender := &notice.Sender{
		Store: records, Now: c.Now, Log: c.Log,
		Carriers: map[notice.Channel]notice.Carrier{notice.SMS: sms.New(c.SMS.outside()), notice.Mail: mails},
	}
	maps.Copy(p.handlers, sender.Handlers())

	d.sessions = session.New(session.Config{Now: c.Now, Wall: c.Wall, Lives: c.Sessions})
	d.signIn = signin.New(signin.Config{
		Ring: ring, Box: transient.NewBox[signin.Progress](transients, ring, "signin", c.Now),
		Records: records, Parties: p.Parties, Sessions: d.sessions,
		Atomically: within(records, func(tx *sqlstore.Stores) signin.Tx { return tx }), Now: c.Now, Wall: c.Wall,
	})

	known := password.NewBlocklist()
	if c.Passwords.Breached != "" {
		if err := known.Load(c.Passwords.Breached); err != nil {
			return nil, fmt.Errorf("idp: breached passwords: %w", err)
		}
	}
	rules := password.Rules{Profile: c.Passwords.Profile, Known: known}
	hasher := password.NewHasherBy(c.Passwords.Derive, c.Passwords.Params, c.Passwords.Limit)
	d.authn = authn.New(authn.Config{
		Accounts: records, Atomically: within(records, func(tx *sqlstore.Stores) authn.Tx { return tx }),
		Transients: transients, Ring: ring, Hasher: hasher, Rules: rules, Notices: d.notices, Sessions: d.sessions,
		Issuer: c.Issuer.Hostname(), Now: c.Now, Wall: c.Wall, Log: c.Log,
	})
	if d.keys, err = passkey.New(passkey.Config{
		Issuer: c.Issuer, Site: "Пропуск", Accounts: records, Atomically: within(records, func(tx *sqlstore.Stores) passkey.Tx { return tx }),
		Transients: transients, Ring: ring, Factors: d.authn, Notices: d.notices, Now: c.Now, Wall: c.Wall, Log: c.Log,
	}); err != nil {
		return nil, fmt.Errorf("idp: %w", err)
	}
	d.shifts = shift.New(shift.Config{Read: records, Transients: transients, Ring: ring, Now: c.Now, Wall: c.Wall})
	d.register = register.New(register.Config{
		Accounts: records, Atomically: within(records, func(tx *sqlstore.Stores) register.Tx { return tx }),
		Transients: transients, Ring: ring, Hasher: hasher, Rules: rules, Notices: d.notices,
		Processing: processing, Now: c.Now, Wall: c.Wall,
	})
	d.recovery = recovery.New(recovery.Config{
		Accounts: records, Atomically: within(records, func(tx *sqlstore.Stores) recovery.Tx { return tx }),
		Transients: transients, Ring: ring, Hasher: hasher, Rules: rules, Notices: d.notices, Now: c.Now, Wall: c.Wall,
	})
	maps.Copy(p.handlers, d.recovery.Handlers())
	d.contacts = contact.New(contact.Config{
		Accounts: records, Atomically: within(records, func(tx *sqlstore.Stores) contact.Tx { return tx }),
		Transients: transients, Ring: ring, Notices: d.notices, Now: c.Now, Wall: c.Wall,
	})
	maps.Copy(p.handlers, d.contacts.Handlers())

	at := func(base string) outside.Config {
		return outside.Config{Base: base, Token: c.Registries.Token, Timeout: c.Registries.Timeout}
	}
	d.registry = registry.New(registry.Config{
		Store: records, Atomically: within(records, func(tx *sqlstore.Stores) registry.Tx { return tx }),
		Counter: transients,
		Pension: pension.New(at(c.Registries.Pension)), Interior: interior.New(at(c.Registries.Interior)), Tax: tax.New(at(c.Registries.Tax)),
		Notices: d.notices, Now: c.Now, Wall: c.Wall, Log: c.Log, FirstPause: c.Registries.Poll,
	})
	maps.Copy(p.handlers, d.registry.Handlers())
	press := print.Press{Issuer: issuer, Help: c.Help}
	letters := confirm.MailConfig{
		Store: records, Atomically: within(records, func(tx *sqlstore.Stores) confirm.Tx { return tx }),
		Print: press.Letter, Ring: ring, Notices: d.notices, Now: c.Now, Wall: c.Wall, Log: c.Log,
	}
	if err := c.carry(&letters, ring); err != nil {
		return nil, err
	}
	d.letters = confirm.NewMail(letters)
	p.tasks = append(p.tasks, d.letters.Start)
	maps.Copy(p.handlers, d.letters.Handlers())
	d.visits = confirm.NewVisits(confirm.VisitConfig{
		Read: records, Atomically: within(records, func(tx *sqlstore.Stores) confirm.VisitTx { return tx }),
		Notices: d.notices, Print: press, Codes: confirm.NewVisitCodes(transients, ring, c.Now), Ring: ring, Registry: d.registry, Processing: processing,
		Limits: &limit.Keeper{Store: transients, Digest: ring, Now: c.Now}, Two: c.TwoPersons, Now: c.Now, Wall: c.Wall,
	})
	maps.Copy(p.handlers, d.visits.Handlers())
	waits := confirm.Waits{
		Atomically: within(records, func(tx *sqlstore.Stores) confirm.Tx { return tx }), Notices: d.notices, Now: c.Now, Wall: c.Wall,
	}
	d.locks = lock.New(lock.Config{
		Read: records, Atomically: within(records, func(tx *sqlstore.Stores) lock.DeskTx { return tx }),
		Sessions: d.sessions, Notices: d.notices, Now: c.Now, Wall: c.Wall,
	}, map[lock.Kind]lock.Maker{
		lock.Contact: d.contacts.Make, lock.ContactRemoval: d.contacts.Make,
		lock.Confirmation: waits.Make, lock.Recovery: d.recovery.Make,
	})
	maps.Copy(p.handlers, d.locks.Handlers())
	d.wishes = wish.New(wish.Config{
		Read: records, Atomically: within(records, func(tx *sqlstore.Stores) wish.Tx { return tx }),
		Transients: transients, Ring: ring, Notices: d.notices, Now: c.Now, Wall: c.Wall,
	})
	maps.Copy(p.handlers, d.wishes.Handlers())
	d.bank = bank.New(bank.Config{
		Issuer: issuer, Read: records, Atomically: within(records, func(tx *sqlstore.Stores) bank.Tx { return tx }), Transients: transients, Ring: ring,
		Registry: d.registry, Partners: p.Partners, Notices: d.notices, Hasher: hasher, Rules: rules, Processing: processing,
		Sign: func(claims any) (string, error) { return p.receipt(claims) }, Now: c.Now, Wall: c.Wall, Log: c.Log,
	})
	maps.Copy(p.handlers, d.bank.Handlers())
	d.tidings = tidings.New(tidings.Config{
		Store: records, Atomically: within(records, func(tx *sqlstore.Stores) tidings.Tx { return tx }),
		Feeds: map[registry.Bureau]tidings.Feed{
			registry.Pension:  feed.New(at(c.Registries.Pension), "/pension/v1/notices"),
			registry.Interior: feed.New(at(c.Registries.Interior), "/interior/v1/notices"),
		},
		Notices: d.notices, Now: c.Now, Wall: c.Wall, Log: c.Log, Every: c.Registries.Notices,
	})
	maps.Copy(p.handlers, d.tidings.Handlers())
	p.tasks = append(p.tasks, d.tidings.Start)
	d.recalls = recall.New(recall.Config{
		Store: records, Atomically: within(records, func(tx *sqlstore.Stores) recall.Tx { return tx }),
		Parties: records, Notices: d.notices, Now: c.Now, Wall: c.Wall, Log: c.Log,
	})
	maps.Copy(p.handlers, d.recalls.Handlers())
	authorities := signal.NewClient(c.PrivateNetwork)
	d.certificates = certificate.New(certificate.Config{
		Read: records, Atomically: within(records, func(tx *sqlstore.Stores) confirm.Tx { return tx }), Transients: transients, Ring: ring,
		Notices: d.notices, Issuer: issuer, Gost: &gost.OpenSSL{Program: c.Certificates.OpenSSL, Wall: c.Wall}, Client: authorities,
		Failure: c.Certificates.Failure, Rules: c.Certificates.Rules, Now: c.Now, Wall: c.Wall, Log: c.Log,
	})
	return d, nil
}

func (a API) outside() outside.Config {
	return outside.Config{Base: a.URL, Token: a.Token, Timeout: a.Timeout}
}
