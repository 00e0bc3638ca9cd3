package ui

import (
	"slices"
	"time"
)

// LadderStep is one of the three steps of the account home.
type LadderStep struct {
	Level       string
	Here, Ahead bool
	Since       time.Time
	Running     string
	Until       time.Time
	URL         string
}

// Ladder is the way up as the home page shows it. What runs stands on the
// step it leads to.
func (p Account) Ladder() []LadderStep {
	levels := []string{"simplified", "standard", "verified"}
	since := []time.Time{p.SimplifiedSince, p.StandardSince, p.VerifiedSince}
	here := max(0, slices.Index(levels, p.Level))
	out := make([]LadderStep, len(levels))
	for i, l := range levels {
		out[i] = LadderStep{Level: l, Here: i == here, Ahead: i > here, Since: since[i]}
		switch {
		case i <= here:
		case l == "standard" && p.Running == "checks":
			out[i].Running, out[i].Until, out[i].URL = p.Running, p.RunningUntil, "/account/checks"
		case l == "verified" && p.Running == "letter":
			out[i].Running, out[i].Until, out[i].URL = p.Running, p.RunningUntil, "/account/confirm/letter"
		}
	}
	return out
}

// NextPath is where the one offered act begins.
func (p Account) NextPath() string {
	usual := map[string]string{
		"profile": "/account/profile", "checks": "/account/checks", "confirm": "/account/confirm",
		"letter": "/account/confirm/letter", "use_now": "/account/use-now",
	}
	return otherwise(usual[p.Next], p.NextURL)
}

// LetterStep is one line of a letter's track.
type LetterStep struct {
	LetterEvent
	State string // done, now, bad, todo
}

// Steps are what happened to the letter and what will; a letter that came
// back has nothing ahead of it.
func (p Letter) Steps() []LetterStep {
	order := []string{"ordered", "accepted", "printed", "handed_over", "in_transit", "arrived", "delivered"}
	now := slices.Index(order, p.Status)
	var out []LetterStep
	for i, status := range order {
		step := LetterStep{LetterEvent: LetterEvent{Status: status}, State: "todo"}
		for _, e := range p.Events {
			if e.Status == status {
				step.LetterEvent = e
			}
		}
		if i <= now || p.Status == "returned" && !step.At.IsZero() {
			step.State = "done"
		}
		if i == now && p.State == "live" && status != "delivered" {
			step.State = "now"
		}
		if step.State == "todo" && p.State != "live" {
			continue
		}
		out = append(out, step)
	}
	if p.Status == "returned" {
		step := LetterStep{LetterEvent: LetterEvent{Status: "returned"}, State: "bad"}
		for _, e := range p.Events {
			if e.Status == "returned" {
				step.LetterEvent = e
			}
		}
		out = append(out, step)
	}
	return out
}

// Main is the reason that the heading is about.
func (p Refusal) Main() string {
	for _, r := range []string{"locked_by_citizen", "level_too_low", "method_refused", "confirmation_too_old", "authentication_too_weak"} {
		if slices.Contains(p.Reasons, r) {
			return r
		}
	}
	return "level_too_low"
}

// Takes tells whether the service accepts a method that the person has.
func (p Refusal) Takes(method string) bool {
	return len(p.Need.Methods) == 0 || slices.Contains(p.Need.Methods, method)
}

// Others are the ways after the shortest.
func (p Refusal) Others() []Way {
	if len(p.Ways) < 2 {
		return nil
	}
	return p.Ways[1:]
}
