package signin_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
)

var (
	now    = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	byMail = account.Confirmation{ID: "letter", Method: account.MailCode, At: now.Add(-48 * time.Hour)}
	byHand = account.Confirmation{ID: "visit", Method: account.ServiceCenter, At: now.Add(-time.Hour)}
)

// signedIn are the facts of a citizen verified by mail code, signed in an hour ago with a password, who
// comes to a party that asks for nothing more, and that they know.
func signedIn() *signin.Facts {
	standing := account.Standing{ID: 7, Epoch: 3, Level: account.Verified, Confirmations: []account.Confirmation{byMail}}
	return &signin.Facts{
		Request:  &signin.Request{ID: "r", Door: "oidc", Client: "tax", Scopes: []string{"openid"}, Started: now, Deadline: now.Add(time.Hour)},
		Party:    &rp.Party{ID: "tax"},
		Standing: standing,
		Consent:  &consent.Consent{Account: 7, Client: "tax", Scopes: []string{"openid"}, Until: now.Add(time.Hour)},
		Session: &session.Session{
			ID: "s", Account: 7, Epoch: 3, Kind: session.Ordinary, Started: now.Add(-time.Hour), LastSeen: now.Add(-time.Minute),
			Expires: now.Add(time.Hour), Idle: time.Hour, AuthTime: now.Add(-time.Hour), AMR: []string{"pwd"},
			Snapshot: standing.Assurance(now),
		},
		Now: now, Wall: now,
	}
}

func seconds(n int) *int { return &n }

func demand(c policy.Combination) policy.Policy {
	return policy.Policy{Accept: []policy.Combination{c}}
}

func TestNext(t *testing.T) {
	noMail := demand(policy.Combination{Level: account.Verified, Refuse: []account.Method{account.MailCode}})
	for _, tt := range []struct {
		rule string
		with func(*signin.Facts)
		want signin.StepKind
		err  string
	}{
		{"a signed-in citizen is answered at once", func(f *signin.Facts) {}, signin.Answer, ""},
		{"what was answered is stale", func(f *signin.Facts) { f.Progress.Answered = true }, signin.Stale, ""},
		{"what waited too long is stale", func(f *signin.Facts) { f.Now = f.Request.Deadline }, signin.Stale, ""},
		{"who refused is not asked again", func(f *signin.Facts) { f.Progress.Denied = true }, signin.Fail, "access_denied"},

		{"nobody signs in", func(f *signin.Facts) { f.Session = nil }, signin.SignIn, ""},
		{"nobody, silently", func(f *signin.Facts) { f.Session = nil; f.Request.Prompt = []string{"none"} }, signin.Fail, "login_required"},
		{"a session of an older epoch is dead", func(f *signin.Facts) { f.Standing.Epoch++ }, signin.SignIn, ""},
		{"a session past its end is dead", func(f *signin.Facts) { f.Session.Expires = now }, signin.SignIn, ""},
		{"a session unused for too long is dead", func(f *signin.Facts) { f.Session.LastSeen = now.Add(-2 * time.Hour) }, signin.SignIn, ""},
		{"an ended session is dead", func(f *signin.Facts) { f.Session.Ended = now }, signin.SignIn, ""},
		{"an account locked without end is not signed on", func(f *signin.Facts) { f.Standing.Lock.Since = now }, signin.SignIn, ""},
		{"a passing lock does not end what is open", func(f *signin.Facts) {
			f.Standing.Lock = account.Lock{Since: now, Until: now.Add(time.Minute)}
		}, signin.Answer, ""},
		{"the operator's session serves no citizen's door", func(f *signin.Facts) { f.Session.Kind = session.Operator }, signin.SignIn, ""},
		{"a citizen's session serves no operator", func(f *signin.Facts) { f.Request.Door, f.Party = "operator", nil }, signin.SignIn, ""},
		{"the second factor follows the first", func(f *signin.Facts) {
			f.Session, f.Progress = nil, signin.Progress{Account: 7, Epoch: 3, Factors: []string{"pwd"}, Second: true}
		}, signin.SecondFactor, ""},

		{"prompt=login asks again", func(f *signin.Facts) { f.Request.Prompt = []string{"login"} }, signin.SignIn, ""},
		{"prompt=select_account asks again", func(f *signin.Facts) { f.Request.Prompt = []string{"select_account"} }, signin.SignIn, ""},
		{"prompt=create asks, even who is signed in", func(f *signin.Facts) { f.Request.Prompt = []string{"create"} }, signin.SignIn, ""},
		{"prompt=login is content with a factor of this request", func(f *signin.Facts) {
			f.Request.Prompt, f.Progress.Session = []string{"login"}, "s"
		}, signin.Answer, ""},
		{"max_age asks again when it is exceeded", func(f *signin.Facts) { f.Request.MaxAge = seconds(60) }, signin.SignIn, ""},
		{"max_age does not ask within it", func(f *signin.Facts) { f.Request.MaxAge = seconds(7200) }, signin.Answer, ""},
		{"max_age exceeded, silently", func(f *signin.Facts) {
			f.Request.MaxAge, f.Request.Prompt = seconds(0), []string{"none"}
		}, signin.Fail, "login_required"},
		{"max_age=0 is content with a factor of this request", func(f *signin.Facts) {
			f.Request.MaxAge, f.Session.AuthTime = seconds(0), now
		}, signin.Answer, ""},
		{"another person than hinted signs in", func(f *signin.Facts) { f.Request.HintedFor = 8 }, signin.SignIn, ""},
		{"another person than hinted, silently", func(f *signin.Facts) {
			f.Request.HintedFor, f.Request.Prompt = 8, []string{"none"}
		}, signin.Fail, "login_required"},
		{"who signs in as another than hinted does not go round", func(f *signin.Facts) {
			f.Request.HintedFor, f.Progress.Session = 8, "s"
		}, signin.Fail, "login_required"},

		{"an unmet policy explains itself", func(f *signin.Facts) { f.Party.Policy = noMail }, signin.Refusal, ""},
		{"an unmet policy, silently", func(f *signin.Facts) {
			f.Party.Policy, f.Request.Prompt = noMail, []string{"none"}
		}, signin.Fail, "unmet_authentication_requirements"},
		{"a party hears access_denied if it registered so", func(f *signin.Facts) {
			f.Party.Policy, f.Party.DeniedError, f.Progress.Declined = noMail, "access_denied", true
		}, signin.Fail, "access_denied"},
		{"who turns back from the refusal goes to the party", func(f *signin.Facts) {
			f.Party.Policy, f.Progress.Declined = noMail, true
		}, signin.Fail, "unmet_authentication_requirements"},
		{"what the request demands counts like the policy", func(f *signin.Facts) { f.Request.Demand = noMail }, signin.Refusal, ""},
		{"a level that rose is offered", func(f *signin.Facts) {
			f.Party.Policy = noMail
			f.Standing.Confirmations = []account.Confirmation{byHand, byMail}
		}, signin.UseNow, ""},
		{"a level that rose is not used silently", func(f *signin.Facts) {
			f.Party.Policy, f.Request.Prompt = noMail, []string{"none"}
			f.Standing.Confirmations = []account.Confirmation{byHand, byMail}
		}, signin.Fail, "unmet_authentication_requirements"},
		{"who does not want the risen level sees the refusal", func(f *signin.Facts) {
			f.Party.Policy, f.Progress.Waived = noMail, true
			f.Standing.Confirmations = []account.Confirmation{byHand, byMail}
		}, signin.Refusal, ""},
		{"a weak sign-in is made anew", func(f *signin.Facts) { f.Party.Policy = demand(policy.Combination{Auth: "mfa"}) }, signin.SignIn, ""},
		{"a fresh sign-in that is still too weak is refused", func(f *signin.Facts) {
			f.Party.Policy, f.Progress.Session = demand(policy.Combination{Auth: "mfa"}), "s"
		}, signin.Refusal, ""},

		{"who somebody is, and at what level, is not given unasked", func(f *signin.Facts) { f.Consent = nil }, signin.Consent, ""},
		{"who somebody is, and at what level, is not given unasked, silently", func(f *signin.Facts) {
			f.Consent, f.Request.Prompt = nil, []string{"none"}
		}, signin.Fail, "consent_required"},
		{"a party that is not known hears nothing of its policy, silently", func(f *signin.Facts) {
			f.Consent, f.Party.Policy, f.Request.Prompt = nil, noMail, []string{"none"}
		}, signin.Fail, "consent_required"},
		{"data is not given unasked", func(f *signin.Facts) { f.Request.Scopes = []string{"openid", "snils"} }, signin.Consent, ""},
		{"data is not given unasked, silently", func(f *signin.Facts) {
			f.Request.Scopes, f.Request.Prompt = []string{"openid", "snils"}, []string{"none"}
		}, signin.Fail, "consent_required"},
		{"data behind the claims parameter is asked for too", func(f *signin.Facts) { f.Request.Data = []string{"snils"} }, signin.Consent, ""},
		{"a remembered consent covers", func(f *signin.Facts) {
			f.Request.Scopes = []string{"openid", "snils"}
			f.Consent = &consent.Consent{Scopes: []string{"openid", "snils", "email"}, Until: now.Add(time.Hour)}
		}, signin.Answer, ""},
		{"a consent that ran out does not cover", func(f *signin.Facts) {
			f.Request.Scopes = []string{"openid", "snils"}
			f.Consent = &consent.Consent{Scopes: []string{"openid", "snils"}, Until: now}
		}, signin.Consent, ""},
		{"prompt=consent asks again", func(f *signin.Facts) {
			f.Request.Scopes, f.Request.Prompt = []string{"openid", "snils"}, []string{"consent"}
			f.Consent.Scopes = f.Request.Scopes
		}, signin.Consent, ""},
		{"prompt=consent is content with a consent of this request", func(f *signin.Facts) {
			f.Request.Scopes, f.Request.Prompt = []string{"openid", "snils"}, []string{"consent"}
			f.Consent.Scopes = f.Request.Scopes
			f.Progress.Allowed, f.Progress.AllowedBy = f.Request.Scopes, 7
		}, signin.Answer, ""},
		{"what another person allowed in this browser is not allowed", func(f *signin.Facts) {
			f.Request.Scopes, f.Request.Prompt = []string{"openid", "snils"}, []string{"consent"}
			f.Consent.Scopes = f.Request.Scopes
			f.Progress.Allowed, f.Progress.AllowedBy = f.Request.Scopes, 8
		}, signin.Consent, ""},
		{"what was allowed and never kept is asked for again", func(f *signin.Facts) {
			f.Request.Scopes = []string{"openid", "snils"}
			f.Progress.Allowed, f.Progress.AllowedBy = f.Request.Scopes, 7
		}, signin.Consent, ""},
		{"the state's own front door needs no consent", func(f *signin.Facts) {
			f.Consent, f.Request.Scopes, f.Party.Trusted = nil, []string{"openid", "snils"}, true
		}, signin.Answer, ""},
		{"nobody allows data to a party that turns them away", func(f *signin.Facts) {
			f.Request.Scopes, f.Party.Policy = []string{"openid", "snils"}, noMail
		}, signin.Refusal, ""},
		{"our own pages ask for a session and nothing else", func(f *signin.Facts) { f.Party, f.Request.Door = nil, "web" }, signin.Answer, ""},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			f := signedIn()
			tt.with(f)
			if got := signin.Next(f); got.Kind != tt.want || got.Error != tt.err {
				t.Errorf("Next = %s %q, want %s %q", got.Kind, got.Error, tt.want, tt.err)
			}
		})
	}
}

func TestTokensSayTheLowerOfSnapshotAndPresent(t *testing.T) {
	f := signedIn()
	f.Standing.Confirmations = []account.Confirmation{byHand, byMail} // rose
	if got := signin.Next(f).Subject; len(got.Confirmations) != 1 || got.Confirmations[0].ID != "letter" {
		t.Errorf("silent sign-on rose: %v", got)
	}
	f = signedIn()
	f.Standing.RestrictedUntil = now.Add(time.Hour)
	if got := signin.Next(f).Subject.Level; got != account.Simplified {
		t.Errorf("a restricted account counts as %s", got)
	}
}

func TestACRIsTheFirstSatisfiedOrTheLevels(t *testing.T) {
	for _, tt := range []struct {
		asked []string
		want  string
	}{
		{nil, "urn:propusk:loa:verified"},
		{[]string{"phrh", "urn:propusk:loa:standard", "urn:propusk:loa:verified"}, "urn:propusk:loa:standard"},
		{[]string{"elsewhere"}, "urn:propusk:loa:verified"},
	} {
		f := signedIn()
		f.Request.ACR = tt.asked
		if got := signin.Next(f).ACR; got != tt.want {
			t.Errorf("asked %v: acr %q, want %q", tt.asked, got, tt.want)
		}
	}
}

// Whatever the facts, doing what a step asks leads on: no citizen is shown one page for ever.
func TestNextTerminates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := signedIn()
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		if flag("nobody") {
			f.Session = nil
		}
		f.Request.Door = rapid.SampledFrom([]string{"oidc", "web", "operator"}).Draw(t, "door")
		if f.Request.Door != "oidc" {
			f.Party = nil
		} else {
			f.Party.Trusted = flag("trusted")
			f.Party.Policy.Accept = rapid.SliceOfN(rapid.SampledFrom([]policy.Combination{
				{Level: account.Standard}, {Level: account.Verified, Refuse: []account.Method{account.MailCode}},
				{Auth: "mfa"}, {Auth: "phr"}, {Level: account.Verified, MaxAge: 24 * time.Hour},
			}), 0, 2).Draw(t, "policy")
		}
		f.Request.Prompt = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"login", "consent", "select_account", "create"}), 0, 3, rapid.ID[string]).Draw(t, "prompt")
		f.Request.Scopes = rapid.SampledFrom([][]string{{"openid"}, {"openid", "snils"}}).Draw(t, "scopes")
		if flag("aged") {
			f.Request.MaxAge = seconds(rapid.IntRange(0, 7200).Draw(t, "max_age"))
		}
		if flag("hinted") {
			f.Request.HintedFor = account.ID(rapid.IntRange(7, 8).Draw(t, "for"))
		}
		if flag("rose") {
			f.Standing.Confirmations = []account.Confirmation{byHand, byMail}
		}
		if f.Session != nil && flag("fell") {
			f.Session.Epoch--
		}
		second := flag("has a second factor")
		who := account.ID(rapid.IntRange(7, 8).Draw(t, "who signs in"))

		for i := range 12 {
			s := signin.Next(f)
			switch s.Kind {
			case signin.Answer, signin.Fail, signin.Stale:
				return
			case signin.SignIn, signin.UseNow:
				f.Progress = signin.Progress{Account: who, Epoch: f.Standing.Epoch, Factors: []string{"pwd"}, Second: second}
				if !second {
					begin(f, who)
				}
			case signin.SecondFactor:
				f.Progress.Factors = append(f.Progress.Factors, "otp")
				begin(f, who)
			case signin.Refusal:
				f.Progress.Declined = true
			case signin.Consent:
				f.Progress.Allowed, f.Progress.AllowedBy = f.Request.Asked(), f.Session.Account
				f.Consent = &consent.Consent{Scopes: f.Request.Asked(), Until: f.Now.Add(time.Hour)}
			}
			if i == 11 {
				t.Fatalf("still at %s after 12 steps", s.Kind)
			}
		}
	})
}

// begin is what Passed does when the last factor is passed.
func begin(f *signin.Facts, who account.ID) {
	kind := session.Ordinary
	if f.Request.Door == "operator" {
		kind = session.Operator
	}
	f.Session = &session.Session{
		ID: "new", Account: who, Epoch: f.Standing.Epoch, Kind: kind, LastSeen: f.Now, Expires: f.Now.Add(time.Hour), Idle: time.Hour,
		AuthTime: f.Wall, AMR: slices.Clone(f.Progress.Factors), Snapshot: f.Standing.Assurance(f.Now),
	}
	f.Progress.Session = "new"
}

func TestOwnPathLeadsNowhereElse(t *testing.T) {
	for path, want := range map[string]bool{
		"/account": true, "/account?x=1": true, "//evil": false, "/\\evil": false, "https://evil/": false,
		"account": false, "": false, "/a\r\nb": false, "/\t/evil": false,
	} {
		if got := signin.OwnPath(path); got != want {
			t.Errorf("OwnPath(%q) = %v, want %v", path, got, want)
		}
	}
}
