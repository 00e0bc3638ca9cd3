package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/propusk/propusk/cmd/internal/seed"
	"github.com/propusk/propusk/examples/bank"
	"github.com/propusk/propusk/examples/pension"
	"github.com/propusk/propusk/examples/portal"
	"github.com/propusk/propusk/examples/relyingparty"
	"github.com/propusk/propusk/examples/simulators"
	"github.com/propusk/propusk/examples/site"
	"github.com/propusk/propusk/examples/tax"
	"github.com/propusk/propusk/examples/voting"
)

// sites starts the relying parties and the outside world. They meet the provider over HTTP only.
func (d *demo) sites(ctx context.Context, group *errgroup.Group, ports opened) {
	config := func(p port, id, address string) relyingparty.Config {
		return relyingparty.Config{
			Listeners: ports[p], PublicURL: address, Issuer: d.at.Provider, ClientID: id, ClientSecret: d.secret(id),
			WorldURL: d.at.World, HTTPClient: &http.Client{Timeout: 10 * time.Second, Transport: d.calls}, Logger: d.log.With("site", id), Now: d.clock.Now,
		}
	}
	group.Go(func() error { return portal.Run(ctx, config(portPortal, "portal", d.at.Portal)) })
	group.Go(func() error {
		return tax.Run(ctx, tax.Config{Config: config(portTax, "tax", d.at.Tax), Policy: d.TaxPolicy})
	})
	group.Go(func() error { return pension.Run(ctx, config(portPension, "pension", d.at.Pension)) })
	group.Go(func() error {
		return bank.Run(ctx, bank.Config{
			Listeners: ports[portBank], PublicURL: d.at.Bank, Issuer: d.at.Provider, PartnerID: string(seed.BankID), Key: d.bankKey,
			Clients: seed.BankClients(d.people), WorldURL: d.at.World, HTTPClient: &http.Client{Timeout: 10 * time.Second, Transport: d.calls},
			Logger: d.log.With("site", "bank"), Now: d.clock.Now,
		})
	})
	group.Go(func() error { return voting.Run(ctx, config(portVoting, "voting", d.at.Voting)) })
	group.Go(func() error {
		return simulators.Run(ctx, simulators.Config{
			World: ports[portWorld], SMTP: ports[portSMTP], API: ports[portAPI], PublicURL: d.at.World,
			Dir: d.world, Token: d.token, Clock: d.clock,
			People: seed.Registered(d.people), CheckDelay: d.Checks, AutomaticPost: true,
			Seeds: seed.List(d.people, d.clients, d.at), TOTP: seed.TOTP(d.people),
			Links: d.links(), Open: d.OpenWorld, Authority: d.certifiers,
			Logger: d.log.With("site", "world"),
		})
	})
}

// links lead from the outside world to the other sites.
func (d *demo) links() []simulators.Link {
	out := []simulators.Link{{Name: site.Text{RU: "Пропуск", EN: "Propusk"}, URL: d.at.Provider}}
	for _, id := range []string{"portal", "tax", "pension", "voting", "bank"} {
		for _, c := range d.clients {
			if string(c.Party.ID) == id {
				out = append(out, simulators.Link{Name: site.Text{RU: c.Party.Name["ru"], EN: c.Party.Name["en"]}, URL: c.Party.Home})
			}
		}
	}
	return out
}

func (d *demo) secret(id string) string {
	for _, c := range d.clients {
		if string(c.Party.ID) == id {
			return c.Secret
		}
	}
	return ""
}

// table says where everything is and who can sign in.
func (d *demo) table(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nPropusk is up.\n\n")
	for _, row := range [][2]string{
		{"provider", d.at.Provider},
		{"citizen portal", d.at.Portal},
		{"tax service", d.at.Tax + "   (does not accept a posted code)"},
		{"pension fund", d.at.Pension},
		{"public initiatives", d.at.Voting + "   (only people confirmed in person)"},
		{"online bank", d.at.Bank + "   (confirms its clients: choose who you are there)"},
		{"service centre console", d.at.Provider + "/operator   (person 11, with an authenticator code)"},
		{"outside world", d.at.World + "   (SMS, mail, letters, registries, clock, authenticator codes)"},
		{"certificate listener", "port " + strconv.Itoa(d.BasePort+int(portPresent)) + ", always https   (the outside world issues certificates)"},
		{"admin, metrics", d.at.Admin + "/metrics"},
	} {
		fmt.Fprintf(w, "  %s\t%s\n", row[0], row[1])
	}
	fmt.Fprintf(w, "\n  phone\tname\tlevel\twhat for\n")
	for _, p := range d.people {
		if p.Number != 0 {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", p.Phone, p.Name(), p.Level, p.Note)
		}
	}
	fmt.Fprintf(w, "\nEverybody's password is %s. To register somebody new, use any other number that begins\n", seed.Password)
	fmt.Fprintf(w, "with +7900, and for the checks a person of %s who has no account.\n", d.at.World)
	if d.authority != nil {
		fmt.Fprintf(w, "\nThe certificates are issued by %s, which your browser does not know. Trust it there as\n", d.authority.Path)
		fmt.Fprintf(w, "an authority for web sites, or give it to a program: curl --cacert %s %s\n", d.authority.Path, d.at.Provider)
		fmt.Fprintf(w, "It can speak for this demo's hosts only.%s\n\n", map[bool]string{true: " It was made just now; forget any earlier one."}[d.authority.Made])
	}
	if d.Listen != "" {
		world := "nobody but this machine reaches the outside world"
		if d.OpenWorld {
			world = "the outside world too, with everybody's messages and codes"
		}
		fmt.Fprintf(w, "Other machines reach what listens on %s: %s.\n", d.Listen, world)
	}
	fmt.Fprintf(w, "Data is kept in %s, the log is %s. Ctrl-C ends it.\n", d.dir, filepath.Join(d.dir, "propusk.log"))
	w.Flush()
}
