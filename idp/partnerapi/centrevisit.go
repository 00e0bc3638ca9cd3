package partnerapi

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
)

// A visitLine is a visit of the queue; names are masked.
type visitLine struct {
	ID     string    `json:"id"`
	Number string    `json:"number"`
	Reason string    `json:"reason"`
	Status string    `json:"status"`
	Opened time.Time `json:"opened_at"`
	Name   string    `json:"name"`
	Own    bool      `json:"own"`
}

func (d *Door) listVisits(ctx context.Context, _ *call, op confirm.Operator) (*answer, error) {
	q, err := d.Visits.Queue(ctx, op)
	if err != nil {
		return nil, err
	}
	lines := func(in []confirm.QueueLine) []visitLine {
		out := []visitLine{}
		for _, l := range in {
			status := l.Outcome
			if status == "" {
				status = "open"
			}
			out = append(out, visitLine{l.ID, l.Number, string(l.Reason), status, l.Opened, l.Name, l.Own})
		}
		return out
	}
	return &answer{status: http.StatusOK, body: map[string]any{"open": lines(q.Mine), "waiting": lines(q.Waiting), "closed": lines(q.Closed)}}, nil
}

// A visitCase is a visit with what is compared. The data is there from the opening to the decision, and at no other time.
type visitCase struct {
	visitState
	Obstacle string      `json:"obstacle,omitempty"`
	Level    string      `json:"level,omitempty"`
	Person   *personData `json:"person,omitempty"`
	Compare  []string    `json:"compare,omitempty"`
	Others   []visitPeer `json:"others,omitempty"`
}

// A visitPeer is an account that may be the same person's; the name is masked.
type visitPeer struct {
	Name   string   `json:"name"`
	Level  string   `json:"level"`
	Shares []string `json:"shares"`
}

func caseAnswer(k *confirm.Case, err error) (*answer, error) {
	if err != nil {
		return nil, err
	}
	out := visitCase{visitState: stateOf(k.Visit), Obstacle: string(k.Obstacle)}
	if k.Account != nil {
		p := dataOf(k.Person)
		out.Level, out.Person, out.Compare = k.Account.Level.String(), &p, confirm.Compared(k.Person)
		for _, o := range k.Visit.Others {
			out.Others = append(out.Others, visitPeer{o.Name, o.Level, o.Shares})
		}
	}
	return &answer{status: http.StatusOK, body: out}, nil
}

func (d *Door) showVisit(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	if !visitForm.MatchString(c.Param("id")) {
		return nil, confirm.ErrNoVisit
	}
	return caseAnswer(d.Visits.Case(ctx, op, c.Param("id")))
}

func (d *Door) showSecond(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	if !visitForm.MatchString(c.Param("id")) {
		return nil, confirm.ErrNoVisit
	}
	return caseAnswer(d.Visits.Colleague(ctx, op, c.Param("id")))
}

// A comparison is the body of POST …/settlement.
type comparison struct {
	Same    map[string]bool `json:"same"`
	Face    bool            `json:"face"`
	Genuine bool            `json:"genuine"`
}

func (d *Door) settleVisit(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	var in comparison
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	v, err := d.Visits.Settle(ctx, op, c.Param("id"), confirm.Comparison{Same: in.Same, Face: in.Face, Genuine: in.Genuine})
	return visitAnswer(http.StatusOK, v, err)
}

func (d *Door) refuseVisit(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	var in struct {
		Mismatches []string `json:"mismatches"`
	}
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	v, err := d.Visits.Refuse(ctx, op, c.Param("id"), in.Mismatches)
	return visitAnswer(http.StatusOK, v, err)
}

// secondVisit is the look of a second pair of eyes. A program has both operators' shifts in its hands, and could
// be two persons by itself: so agreeing takes a code of the second one's app, fresh from their own hand.
func (d *Door) secondVisit(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	var in struct {
		Agree   *bool  `json:"agree"`
		Face    bool   `json:"face"`
		Genuine bool   `json:"genuine"`
		Code    string `json:"code"`
	}
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	if in.Agree == nil {
		return nil, fault.Fields{{Name: "agree", Code: "agree.required"}}
	}
	if *in.Agree {
		if in.Code == "" {
			return nil, fault.Fields{{Name: "code", Code: "code.required"}}
		}
		switch _, err := d.Factor.TOTP(ctx, op.Account, in.Code); {
		case errors.Is(err, fault.Limited):
			return nil, err
		case errors.Is(err, fault.Denied), errors.Is(err, fault.NotFound):
			return nil, fault.Fields{{Name: "code", Code: "code.wrong"}}
		case err != nil:
			return nil, err
		}
	}
	v, err := d.Visits.Second(ctx, op, c.Param("id"), *in.Agree, confirm.Comparison{Face: in.Face, Genuine: in.Genuine})
	return visitAnswer(http.StatusOK, v, err)
}

func (d *Door) sendVisitCode(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	var in struct {
		Phone string `json:"phone"`
	}
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	v, err := d.Visits.SendPhoneCode(ctx, op, c.Param("id"), in.Phone)
	return visitAnswer(http.StatusOK, v, err)
}

// enterVisitCode takes what the person read out. A wrong code is an answer, not an error: it has used up a try.
func (d *Door) enterVisitCode(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	var in struct {
		Code string `json:"code"`
	}
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	v, err := d.Visits.EnterPhoneCode(ctx, op, c.Param("id"), in.Code)
	if v != nil && (errors.Is(err, contact.ErrCode) || errors.Is(err, contact.ErrCodeSpent) || errors.Is(err, contact.ErrCodeOver)) {
		err = nil
	}
	return visitAnswer(http.StatusOK, v, err)
}

func (d *Door) takeData(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	var in struct {
		Person personData `json:"person"`
	}
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	p, err := in.Person.read(d.Visits.Registry.Today())
	if err != nil {
		return nil, err
	}
	v, err := d.Visits.Take(ctx, op, c.Param("id"), p)
	return visitAnswer(http.StatusOK, v, below("person", err))
}

// visitPaper answers a paper of a visit; that it came out is recorded.
func (d *Door) visitPaper(print func(*confirm.Visits, context.Context, confirm.Operator, string) (*confirm.Visit, []byte, error)) operated {
	return func(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
		if !visitForm.MatchString(c.Param("id")) {
			return nil, confirm.ErrNoVisit
		}
		v, pdf, err := print(d.Visits, ctx, op, c.Param("id"))
		if err != nil {
			return nil, err
		}
		return &answer{status: http.StatusOK, body: map[string]string{"number": v.Number, "pdf": base64.StdEncoding.EncodeToString(pdf)}}, nil
	}
}
