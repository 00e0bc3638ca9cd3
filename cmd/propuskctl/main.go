// Command propuskctl is the administrator's command line. It opens the stores of an installation and calls
// the same domain functions in the same transactions as the provider, which may be running beside it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/cmd/internal/stores"
)

// A commandLine is all that can be asked.
type commandLine struct {
	Config string `help:"The provider's configuration file." type:"existingfile" xor:"place" placeholder:"FILE"`
	Data   string `help:"The directory of a demo." type:"path" xor:"place" placeholder:"DIR"`

	Migrate migrateCommand `cmd:"" help:"Bring the database up to this program's version."`
	RP      struct {
		Add    rpAdd    `cmd:"" help:"Register a relying party, or change one with --replace."`
		List   rpList   `cmd:"" help:"List relying parties."`
		Show   rpShow   `cmd:"" help:"Show a registration as JSON."`
		Remove rpRemove `cmd:"" help:"Remove a relying party. Its tokens are refused from then on."`
	} `cmd:"" name:"rp" help:"Relying parties."`
	Partner struct {
		Add       partnerAdd       `cmd:"" help:"Register a partner, or change one with --replace."`
		List      partnerList      `cmd:"" help:"List partners."`
		Show      partnerShow      `cmd:"" help:"Show a registration as JSON."`
		Disable   partnerDisable   `cmd:"" help:"Switch a partner off: its tokens are refused from then on."`
		Key       partnerKey       `cmd:"" help:"Make a key pair, for trying the partner API."`
		Assertion partnerAssertion `cmd:"" help:"Sign an assertion for the token endpoint."`
		Proof     partnerProof     `cmd:"" help:"Sign a DPoP proof for one call."`
	} `cmd:"" help:"Banks and others who speak by program."`
	Centre struct {
		Add  centreAdd  `cmd:"" help:"Add or change a service centre."`
		List centreList `cmd:"" help:"List service centres."`
	} `cmd:"" help:"Service centres."`
	Operator struct {
		Add    operatorAdd    `cmd:"" help:"Make an account an operator or an administrator."`
		List   operatorList   `cmd:"" help:"List staff."`
		Remove operatorRemove `cmd:"" help:"Take the role away."`
	} `cmd:"" help:"Staff of service centres."`
	Account struct {
		Show     accountShow     `cmd:"" help:"Show an account, personal data masked."`
		Lower    accountLower    `cmd:"" help:"Lower an account at once: sessions and tokens end, relying parties are told."`
		Withdraw accountWithdraw `cmd:"" help:"Take one confirmation back at once: sessions and tokens end, the citizen is told."`
		Reopen   accountReopen   `cmd:"" help:"Open an account that was closed because its owner was reported deceased, and is not."`
		Release  accountRelease  `cmd:"" help:"Give back a confirmation that its citizen froze with the link of a message, by mistake."`
	} `cmd:"" help:"Citizens' accounts."`
	Letter letterCommands `cmd:"" help:"Registered letters with codes."`
	Recall struct {
		List        recallList        `cmd:"" help:"List recalls, newest first."`
		Sources     recallSources     `cmd:"" help:"List who has confirmed anybody: operators, centres, banks, issuers, batches."`
		Draft       recallDraft       `cmd:"" help:"Draft a recall of everything confirmed by somebody, and make its dry run."`
		Count       recallCount       `cmd:"" help:"Make the dry run anew."`
		Show        recallShow        `cmd:"" aliases:"status" help:"Show a recall, what it would do and how far it is, as JSON."`
		Drop        recallDrop        `cmd:"" help:"Give up a recall that was not approved."`
		Approve     recallApprove     `cmd:"" help:"Approve a recall as the second administrator; it starts at once."`
		Run         recallRun         `cmd:"" help:"Carry an approved recall or undo through here, where no provider runs."`
		Undo        recallUndo        `cmd:"" help:"Ask for an undo."`
		ApproveUndo recallApproveUndo `cmd:"" name:"approve-undo" help:"Approve an undo as another administrator; it starts at once."`
	} `cmd:"" help:"Recalls: take back everything confirmed by one operator, centre, bank, issuer or batch of letters."`
	Trust struct {
		Add    trustAdd    `cmd:"" help:"Put a root of qualified certificates on the trust list, or change one with --replace. A running provider knows at once."`
		List   trustList   `cmd:"" help:"List the roots."`
		Remove trustRemove `cmd:"" help:"Take a root off the list."`
	} `cmd:"" help:"The trust list of qualified certificates."`
	Keys struct {
		Create keysCreate `cmd:"" help:"Make a master key file."`
		List   keysList   `cmd:"" help:"List the keys of the ring."`
		Rotate keysRotate `cmd:"" help:"Add a key, used two minutes from now."`
	} `cmd:"" help:"Keys."`
	Audit struct {
		List auditList `cmd:"" help:"List security events of an account, or by an actor, newest first."`
	} `cmd:"" help:"Security events."`
	Why     whyCommand     `cmd:"" help:"Tell the exact reason behind an error, by the request id that it shows."`
	Gallery galleryCommand `cmd:"" help:"Show all pages in all their states."`
	Seed    seedCommand    `cmd:"" help:"Fill an empty database with accounts, for measurements."`
}

// A desk is what commands work with.
type desk struct {
	ctx  context.Context
	line *commandLine
	out  io.Writer
	log  *slog.Logger
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program, for main and for the tests of the command line.
func run(ctx context.Context, args []string, out, errOut io.Writer) (code int) {
	var line commandLine
	exited := -1
	parser, err := kong.New(&line, kong.Name("propuskctl"),
		kong.Description("The administrator's command line of Propusk. Give --config of a provider or --data of a demo."),
		kong.UsageOnError(), kong.Writers(out, errOut), kong.Exit(func(c int) { exited = c }))
	if err != nil {
		fmt.Fprintln(errOut, "propuskctl:", err)
		return 2
	}
	todo, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintln(errOut, "propuskctl:", err)
		return 2
	}
	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := todo.Run(&desk{ctx, &line, out, log}); err != nil {
		fmt.Fprintln(errOut, "propuskctl:", err)
		return 1
	}
	return 0
}

var errNoPlace = errors.New("say where: --config FILE of a provider, or --data DIR of a demo")

// place finds the installation.
func (d *desk) place() (stores.Place, error) {
	switch {
	case d.line.Config != "":
		c, err := config.Load(d.line.Config, os.Environ())
		if err != nil {
			return stores.Place{}, err
		}
		return stores.Configured(c), nil
	case d.line.Data != "":
		return stores.Demo(d.line.Data), nil
	}
	return stores.Place{}, errNoPlace
}

// with runs f on the installation's stores.
func (d *desk) with(f func(*stores.Opened) error) (err error) {
	p, err := d.place()
	if err != nil {
		return err
	}
	o, err := stores.Open(d.ctx, p, d.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	return f(o)
}

// json prints a value.
func (d *desk) json(v any) error {
	e := json.NewEncoder(d.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (d *desk) printf(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

// day prints a time for people.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
