package operator

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) showSearch(c echo.Context) error {
	return d.searchPage(c, http.StatusOK, nil)
}

// searchPage is the search beside what the day holds.
func (d *Door) searchPage(c echo.Context, status int, wrong []ui.Fault) error {
	ctx, op := c.Request().Context(), operator(c)
	today, err := d.Visits.Today(ctx, op)
	if err != nil {
		return err
	}
	q, err := d.Visits.Queue(ctx, op)
	if err != nil {
		return err
	}
	p := ui.OperatorSearch{
		Form: ui.Form{Action: "/operator", Faults: wrong}, VisitCode: frame.Field(c, "visit-code"),
		SNILS: frame.Field(c, "snils"), DocumentNumber: frame.Field(c, "document-number"), Reason: frame.Field(c, "reason"), Today: today,
		Mine: rows(q.Mine), Waiting: rows(q.Waiting), Closed: rows(q.Closed),
	}
	if done := c.QueryParam("done"); done == "deleted" || done == "gone" {
		p.Done = done
	}
	for _, r := range confirm.VisitReasons() {
		p.Reasons = append(p.Reasons, string(r))
	}
	return d.render(c, status, "visit", p)
}

func rows(lines []confirm.QueueLine) []ui.DayRow {
	var out []ui.DayRow
	for _, l := range lines {
		out = append(out, ui.DayRow{URL: casePath(l.ID), Number: l.Number, At: l.Opened, Reason: string(l.Reason), Outcome: l.Outcome, Name: l.Name, Own: l.Own})
	}
	return out
}

func casePath(id string) string { return "/operator/visit/" + id }

// search looks for the person at the window, by the code they show or by two numbers, and opens the case.
// Nobody found is no error.
func (d *Door) search(c echo.Context) error {
	ctx, op := c.Request().Context(), operator(c)
	why := confirm.VisitReason(frame.Field(c, "reason"))
	var found *confirm.Found
	var err error
	var none ui.OperatorNone
	if code := frame.Field(c, "visit-code"); strings.TrimSpace(code) != "" {
		found, err = d.Visits.FindByCode(ctx, op, code, why)
		if errors.Is(err, confirm.ErrNoVisitCode) {
			edge.Cause(ctx, err)
			return d.searchPage(c, http.StatusUnprocessableEntity, frame.One("visit-code", "visit_code.nobody"))
		}
	} else {
		number := strings.TrimSpace(frame.Field(c, "document-number"))
		snils, snilsErr := civil.ParseSNILS(frame.Field(c, "snils"))
		none = ui.OperatorNone{SNILS: snils.Format(), DocumentNumber: number}
		found, err = d.Visits.Find(ctx, op, snils, number, why)
		var fields fault.Fields
		if errors.As(err, &fields) && snilsErr != nil {
			for i := range fields {
				if fields[i].Name == "snils" {
					fields[i].Code = civil.CodeOf(snilsErr)
				}
			}
			err = fields
		}
	}
	if wrong, ok := frame.Faults(err); ok {
		edge.Cause(ctx, err)
		return d.searchPage(c, http.StatusUnprocessableEntity, wrong)
	}
	switch {
	case errors.Is(err, confirm.ErrNobody), errors.Is(err, confirm.ErrOtherDocument):
		edge.Cause(ctx, err)
		none.OtherDocument = errors.Is(err, confirm.ErrOtherDocument)
		return d.render(c, http.StatusOK, "visit", none)
	case err != nil:
		return err
	}
	v, err := d.Visits.Open(ctx, op, found.Account, why)
	if err != nil {
		return err
	}
	return frame.See(c, firstStep(v))
}

// firstStep is where a case begins: with what must be there before the comparison.
func firstStep(v *confirm.Visit) string {
	switch confirm.VisitReason(v.Reason) {
	case confirm.ToRestore, confirm.ToRegister:
		return casePath(v.ID) + "/phone"
	case confirm.ToCorrect:
		return casePath(v.ID) + "/data"
	}
	return casePath(v.ID)
}

func (d *Door) journal(c echo.Context) error {
	acts, err := d.Visits.Journal(c.Request().Context(), operator(c))
	if err != nil {
		return err
	}
	p := ui.OperatorJournal{}
	for _, a := range acts {
		p.Rows = append(p.Rows, ui.JournalRow{At: a.At, Number: a.Number, Kind: string(a.Kind), Reason: string(a.Reason), Name: a.Name})
	}
	return d.render(c, http.StatusOK, "journal", p)
}
