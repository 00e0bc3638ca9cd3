package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/propusk/propusk/cmd/internal/seed"
	"github.com/propusk/propusk/idp/authn/password"
)

// load are the flags of both commands.
type load struct {
	Kinds    []string      `help:"What to measure: discovery, client-credentials, userinfo, refresh, sso, login; all if none is named."`
	Workers  int           `help:"How many work at once." default:"32"`
	Duration time.Duration `help:"How long each kind is measured." default:"10s"`
	Count    int           `help:"How many operations of each kind, if that comes first; 0: no bound." default:"0"`
	Rounds   int           `help:"How often all kinds are measured, interleaved; the table has the medians." default:"1"`
	Flood    int           `help:"Also measure single sign-on while so many wrong logins run in parallel." default:"0"`
	Scope    string        `help:"What is asked for." default:"openid profile"`
	Assert   bool          `help:"Fail where a bar of docs/performance.md is missed, and name each."`
	Slack    float64       `help:"What --assert multiplies the bars by." default:"1"`
}

type runCommand struct {
	load
	Issuer      string `help:"The provider." default:"http://localhost:8080"`
	ClientID    string `help:"A client with a secret and all grants." required:""`
	SecretFile  string `help:"File with its secret." required:"" type:"existingfile"`
	Redirect    string `help:"Its redirect address; nothing need listen there." default:"http://127.0.0.1:9/callback"`
	ProviderPID int    `help:"Process of the provider, for its processor time and memory."`
	StorePID    []int  `help:"Processes of the stores; children count with them, so PostgreSQL's first process is enough."`
}

func (c *runCommand) Run(ctx context.Context) error {
	secret, err := os.ReadFile(c.SecretFile)
	if err != nil {
		return err
	}
	t := &target{
		issuer: strings.TrimSuffix(c.Issuer, "/"), clientID: c.ClientID, secret: strings.TrimSpace(string(secret)),
		redirect: c.Redirect,
	}
	if c.Assert && c.ProviderPID == 0 {
		return errors.New("--assert needs --provider-pid")
	}
	return c.drive(ctx, t, meter{c.ProviderPID, c.StorePID, password.Default, hashesAtOnce(0)}, os.Stdout)
}

var shortNames = map[string]string{
	"discovery": "discovery", "client credentials": "client-credentials", "userinfo": "userinfo", "refresh": "refresh",
	"single sign-on login": "sso", "full login": "login",
}

func (l *load) chosen() (out []kind, err error) {
	if l.Workers < 1 || l.Workers > 1000 || l.Rounds < 1 || l.Duration <= 0 {
		return nil, errors.New("want 1 to 1000 workers, at least one round and a duration")
	}
	for _, k := range kinds() {
		if len(l.Kinds) == 0 || slices.Contains(l.Kinds, shortNames[k.name]) {
			out = append(out, k)
		}
	}
	if len(out) < len(l.Kinds) || len(out) == 0 {
		return nil, fmt.Errorf("unknown kind among %v", l.Kinds)
	}
	return out, nil
}

// ready fills in what the target needs to be driven.
func (l *load) ready(ctx context.Context, t *target) error {
	t.transport, t.scope, t.password = newTransport(l.Workers+l.Flood), l.Scope, seed.Password
	return t.discover(ctx)
}

// drive measures all that was asked for and prints the table.
func (l *load) drive(ctx context.Context, t *target, m meter, out io.Writer) error {
	chosen, err := l.chosen()
	if err != nil {
		return err
	}
	if err := l.ready(ctx, t); err != nil {
		return err
	}
	b := bounds{l.Workers, l.Duration, l.Count}
	rounds := map[string][]result{}
	for n := range l.Rounds {
		for _, k := range chosen {
			ops, err := k.ready(ctx, t, l.Workers)
			if err != nil {
				return err
			}
			r, err := measure(ctx, k, ops, m, b)
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s: %d operations\n", n+1, l.Rounds, k.name, r.ops)
			rounds[k.name] = append(rounds[k.name], r)
		}
	}
	var medians []result
	for _, k := range chosen {
		medians = append(medians, median(rounds[k.name]))
	}
	if err := l.table(ctx, out, medians, m); err != nil {
		return err
	}
	var errs []error
	if l.Assert {
		errs = append(errs, assert(medians, m, l.Slack))
	}
	if l.Flood > 0 {
		errs = append(errs, l.flood(ctx, t, b, m, out))
	}
	return errors.Join(errs...)
}

// hashesAtOnce is how many password hashes a provider admits: the setting, or 0 for half the processors.
func hashesAtOnce(admitted int) int {
	if admitted > 0 {
		return admitted
	}
	return max(runtime.NumCPU()/2, 1)
}

// median is the round whose cost is in the middle.
func median(rs []result) result {
	slices.SortFunc(rs, func(a, b result) int { return cmp.Compare(a.signatures(), b.signatures()) })
	return rs[len(rs)/2]
}

func (l *load) table(ctx context.Context, out io.Writer, rs []result, m meter) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\noperation\tops\tper second\tp50\tp95\tp99\tprovider CPU\tstores CPU\tsignature\tcost in signatures\t\n")
	for _, r := range rs {
		ops := max(r.ops, 1)
		price := "no --provider-pid"
		if m.provider != 0 {
			price = fmt.Sprintf("%.1f", r.signatures())
			if r.hash > 0 {
				price += fmt.Sprintf(" = hash %.1f %+.1f", r.signatures()-r.beside(), r.beside())
				if r.helpers > 0 {
					price += fmt.Sprintf(" (one hash in this program %.1f)", float64(r.hash)/float64(r.signature))
				}
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.name, r.ops, float64(r.ops)/r.spent.Seconds(),
			short(r.percentile(.5)), short(r.percentile(.95)), short(r.percentile(.99)),
			short(r.provider/time.Duration(ops)), short(r.stores/time.Duration(ops)), short(r.signature), price)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d workers on %d processors, median of %d rounds.\n", l.Workers, runtime.NumCPU(), l.Rounds)
	if m.provider == 0 {
		return nil
	}
	provider, stores, err := m.idle(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "With nothing to do the provider takes %s of processor time a second and the stores %s; that is in the costs above.\n",
		short(provider), short(stores))
	kib, err := peaks("/proc", m.provider)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Peak memory of the provider and its children: %d MiB, of which password hashes %.0f MiB each while admitted.\n", kib/1024, float64(m.hash.Memory)/1024)
	return nil
}

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0fms", float64(d)/1e6)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1fms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.0fµs", float64(d)/1e3)
}

// flood compares single sign-on alone with single sign-on beside parallel wrong logins.
func (l *load) flood(ctx context.Context, t *target, b bounds, m meter, out io.Writer) error {
	sso := kind{"single sign-on login", false, singleSignOn}
	b.workers = 1                            // its own waiting must not be measured as the flood's
	ops, err := sso.ready(ctx, t, b.workers) // signed in before the flood, as those it must not disturb
	if err != nil {
		return err
	}
	alone, err := measure(ctx, sso, ops, m, b)
	if err != nil {
		return err
	}
	flooding, stop := context.WithCancel(ctx)
	var tried atomic.Int64
	wait := wrongLogins(flooding, t, l.Flood, &tried)
	time.Sleep(time.Second) // until the queue of hashes is full
	beside, err := measure(ctx, sso, ops, m, b)
	stop()
	wait()
	if err != nil {
		return err
	}
	times := float64(beside.percentile(.99)) / float64(max(alone.percentile(.99), 1))
	fmt.Fprintf(out, "Single sign-on p99 alone %s, beside %d parallel wrong logins %s (%.1f times; %d tried).\n",
		short(alone.percentile(.99)), l.Flood, short(beside.percentile(.99)), times, tried.Load())
	if l.Assert {
		return held(fmt.Sprintf("single sign-on's p99 beside %d wrong logins, times", l.Flood), times, mostFlood*l.Slack)
	}
	return nil
}
