package partnerapi

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
)

// mountLetters adds what printers call.
func (d *Door) mountLetters(g *echo.Group) {
	d.act(g, "/letters/:id/status", partner.Printer, d.reportLetter)
}

// A letterStatus is the body of POST /letters/{id}/status, and of its answer.
type letterStatus struct {
	Status string    `json:"status"`
	At     time.Time `json:"at,omitzero"`
	Place  string    `json:"place,omitempty"`
	Track  string    `json:"track,omitempty"`
}

var letterForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// reportLetter takes news of a letter (confirm.Mail.Report). The same news twice is news once, so the answer
// may be kept after the effect: a crash between the two has the repeat do nothing and be answered.
func (d *Door) reportLetter(ctx context.Context, c *call) (*answer, error) {
	id := c.Param("id")
	if !letterForm.MatchString(id) {
		return nil, fault.NotFound
	}
	var in letterStatus
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	err := d.Letters.Report(ctx, id, confirm.Report{Status: confirm.LetterStatus(in.Status), At: in.At, Place: in.Place, Track: in.Track})
	if err != nil {
		return nil, err
	}
	out := letterStatus{Status: in.Status}
	if err := c.once.Keep(ctx, d.Keep, http.StatusOK, out, d.Now()); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, body: out}, nil
}
