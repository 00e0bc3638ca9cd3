package storagetest

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/signal"
)

func parties(t *testing.T, s *Stores) {
	ctx := t.Context()
	_, err := s.Party(ctx, "tax")
	absent(t, "Party", err)
	p := &rp.Party{ID: "tax", Name: map[string]string{"ru": "Налоговая служба", "en": "Tax service"}, Profile: rp.Strict,
		AuthMethod: "private_key_jwt", JWKS: json.RawMessage(`{"keys":[]}`), SecretHash: []byte{0, 255},
		Redirects: []string{"http://localhost:8082/callback/tax"}, Grants: []string{"authorization_code"}, Scopes: []string{"openid"},
		IDTokenAlg: "ES256", Consent: time.Hour, Changed: s.Clock.Now(),
		Policy: policy.Policy{Accept: []policy.Combination{{Level: account.Verified, Refuse: []account.Method{account.MailCode}}}}}
	before, err := s.PartyVersion(ctx)
	ok(t, "PartyVersion", err)
	ok(t, "SaveParty", s.SaveParty(ctx, p))
	got, err := s.Party(ctx, "tax")
	ok(t, "Party", err)
	same(t, "party", got, p)
	p.Disabled = true
	ok(t, "SaveParty", s.SaveParty(ctx, p))
	ok(t, "SaveParty", s.SaveParty(ctx, &rp.Party{ID: "Bank"}))
	all, err := s.Parties(ctx)
	if err != nil || len(all) != 2 || all[0].ID != "Bank" || !all[1].Disabled {
		t.Errorf("Parties: got %v, %v; want Bank, then tax disabled", all, err)
	}
	ok(t, "DeleteParty", s.DeleteParty(ctx, "Bank"))
	absent(t, "DeleteParty again", s.DeleteParty(ctx, "Bank"))
	after, err := s.PartyVersion(ctx)
	if err != nil || after != before+4 {
		t.Errorf("version: got %d, %v; want %d after three writes and a deletion", after, err, before+4)
	}
}

func events(t *testing.T, s *Stores) {
	ctx := t.Context()
	a, operator := ID(t), ID(t)
	for i := range 5 {
		e := audit.Event{At: s.Clock.Now().Add(time.Duration(i) * time.Second), Kind: audit.SignedIn, Account: a, Device: "Firefox, Windows"}
		if i == 2 {
			e = audit.Event{At: e.At, Kind: audit.OperatorOpened, Account: a, Actor: operator, Client: "operator", Session: "s", Reason: "r",
				Detail: map[string]string{"centre": "77-014"}, Request: "ABCD-EFGH"}
		}
		ok(t, "RecordEvent", s.RecordEvent(ctx, e))
	}
	all, err := s.Events(ctx, a, 0, 100)
	if err != nil || len(all) != 5 || all[0].ID <= all[4].ID {
		t.Fatalf("Events: got %v, %v; want five, newest first", all, err)
	}
	rest, err := s.Events(ctx, a, all[1].ID, 2)
	if err != nil || len(rest) != 2 || rest[0].ID != all[2].ID {
		t.Errorf("Events before the second: got %v, %v; want the third and the fourth", rest, err)
	}
	by, err := s.EventsBy(ctx, operator, 0, 100)
	if err != nil || len(by) != 1 {
		t.Fatalf("EventsBy: got %v, %v; want one", by, err)
	}
	want := audit.Event{ID: all[2].ID, At: s.Clock.Now().Add(2 * time.Second), Kind: audit.OperatorOpened, Account: a, Actor: operator, Client: "operator",
		Session: "s", Reason: "r", Detail: map[string]string{"centre": "77-014"}, Request: "ABCD-EFGH"}
	same(t, "event", by[0], want)
}

func messages(t *testing.T, s *Stores) {
	ctx := t.Context()
	m := notice.Message{ID: rand.Text(), Channel: notice.Mail, To: "анна@пример.рф", Subject: "Код", Text: strings.Repeat("Длинное письмо. ", 20_000),
		Created: s.Clock.Now(), Expires: s.Clock.Now().Add(5 * time.Minute)}
	ok(t, "PostMessage", s.PostMessage(ctx, m))
	is(t, "PostMessage again", s.PostMessage(ctx, m), fault.Exists)
	got, err := s.Message(ctx, m.ID)
	ok(t, "Message", err)
	same(t, "message", *got, m)
	ok(t, "MessageSent", s.MessageSent(ctx, m.ID, s.Clock.Now()))
	ok(t, "MessageSent again", s.MessageSent(ctx, m.ID, s.Clock.Now().Add(time.Hour)))
	got, err = s.Message(ctx, m.ID)
	if err != nil || !got.Sent.Equal(s.Clock.Now()) || got.Text != "" || got.To != "" {
		t.Errorf("a sent message: got %v, %v; want the first time and no body", got, err)
	}
	_, err = s.Message(ctx, "unknown")
	absent(t, "Message", err)
}

func deliveries(t *testing.T, s *Stores) {
	ctx := t.Context()
	d := signal.Delivery{ID: rand.Text(), Client: "tax", Account: ID(t), Session: "s", Created: s.Clock.Now()}
	ok(t, "SaveDelivery", s.SaveDelivery(ctx, d))
	is(t, "SaveDelivery again", s.SaveDelivery(ctx, d), fault.Exists)
	ok(t, "DeliveryDone", s.DeliveryDone(ctx, d.ID, s.Clock.Now()))
	ok(t, "DeliveryDone again", s.DeliveryDone(ctx, d.ID, s.Clock.Now().Add(time.Hour)))
	d.Done = s.Clock.Now()
	got, err := s.Delivery(ctx, d.ID)
	ok(t, "Delivery", err)
	same(t, "delivery", *got, d)
	_, err = s.Delivery(ctx, "unknown")
	absent(t, "Delivery", err)
}

func office(t *testing.T, s *Stores) {
	ctx := t.Context()
	c := &centre.Centre{ID: "77-014", Name: map[string]string{"ru": "МФЦ «Северный»", "en": "Severny centre"}, Hours: map[string]string{"ru": "пн–пт"}}
	_, err := s.Centre(ctx, c.ID)
	absent(t, "Centre", err)
	ok(t, "SaveCentre", s.SaveCentre(ctx, c))
	ok(t, "SaveCentre again", s.SaveCentre(ctx, c))
	got, err := s.Centre(ctx, c.ID)
	ok(t, "Centre", err)
	same(t, "centre", got, c)
	all, err := s.Centres(ctx)
	if err != nil || len(all) != 1 {
		t.Errorf("Centres: got %v, %v; want one", all, err)
	}

	m := &centre.Member{Account: ID(t), Centre: c.ID, Role: centre.Operator, Window: "3", Active: true}
	_, err = s.Member(ctx, m.Account)
	absent(t, "Member", err)
	ok(t, "SaveMember", s.SaveMember(ctx, m))
	m.Active, m.Role = false, centre.Administrator
	ok(t, "SaveMember", s.SaveMember(ctx, m))
	member, err := s.Member(ctx, m.Account)
	ok(t, "Member", err)
	same(t, "member", member, m)
	members, err := s.Members(ctx)
	if err != nil || len(members) != 1 {
		t.Errorf("Members: got %v, %v; want one", members, err)
	}

	r := rp.Refusal{ID: rand.Text(), Client: "tax", Error: "invalid_request", Reason: "redirect_uri is not registered", Reasons: []string{"level_too_low"},
		Detail: map[string]string{"parameter": "redirect_uri"}, At: s.Clock.Now()}
	ok(t, "SaveRefusal", s.SaveRefusal(ctx, r))
	ok(t, "SaveRefusal again", s.SaveRefusal(ctx, r))
	refusal, err := s.Refusal(ctx, r.ID)
	ok(t, "Refusal", err)
	same(t, "refusal", *refusal, r)
	_, err = s.Refusal(ctx, "unknown")
	absent(t, "Refusal", err)
}

func keyring(t *testing.T, s *Stores) {
	ctx := t.Context()
	k := seal.WrappedKey{ID: 900, Use: seal.UseSeal, Wrapped: []byte{0, 1, 255}, CreatedAt: s.Clock.Now(), UsableFrom: s.Clock.Now().Add(2 * time.Minute)}
	errs := parallel(4, func(int) error { return s.DB.AddKey(ctx, k) })
	added := 0
	for _, err := range errs {
		if err == nil {
			added++
		} else {
			is(t, "AddKey again", err, fault.Exists)
		}
	}
	if added != 1 {
		t.Errorf("nodes that added one id: got %d, want 1", added)
	}
	k.RetiredAt = s.Clock.Now()
	ok(t, "RetireKey", s.DB.RetireKey(ctx, k.ID, k.RetiredAt))
	absent(t, "RetireKey", s.DB.RetireKey(ctx, 901, k.RetiredAt))
	keys, err := s.DB.Keys(ctx)
	ok(t, "Keys", err)
	same(t, "key", keys[len(keys)-1], k)
}
