package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/storage/sqlstore"
)

// by is the administrator who takes a step, and shows it by their second factor: a recall needs two of them.
type by struct {
	By   string `required:"" help:"The administrator who decides: account id, or mobile number beginning with +."`
	Code string `required:"" help:"The present code of their authenticator app."`
}

var errCode = errors.New("wrong code, or one that was used already")

// take finds the administrator and uses up their code.
func (b by) take(d *desk, o *stores.Opened) (account.ID, error) {
	a, err := find(d, o, b.By)
	if err != nil {
		return 0, err
	}
	_, err = o.ChangeAccount(d.ctx, a.ID, func(a *account.Account) error { return authn.TakeCode(a, b.Code, time.Now()) })
	if errors.Is(err, authn.ErrCode) {
		return 0, errCode
	}
	return a.ID, err
}

// recalls makes the desk of recalls over an installation's stores.
func recalls(d *desk, o *stores.Opened) *recall.Desk {
	return recall.New(recall.Config{
		Store: o.Records, Parties: o.Records, Notices: o.Notices, Now: o.Now, Wall: func() time.Time { return time.Now().UTC() }, Log: d.log,
		Atomically: func(ctx context.Context, f func(recall.Tx) error) error {
			return o.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	})
}

type recallList struct{}

func (recallList) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.Recalls(d.ctx, 100)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "RECALL\tSTATE\tKIND\tSOURCE\tFROM\tUNTIL\tACCOUNTS")
		for _, r := range all {
			n := "-"
			if r.Counts != nil {
				n = fmt.Sprint(r.Counts.Accounts)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.State, r.Kind, r.Value, day(r.From), day(r.Until), n)
		}
		return w.Flush()
	})
}

type recallSources struct{}

func (recallSources) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KIND\tSOURCE")
		for _, kind := range recall.Kinds() {
			all, err := o.Confirmers(d.ctx, kind, 10_000)
			if err != nil {
				return err
			}
			for _, v := range all {
				fmt.Fprintf(w, "%s\t%s\n", kind, v)
			}
		}
		return w.Flush()
	})
}

type recallDraft struct {
	by
	Operator string    `help:"Everything confirmed by this operator: account id, or mobile number beginning with +." xor:"source"`
	Centre   string    `help:"Everything confirmed in this service centre." xor:"source"`
	Bank     string    `help:"Everything confirmed by this bank, as recall sources names it." xor:"source"`
	Issuer   string    `help:"Everything confirmed with certificates of this issuer." xor:"source"`
	Batch    string    `help:"Everything confirmed with this batch of letters." xor:"source"`
	From     time.Time `required:"" help:"Beginning of the window, such as 2026-11-01T00:00:00+03:00."`
	Until    time.Time `required:"" help:"Its end, not included, and not in the future."`
	Reason   string    `required:"" help:"Why, for the record; no personal data."`
}

func (c *recallDraft) source(d *desk, o *stores.Opened) (recall.Source, error) {
	switch {
	case c.Operator != "":
		// Of an operator whose account is erased the number alone is left.
		if id, err := account.ParseID(c.Operator); err == nil {
			return recall.Source{Kind: recall.Operator, Value: id.String()}, nil
		}
		a, err := find(d, o, c.Operator)
		if err != nil {
			return recall.Source{}, err
		}
		return recall.Source{Kind: recall.Operator, Value: a.ID.String()}, nil
	case c.Centre != "":
		return recall.Source{Kind: recall.Centre, Value: c.Centre}, nil
	case c.Bank != "":
		return recall.Source{Kind: recall.Bank, Value: c.Bank}, nil
	case c.Issuer != "":
		return recall.Source{Kind: recall.Issuer, Value: c.Issuer}, nil
	case c.Batch != "":
		return recall.Source{Kind: recall.Batch, Value: c.Batch}, nil
	}
	return recall.Source{}, errors.New("say whose: --operator, --centre, --bank, --issuer or --batch")
}

func (c *recallDraft) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		s, err := c.source(d, o)
		if err != nil {
			return err
		}
		who, err := c.take(d, o)
		if err != nil {
			return err
		}
		r, err := recalls(d, o).Draft(d.ctx, who, recall.Plan{Filter: recall.Filter{Source: s, From: c.From, Until: c.Until}, Reason: c.Reason})
		if err != nil {
			return err
		}
		return d.counted(o, r.ID)
	})
}

// counted makes the dry run here, if no provider was quicker, and shows it.
func (d *desk) counted(o *stores.Opened, id recall.ID) error {
	if _, err := recalls(d, o).Count(d.ctx, id); err != nil {
		return err
	}
	return d.showRecall(o, id)
}

func (d *desk) showRecall(o *stores.Opened, id recall.ID) error {
	r, err := o.Recall(d.ctx, id)
	if err != nil {
		return err
	}
	p, err := o.Progress(d.ctx, id)
	if err != nil {
		return err
	}
	return d.json(struct {
		*recall.Recall
		Progress recall.Progress `json:"progress"`
	}{r, p})
}

type recallID struct {
	Recall string `arg:"" help:"Id of the recall."`
}

type recallShow struct{ recallID }

func (c *recallShow) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error { return d.showRecall(o, recall.ID(c.Recall)) })
}

type recallCount struct {
	recallID
	by
}

func (c *recallCount) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		who, err := c.take(d, o)
		if err != nil {
			return err
		}
		if _, err := recalls(d, o).Recount(d.ctx, recall.ID(c.Recall), who); err != nil {
			return err
		}
		return d.counted(o, recall.ID(c.Recall))
	})
}

type recallDrop struct {
	recallID
	by
}

func (c *recallDrop) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		who, err := c.take(d, o)
		if err != nil {
			return err
		}
		_, err = recalls(d, o).Drop(d.ctx, recall.ID(c.Recall), who)
		return err
	})
}

type recallApprove struct {
	recallID
	by
	Accounts int `required:"" help:"How many accounts the dry run counted: to show that you have seen it."`
}

func (c *recallApprove) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		r, err := o.Recall(d.ctx, recall.ID(c.Recall))
		if err != nil {
			return err
		}
		if r.Counts == nil || r.Counts.Accounts != c.Accounts {
			return fmt.Errorf("the dry run did not count %d accounts; look with: propuskctl recall show %s", c.Accounts, r.ID)
		}
		who, err := c.take(d, o)
		if err != nil {
			return err
		}
		if _, err := recalls(d, o).Approve(d.ctx, r.ID, who, r.Version); err != nil {
			return err
		}
		d.printf("%s is approved; the provider runs it, and where none runs: propuskctl recall run %s\n", r.ID, r.ID)
		return nil
	})
}

type recallRun struct{ recallID }

// Run carries an approved recall or undo through here. A provider may be doing so too.
func (c *recallRun) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		run := recalls(d, o).Handlers()[recall.JobRun]
		for {
			err := run(d.ctx, c.Recall)
			var again job.Again
			if errors.As(err, &again) && again.After == 0 {
				continue
			}
			if errors.As(err, &again) {
				d.printf("some accounts could not be treated now; the provider tries them again\n")
				err = nil
			}
			if err != nil {
				return err
			}
			return d.showRecall(o, recall.ID(c.Recall))
		}
	})
}

type recallUndo struct {
	recallID
	by
	Reason string `required:"" help:"Why, for the record; no personal data."`
}

func (c *recallUndo) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		who, err := c.take(d, o)
		if err != nil {
			return err
		}
		if _, err := recalls(d, o).AskUndo(d.ctx, recall.ID(c.Recall), who, c.Reason); err != nil {
			return err
		}
		d.printf("an undo of %s is asked for; another administrator approves it\n", c.Recall)
		return nil
	})
}

type recallApproveUndo struct {
	recallID
	by
}

func (c *recallApproveUndo) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		r, err := o.Recall(d.ctx, recall.ID(c.Recall))
		if err != nil {
			return err
		}
		who, err := c.take(d, o)
		if err != nil {
			return err
		}
		if _, err := recalls(d, o).ApproveUndo(d.ctx, r.ID, who, r.Version); err != nil {
			return err
		}
		d.printf("the undo of %s is approved; the provider runs it, and where none runs: propuskctl recall run %s\n", r.ID, r.ID)
		return nil
	})
}
