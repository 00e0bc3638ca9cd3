package operator

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// RecallReader is what the pages of recalls read.
type RecallReader interface {
	Recall(ctx context.Context, id recall.ID) (*recall.Recall, error)
	Recalls(ctx context.Context, limit int) ([]*recall.Recall, error)
	Progress(ctx context.Context, id recall.ID) (recall.Progress, error)
	Confirmers(ctx context.Context, k recall.Kind, limit int) ([]string, error)
	Parties(ctx context.Context) ([]*rp.Party, error)
}

const (
	recallsListed = 100
	// sourcesListed is how many of a kind can be chosen on the page; the command line takes any.
	sourcesListed = 200
)

// moscow is the zone in which administrators give times.
var moscow = time.FixedZone("MSK", 3*60*60)

// localTime is how an input of type datetime-local writes a time; some browsers add seconds.
const localTime = "2006-01-02T15:04"

func parseLocal(s string) time.Time {
	for _, layout := range []string{localTime, localTime + ":05"} {
		if t, err := time.ParseInLocation(layout, strings.TrimSpace(s), moscow); err == nil && t.Year() > 1900 && t.Year() < 10000 {
			return t.UTC()
		}
	}
	return time.Time{}
}

func (d *Door) listRecalls(c echo.Context) error {
	ctx := c.Request().Context()
	all, err := d.RecallRead.Recalls(ctx, recallsListed)
	if err != nil {
		return err
	}
	var p ui.Recalls
	names := d.namer(c)
	for _, r := range all {
		row, err := names.row(r)
		if err != nil {
			return err
		}
		p.Rows = append(p.Rows, row)
	}
	return d.render(c, http.StatusOK, "recalls", p)
}

func (d *Door) newRecall(c echo.Context) error { return d.recallForm(c, http.StatusOK, nil) }

func (d *Door) recallForm(c echo.Context, status int, wrong []ui.Fault) error {
	ctx := c.Request().Context()
	p := ui.RecallNew{
		Form:   ui.Form{Action: "/operator/recalls/new", Faults: wrong},
		Source: frame.Field(c, "source"), From: frame.Field(c, "from"), Until: frame.Field(c, "until"), Reason: frame.Field(c, "recall-reason"),
	}
	names := d.namer(c)
	for _, kind := range recall.Kinds() {
		values, err := d.RecallRead.Confirmers(ctx, kind, sourcesListed)
		if err != nil {
			return err
		}
		g := ui.RecallGroup{Kind: string(kind)}
		for _, v := range values {
			name, err := names.source(recall.Source{Kind: kind, Value: v})
			if err != nil {
				return err
			}
			g.Sources = append(g.Sources, ui.RecallSource{Value: string(kind) + ":" + v, Name: name})
		}
		if len(g.Sources) > 0 {
			p.Groups = append(p.Groups, g)
		}
	}
	return d.render(c, status, "recalls", p)
}

func (d *Door) draftRecall(c echo.Context) error {
	kind, value, _ := strings.Cut(frame.Field(c, "source"), ":")
	r, err := d.RecallDesk.Draft(c.Request().Context(), whoever(c).account.ID, recall.Plan{
		Filter: recall.Filter{
			Source: recall.Source{Kind: recall.Kind(kind), Value: value},
			From:   parseLocal(frame.Field(c, "from")), Until: parseLocal(frame.Field(c, "until")),
		},
		Reason: frame.Field(c, "recall-reason"),
	})
	if wrong, ok := recallFaults(err, "recall-reason"); ok {
		return d.recallForm(c, http.StatusUnprocessableEntity, wrong)
	}
	if err != nil {
		return err
	}
	return frame.See(c, recallURL(r.ID))
}

// recallFaults puts what is wrong with a form beside its fields; reason is how the page calls that one.
func recallFaults(err error, reason string) ([]ui.Fault, bool) {
	var fields fault.Fields
	if !errors.As(err, &fields) {
		return nil, false
	}
	var out []ui.Fault
	for _, f := range fields {
		if f.Name == "reason" {
			f.Name = reason
		}
		out = append(out, ui.Fault{Field: f.Name, Code: f.Code})
	}
	return out, true
}

func recallURL(id recall.ID) string { return "/operator/recalls/" + string(id) }

func (d *Door) showRecall(c echo.Context) error { return d.recallPage(c, http.StatusOK, nil) }

func (d *Door) recallPage(c echo.Context, status int, wrong []ui.Fault) error {
	ctx := c.Request().Context()
	r, err := d.RecallRead.Recall(ctx, recall.ID(c.Param("id")))
	if err != nil {
		return err
	}
	progress, err := d.RecallRead.Progress(ctx, r.ID)
	if err != nil {
		return err
	}
	names := d.namer(c)
	row, err := names.row(r)
	if err != nil {
		return err
	}
	p := ui.Recall{
		Form: ui.Form{Action: recallURL(r.ID), Faults: wrong}, RecallRow: row, ID: string(r.ID), Reason: r.Reason,
		ApprovedAt: r.Approved.At, FinishedAt: r.Finished, UndoReason: r.UndoReason, UndoneAt: r.UndoneAt,
		Version: strconv.FormatInt(r.Version, 10), CountedAt: r.Counted, Done: progress.Treated, Total: progress.Total(),
	}
	if r.State == recall.Undoing || r.State == recall.Undone {
		p.Done, p.Total = progress.Back, progress.Back+progress.Treated
	}
	for _, who := range []struct {
		id   account.ID
		name *string
	}{{r.Approved.By, &p.Approver}, {r.UndoAsked.By, &p.UndoAsker}} {
		if *who.name, err = names.person(who.id); err != nil {
			return err
		}
	}
	if p.Counts, err = names.counts(r.Counts); err != nil {
		return err
	}
	d.choices(&p, r, whoever(c).account.ID)
	return d.render(c, status, "recalls", p)
}

// choices says what the reader can decide. The desk judges again when they do.
func (d *Door) choices(p *ui.Recall, r *recall.Recall, me account.ID) {
	asked := !r.UndoAsked.At.IsZero()
	switch {
	case r.Kind == recall.Operator && r.Value == me.String():
		p.Concerned = r.State == recall.Counted || r.State == recall.Draft || r.State == recall.Running || r.State == recall.Done
	case r.State == recall.Draft:
		p.CanRecount, p.CanDrop = true, true
	case r.State == recall.Counted:
		p.CanRecount, p.CanDrop = true, true
		p.Second, p.Stale = me == r.Drafted.By, d.Now().Sub(r.Counted) > recall.CountLife
		p.CanApprove = !p.Second && !p.Stale && (r.Counts.Accounts > 0 || r.Counts.Unused > 0)
	case (r.State == recall.Running || r.State == recall.Done) && asked:
		p.Second = me == r.UndoAsked.By
		p.CanDecideUndo = !p.Second
	case r.State == recall.Running || r.State == recall.Done:
		p.CanAskUndo = true
	}
}

// decideRecall takes a decision. Parameters: act; version, of the recall as it was shown.
func (d *Door) decideRecall(c echo.Context) error {
	ctx, id, me := c.Request().Context(), recall.ID(c.Param("id")), whoever(c).account.ID
	version, err := strconv.ParseInt(frame.Field(c, "version"), 10, 64)
	if err != nil || version <= 0 {
		version = -1 // of no recall
	}
	switch frame.Field(c, "act") {
	case "approve":
		_, err = d.RecallDesk.Approve(ctx, id, me, version)
	case "recount":
		_, err = d.RecallDesk.Recount(ctx, id, me)
	case "drop":
		_, err = d.RecallDesk.Drop(ctx, id, me)
	case "undo":
		_, err = d.RecallDesk.AskUndo(ctx, id, me, frame.Field(c, "undo-reason"))
	case "undo-approve":
		_, err = d.RecallDesk.ApproveUndo(ctx, id, me, version)
	case "undo-refuse":
		_, err = d.RecallDesk.KeepRecalled(ctx, id, me)
	default:
		return frame.See(c, recallURL(id))
	}
	if wrong, ok := recallFaults(err, "undo-reason"); ok {
		return d.recallPage(c, http.StatusUnprocessableEntity, wrong)
	}
	if err != nil {
		return err
	}
	return frame.See(c, recallURL(id))
}

// A namer gives names to ids, each looked up once a page.
type namer struct {
	d       *Door
	ctx     context.Context
	lang    string
	people  map[account.ID]string
	parties map[rp.ID]string
}

func (d *Door) namer(c echo.Context) *namer {
	return &namer{d: d, ctx: c.Request().Context(), lang: frame.Lang(c), people: map[account.ID]string{0: ""}}
}

// person is how a member of staff is named; whoever has no account any more is their number.
func (n *namer) person(id account.ID) (string, error) {
	if name, ok := n.people[id]; ok {
		return name, nil
	}
	a, err := n.d.Read.Account(n.ctx, id)
	switch {
	case errors.Is(err, fault.NotFound):
		n.people[id] = id.String()
	case err != nil:
		return "", err
	default:
		n.people[id] = initials(a.Profile.Person)
	}
	return n.people[id], nil
}

// source is a name for who confirmed.
func (n *namer) source(s recall.Source) (string, error) {
	switch s.Kind {
	case recall.Operator:
		id, err := account.ParseID(s.Value)
		if err != nil {
			return s.Value, nil
		}
		name, err := n.person(id)
		return name + " (" + s.Value + ")", err
	case recall.Centre:
		centre, err := n.d.Read.Centre(n.ctx, s.Value)
		switch {
		case errors.Is(err, fault.NotFound):
			return s.Value, nil
		case err != nil:
			return "", err
		case centre.Name[n.lang] != "":
			return centre.Name[n.lang] + " (" + s.Value + ")", nil
		}
	}
	return s.Value, nil
}

func (n *namer) row(r *recall.Recall) (ui.RecallRow, error) {
	row := ui.RecallRow{URL: recallURL(r.ID), Kind: string(r.Kind), From: r.From, Until: r.Until, State: string(r.State), Drafted: r.Drafted.At}
	if !r.UndoAsked.At.IsZero() && (r.State == recall.Running || r.State == recall.Done) {
		row.State = "undo_asked"
	}
	if r.Counts != nil {
		row.Accounts = r.Counts.Accounts
	}
	var err error
	if row.Source, err = n.source(r.Source); err != nil {
		return row, err
	}
	row.Drafter, err = n.person(r.Drafted.By)
	return row, err
}

func (n *namer) counts(c *recall.Counts) (*ui.RecallCounts, error) {
	if c == nil {
		return nil, nil
	}
	out := &ui.RecallCounts{Accounts: c.Accounts, Confirmations: c.Confirmations, Idle: c.Idle, Verified: c.Verified,
		Standard: c.Standard, Unused: c.Unused, Sessions: c.Sessions, Grants: c.Grants}
	if n.parties == nil {
		all, err := n.d.RecallRead.Parties(n.ctx)
		if err != nil {
			return nil, err
		}
		n.parties = map[rp.ID]string{}
		for _, p := range all {
			n.parties[p.ID] = p.Name[n.lang]
		}
	}
	for _, p := range c.Parties {
		name := n.parties[p.Client]
		if name == "" {
			name = string(p.Client)
		}
		out.Parties = append(out.Parties, ui.RecallParty{Name: name, Lost: p.Lost, Using: p.Using, Out: p.Out})
	}
	return out, nil
}
