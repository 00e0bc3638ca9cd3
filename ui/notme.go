package ui

import "time"

// NotMe is where a link from a message leads: to say that it was not the
// citizen who confirmed. Whoever has the link is not signed in, and the page
// tells no more than the message did.
type NotMe struct {
	Form
	State   string // ask, frozen, gone, expired
	Method  string // "" when expired, and when gone
	At      time.Time
	Request string // of an old link, to ask by
}

func (NotMe) PageName() string { return "not-me" }

func (NotMe) examples() []Example {
	of := NotMe{Method: "mail_code", At: at(24, 11, 40)}
	ask, frozen := of, of
	ask.State, frozen.State = "ask", "frozen"
	return []Example{
		{"asks", ask}, {"is frozen", frozen}, {"counts no more", NotMe{State: "gone"}}, {"an old link", NotMe{State: "expired", Request: "7F3K-92QD"}},
	}
}
