package certificate

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
)

// reason is why err refuses, or "".
func reason(err error) Reason {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}

// value keeps a nil *Refusal from becoming an error that is not nil.
func value(r *Refusal) error {
	if r == nil {
		return nil
	}
	return r
}

func TestCertificatesAreRefusedForTheRightReason(t *testing.T) {
	w := NewWorld(t, ECKey())
	subject := func(names ...pkix.AttributeTypeAndValue) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject.ExtraNames = names }
	}
	surname, given, snils := attribute(oidSurname, "Иванова"), attribute(oidGiven, "Мария Петровна"), attribute(oidSNILS, "11223344595")
	for name, row := range map[string]struct {
		change func(*x509.Certificate)
		use    Use
		want   Reason
		method account.Method
	}{
		"good":            {want: "", method: account.QualifiedSignature},
		"good, presented": {use: Presenting, method: account.QualifiedSignature},
		"a card": {change: func(c *x509.Certificate) { c.Policies = append(c.Policies, must(x509.ParseOID(CardPolicy))) },
			method: account.ElectronicCard},
		"expired":       {change: func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Second) }, want: Expired},
		"not yet valid": {change: func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Second) }, want: NotYetValid},
		"of no policy":  {change: func(c *x509.Certificate) { c.Policies = nil }, want: NotQualified},
		"of another policy": {change: func(c *x509.Certificate) { c.Policies = []x509.OID{must(x509.ParseOID("2.23.140.1.2.1"))} },
			want: NotQualified},
		"without uses":    {change: func(c *x509.Certificate) { c.KeyUsage = 0 }, want: KeyUsage},
		"for encryption":  {change: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, want: KeyUsage},
		"of an authority": {change: func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }, want: KeyUsage},
		"not for signing in": {change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} },
			use: Presenting, want: KeyUsage},
		"for statements only": {change: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageContentCommitment }, use: Presenting, want: KeyUsage},
		"without SNILS":       {change: subject(surname, given), want: NoPerson},
		"with two SNILS":      {change: subject(surname, given, snils, attribute(oidSNILS, "00000000000")), want: NoPerson},
		"with a wrong SNILS":  {change: subject(surname, given, attribute(oidSNILS, "11223344500")), want: NoPerson},
		"without a surname":   {change: subject(given, snils), want: NoPerson},
		"of an organisation":  {change: subject(attribute(oidOGRN, "1027700132195")), want: NoPerson},
	} {
		t.Run(name, func(t *testing.T) {
			change := row.change
			if change == nil {
				change = func(*x509.Certificate) {}
			}
			use := row.use
			if use == 0 {
				use = Signing
			}
			c := Issue(t, w.Issuing, ECKey(), Named, change).Cert
			s, method, refusal := Inspect(c, use, noon, rules)
			if got := reason(value(refusal)); got != row.want {
				t.Fatalf("Inspect: %q, want %q", got, row.want)
			}
			if row.want == "" && (method != row.method || !s.Is(Ivanova)) {
				t.Errorf("Inspect: %s of %+v; want %s of Ivanova", method, s, row.method)
			}
		})
	}
}

func TestWeakKeysAndDigestsAreRefused(t *testing.T) {
	w := NewWorld(t, ECKey())
	if _, _, r := Inspect(Issue(t, w.Issuing, weakKey(), Named).Cert, Signing, noon, rules); reason(value(r)) != WeakAlgorithm {
		t.Errorf("RSA of 1024 bits: %v", r)
	}
	c := *w.Citizen.Cert
	c.SignatureAlgorithm = x509.SHA1WithRSA
	if _, _, r := Inspect(&c, Signing, noon, rules); reason(value(r)) != WeakAlgorithm {
		t.Errorf("signed over SHA-1: %v", r)
	}
	if _, err := NewAnchor(Anchor{DER: Issue(t, nil, weakKey(), authority("Слабый")).Cert.Raw}); err == nil {
		t.Error("a root of 1024 bits came onto the trust list")
	}
	if _, err := NewAnchor(Anchor{DER: w.Citizen.Cert.Raw}); err == nil {
		t.Error("a citizen's certificate came onto the trust list")
	}
}

func TestOnlyTheSamePersonIsTheHolder(t *testing.T) {
	is := Subject{SNILS: Ivanova.SNILS, Family: "ИВАНОВА", Given: "Мария  Петровна"}
	for name, row := range map[string]struct {
		subject Subject
		person  account.Person
		want    bool
	}{
		"in capitals":        {is, Ivanova, true},
		"another SNILS":      {is, person("08765430300", "Иванова", "Мария", "Петровна"), false},
		"another surname":    {is, person("11223344595", "Петрова", "Мария", "Петровна"), false},
		"another patronymic": {is, person("11223344595", "Иванова", "Мария", "Ивановна"), false},
		"no patronymic":      {is, person("11223344595", "Иванова", "Мария", ""), false},
		"none in either":     {Subject{SNILS: Ivanova.SNILS, Family: "Иванова", Given: "Мария"}, person("11223344595", "Иванова", "Мария", ""), true},
		"ё and hyphens":      {Subject{SNILS: Ivanova.SNILS, Family: "Королёва‑Зотова", Given: "Анна"}, person("11223344595", "Королева-Зотова", "Анна", ""), true},
		"no SNILS at all":    {Subject{Family: "Иванова", Given: "Мария"}, account.Person{FamilyName: Ivanova.FamilyName, GivenName: Ivanova.GivenName}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := row.subject.Is(row.person); got != row.want {
				t.Errorf("Is: %v, want %v", got, row.want)
			}
		})
	}
}

func TestAPathLeadsToARootAccreditedAtThatTime(t *testing.T) {
	w := NewWorld(t, ECKey())
	stranger := NewWorld(t, ECKey())
	below := []*x509.Certificate{w.Issuing.Cert}
	twin := Issue(t, nil, ECKey(), authority("УЦ Первый")) // its name, another key
	for name, row := range map[string]struct {
		leaf  *x509.Certificate
		extra []*x509.Certificate
		list  []*Anchor
		want  Reason
	}{
		"good":                     {w.Citizen.Cert, below, []*Anchor{stranger.Anchor(), w.Anchor()}, ""},
		"an empty list":            {w.Citizen.Cert, below, nil, UnknownRoot},
		"another root":             {w.Citizen.Cert, below, []*Anchor{stranger.Anchor()}, UnknownRoot},
		"the authority is missing": {w.Citizen.Cert, nil, []*Anchor{w.Anchor()}, UnknownRoot},
		"its namesake":             {w.Citizen.Cert, []*x509.Certificate{twin.Cert}, []*Anchor{w.Anchor()}, UnknownRoot},
		"accreditation over":       {w.Citizen.Cert, below, []*Anchor{w.Anchor(func(a *Anchor) { a.Until = noon })}, NotAccredited},
		"not accredited yet":       {w.Citizen.Cert, below, []*Anchor{w.Anchor(func(a *Anchor) { a.From = noon.Add(time.Second) })}, NotAccredited},
		"accredited still":         {w.Citizen.Cert, below, []*Anchor{w.Anchor(func(a *Anchor) { a.Until = noon.Add(time.Second) })}, ""},
		"by a citizen":             {Issue(t, w.Citizen, ECKey(), Named).Cert, append(below, w.Citizen.Cert), []*Anchor{w.Anchor()}, UnknownRoot},
		"the authority expired": {Issue(t, Issue(t, w.Root, ECKey(), authority("Старый"), func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) }), ECKey(), Named).Cert,
			below, []*Anchor{w.Anchor()}, UnknownRoot},
		"a crowd": {w.Citizen.Cert, make([]*x509.Certificate, maxExtra+1), []*Anchor{w.Anchor()}, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := find(t.Context(), NoGost{}, row.leaf, row.extra, roots(row.list), noon)
			if reason(err) != row.want {
				t.Fatalf("find: %v, want %q", err, row.want)
			}
			if err == nil && (len(p.certs) != 3 || p.anchor.ID != Fingerprint(w.Root.Cert.Raw)) {
				t.Errorf("find: a path of %d to %s", len(p.certs), p.anchor.Name)
			}
		})
	}
}

func TestRevocationIsAskedOfTheAuthorityAlone(t *testing.T) {
	none := func(a *Anchor) { a.CRLs, a.OCSP = nil, nil }
	responder := func(a *Anchor) { a.CRLs = nil }
	lists := func(a *Anchor) { a.OCSP = nil }
	for name, row := range map[string]struct {
		change  func(*Anchor)
		mode    string
		revoked func(w *World) *x509.Certificate
		want    Reason
	}{
		"good by responder":               {change: responder},
		"good by lists":                   {change: lists},
		"nobody to ask":                   {change: none, want: RevocationUnknown},
		"revoked by responder":            {change: responder, revoked: func(w *World) *x509.Certificate { return w.Citizen.Cert }, want: Revoked},
		"revoked by lists":                {change: lists, revoked: func(w *World) *x509.Certificate { return w.Citizen.Cert }, want: Revoked},
		"the authority revoked":           {change: responder, revoked: func(w *World) *x509.Certificate { return w.Issuing.Cert }, want: Revoked},
		"the authority revoked, by lists": {change: lists, revoked: func(w *World) *x509.Certificate { return w.Issuing.Cert }, want: Revoked},
		"down":                            {mode: "down", want: RevocationUnknown},
		"garbage":                         {mode: "garbage", want: RevocationUnknown},
		"old":                             {mode: "stale", want: RevocationUnknown},
		"not known there":                 {change: responder, mode: "unknown", want: RevocationUnknown},
		"signed by the citizen":           {change: responder, mode: "other", want: RevocationUnknown},
		"by a delegate":                   {change: responder, mode: "delegated"},
		"by a delegate with SHA-1":        {change: responder, mode: "weak", want: RevocationUnknown},
		"lists of another authority":      {change: lists, mode: "other", want: RevocationUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWorld(t, ECKey())
			w.mode = row.mode
			if row.revoked != nil {
				w.Revoke(row.revoked(w))
			}
			a := w.Anchor()
			if row.change != nil {
				a = w.Anchor(row.change)
			}
			p, err := find(t.Context(), NoGost{}, w.Citizen.Cert, []*x509.Certificate{w.Issuing.Cert}, roots([]*Anchor{a}), noon)
			if err != nil {
				t.Fatal(err)
			}
			watch := &Watch{Gost: NoGost{}, Wall: func() time.Time { return noon }}
			if err := watch.Check(t.Context(), p); reason(err) != row.want {
				t.Errorf("Check: %v, want %q", err, row.want)
			}
		})
	}
}

func TestWhatAnAuthoritySignedCountsWhileItIsSilent(t *testing.T) {
	for name, change := range map[string]func(*Anchor){
		"responder": func(a *Anchor) { a.CRLs = nil }, "lists": func(a *Anchor) { a.OCSP = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWorld(t, ECKey())
			p, err := find(t.Context(), NoGost{}, w.Citizen.Cert, []*x509.Certificate{w.Issuing.Cert}, roots([]*Anchor{w.Anchor(change)}), noon)
			if err != nil {
				t.Fatal(err)
			}
			now := noon
			watch := &Watch{Gost: NoGost{}, Wall: func() time.Time { return now }}
			check := func(want Reason, when string) {
				t.Helper()
				if err := watch.Check(context.Background(), p); reason(err) != want {
					t.Errorf("%s: %v, want %q", when, err, want)
				}
			}
			check("", "at first")
			w.Set("down", 0)
			now = noon.Add(5 * time.Minute)
			check("", "silent for a little")
			now = noon.Add(2 * time.Hour)
			check(RevocationUnknown, "silent for long")
			w.Set("", 3*time.Hour)
			w.Revoke(w.Citizen.Cert)
			now = noon.Add(3 * time.Hour)
			check(Revoked, "revoked between")
			w.Set("down", 0)
			now = noon.Add(9 * time.Hour)
			check(Revoked, "revoked, and silent for long")
		})
	}
}

func TestAListIsAskedForOnceAMinute(t *testing.T) {
	w := NewWorld(t, ECKey())
	p, err := find(t.Context(), NoGost{}, w.Citizen.Cert, []*x509.Certificate{w.Issuing.Cert}, roots([]*Anchor{w.Anchor(func(a *Anchor) { a.OCSP = nil })}), noon)
	if err != nil {
		t.Fatal(err)
	}
	watch := &Watch{Gost: NoGost{}, Wall: func() time.Time { return noon }}
	for range 5 {
		if err := watch.Check(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.asked["/issuing.crl"]; n != 2 { // for the citizen's certificate, and in vain for its issuer's
		t.Errorf("the list was fetched %d times, want 2", n)
	}
	if n := w.asked["/root.crl"]; n != 1 {
		t.Errorf("the root's list was fetched %d times, want once", n)
	}
}
