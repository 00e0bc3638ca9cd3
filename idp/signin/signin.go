// Package signin leads from a party's request to its answer: one function decides the next step.
//
//	request ─▶ sign in ─▶ second factor ─▶ refusal / use now ─▶ consent ─▶ answer
//
// A step stores its result and returns to Next, which names the next step from what is stored; so a
// reload, the back button and both doors behave alike. The request is immutable and travels sealed in the
// page's address; what changes is Progress, a Transients row under the request's id, made by the first step
// that somebody takes. A page that is only shown makes none, nor does the silent path.
package signin

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/transient"
)

// A Request is what a door validated. It never changes.
type Request struct {
	ID       string    `json:"id"`
	Door     string    `json:"door"`             // who answers: "oidc", "web" (our own pages), "operator"
	Started  time.Time `json:"started"`          // Wall
	Deadline time.Time `json:"deadline"`         // Now
	Browser  []byte    `json:"browser"`          // SHA-256 of the browser-binding secret
	Lang     string    `json:"lang,omitempty"`   // "ru" or "en", from ui_locales
	Return   string    `json:"return,omitempty"` // door "web": the path of our own page to go to
	LogID    string    `json:"log_id,omitempty"` // the request id under which integrators look this up

	Client       rp.ID    `json:"client,omitempty"`
	Redirect     string   `json:"redirect,omitempty"`
	ResponseMode string   `json:"response_mode,omitempty"`
	State        string   `json:"state,omitempty"`
	Nonce        string   `json:"nonce,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
	Data         []string `json:"data,omitempty"`      // further scopes whose data the claims parameter asks for
	Challenge    string   `json:"challenge,omitempty"` // S256
	Prompt       []string `json:"prompt,omitempty"`
	MaxAge       *int     `json:"max_age,omitempty"`  // seconds
	ACR          []string `json:"acr,omitempty"`      // asked for, in order
	Demanded     []string `json:"demanded,omitempty"` // of these, what acr_values demands
	Claims       []byte   `json:"claims,omitempty"`   // the claims parameter, validated
	// Demand is the policy that acr_values and essential claims amount to; it holds besides the party's own.
	Demand    policy.Policy `json:"demand"`
	Hint      string        `json:"hint,omitempty"`       // login_hint: fills the field, decides nothing
	HintedFor account.ID    `json:"hinted_for,omitempty"` // id_token_hint: only this account may answer
}

// Prompted tells whether the party asked for a prompt value.
func (r *Request) Prompted(value string) bool {
	for _, p := range r.Prompt {
		if p == value {
			return true
		}
	}
	return false
}

// Asked lists everything that a citizen is asked to allow: the scopes, and those behind the claims
// parameter.
func (r *Request) Asked() []string {
	if len(r.Data) == 0 {
		return r.Scopes
	}
	return append(r.Scopes[:len(r.Scopes):len(r.Scopes)], r.Data...)
}

// Origin is where the answer goes, for the form-action of pages that can end the request; "" for our own.
func (r *Request) Origin() string { return origin(r.Redirect) }

// Progress is what has happened to a request so far.
type Progress struct {
	Account   account.ID `json:"account,omitempty"` // passed the first factor; nobody yet: 0
	Epoch     int        `json:"epoch,omitempty"`
	Factors   []string   `json:"factors,omitempty"`    // amr values passed in this request, in order
	At        time.Time  `json:"at,omitzero"`          // Wall: when the last factor was passed
	Foreign   bool       `json:"foreign,omitempty"`    // "someone else's computer"
	Session   session.ID `json:"session,omitempty"`    // started or renewed by this request
	Browser   []byte     `json:"browser,omitempty"`    // hash of the browser's secret since that sign-in
	Second    bool       `json:"second,omitempty"`     // the account has a second factor
	Allowed   []string   `json:"allowed,omitempty"`    // scopes allowed on the consent page just now
	AllowedBy account.ID `json:"allowed_by,omitempty"` // who allowed them
	Denied    bool       `json:"denied,omitempty"`     // the citizen refused consent
	Declined  bool       `json:"declined,omitempty"`   // turned back from the refusal page
	Waived    bool       `json:"waived,omitempty"`     // does not want to use the risen level now
	Answered  bool       `json:"answered,omitempty"`
}

// Facts are all that Next looks at.
type Facts struct {
	Request   *Request
	Progress  Progress
	Party     *rp.Party        // nil for our own pages
	Session   *session.Session // nil: no session in this browser
	Standing  account.Standing // of the session's account, if there is a session
	Consent   *consent.Consent // remembered; may be nil
	Now, Wall time.Time

	seen transient.Mark // the state in which Progress was read
}

// NeedsFactor tells that the account of Progress has a second factor not yet passed.
func (f *Facts) NeedsFactor() bool {
	return f.Progress.Account != 0 && f.Progress.Second && len(f.Progress.Factors) < 2
}

// A Step is what comes next.
type Step struct {
	Kind     StepKind
	Decision policy.Decision   // Refusal, UseNow
	Error    string            // Fail: an OAuth error code for the party
	Subject  account.Assurance // Answer: what the tokens will say
	ACR      string            // Answer: the first satisfied of what was asked, or the level's
	Until    time.Time         // Answer: the end (Now) of the consent behind it; zero: none is needed
}

// A StepKind names a step.
type StepKind string

// The steps.
const (
	SignIn       StepKind = "sign-in"
	SecondFactor StepKind = "second-factor"
	UseNow       StepKind = "use-now" // the account rose since the session began, and that would do
	Refusal      StepKind = "refusal"
	Consent      StepKind = "consent"
	Answer       StepKind = "answer"
	Fail         StepKind = "fail"
	Stale        StepKind = "stale" // answered or past its deadline
)

// A Store reads and writes what a request needs in one trip.
type Store interface {
	// SignOn returns the session, its account's standing and the consent for the client (nil if none is
	// remembered). An unknown session is fault.NotFound.
	SignOn(ctx context.Context, s session.ID, client rp.ID) (*session.Session, account.Standing, *consent.Consent, error)
	// SignIn writes a new session and its event together, and returns what SignOn would say of it. An account
	// that no longer has the session's epoch is fault.NotFound, and nothing is written.
	SignIn(ctx context.Context, s *session.Session, e audit.Event, client rp.ID) (account.Standing, *consent.Consent, error)
}
