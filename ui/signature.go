package ui

import "time"

// Signature leads through the confirmation by a signed statement: take it, sign it, send it back. A refusal is
// a fault of the field signed, certificate.<reason>, whose sentence says the way forward too.
type Signature struct {
	Form
	StatementURL string // of the file; "" until one is asked for
	FileName     string
	Until        time.Time
	AskURL       string // where a statement is asked for
	PresentURL   string // where the browser presents a certificate instead; "" when it cannot
}

func (Signature) PageName() string { return "signature" }

// SignaturePresent asks whether the account shall be confirmed by the certificate that was just presented.
type SignaturePresent struct {
	Form
	Method string // qualified_signature, electronic_card
	Issuer string
}

func (SignaturePresent) PageName() string { return "signature-present" }

// CertificateRefused tells why nobody could sign in with a certificate.
type CertificateRefused struct {
	Why      []Fault // one, of the field certificate: the page is an answer and has no form
	Origin   *Origin
	RetryURL string // "" when nothing waits any more
	OtherURL string // sign in by password
}

func (CertificateRefused) PageName() string { return "certificate-refused" }

func (Signature) examples() []Example {
	p := Signature{Form: Form{Action: "/account/confirm/signature"}, AskURL: "/account/confirm/signature/statement", PresentURL: "/account/confirm/signature/present"}
	ready := p
	ready.StatementURL, ready.FileName, ready.Until = "/account/confirm/signature/statement/AQIDBA", "propusk-7f3k92qd.txt", at(25, 14, 28)
	ready.Action += "?statement=AQIDBA"
	out := []Example{{"at first", p}, {"to sign", ready}}
	for _, f := range []Fault{
		{Code: "certificate.expired", When: at(3, 9, 0)}, {Code: "certificate.wrong_person"}, {Code: "certificate.revoked", When: at(20, 9, 0)},
		{Code: "certificate.unknown_root"}, {Code: "certificate.altered_statement"}, {Code: "certificate.gost_unavailable"},
	} {
		refused := ready
		f.Field = "signed"
		refused.Faults = []Fault{f}
		out = append(out, Example{f.Code[len("certificate."):], refused})
	}
	alone := p
	alone.PresentURL = ""
	alone.Faults = []Fault{{Field: "signed", Code: "certificate.too_many", Wait: 5 * time.Minute}}
	return append(out, Example{"too many tries, no listener", alone})
}

func (SignaturePresent) examples() []Example {
	form := Form{Action: "/account/confirm/signature/return?code=AQIDBA"}
	return []Example{
		{"a signature", SignaturePresent{Form: form, Method: "qualified_signature", Issuer: "CN=УЦ «Восток», O=Внешний мир, C=RU"}},
		{"a card", SignaturePresent{Form: form, Method: "electronic_card", Issuer: "CN=УЦ «Восток», O=Внешний мир, C=RU"}},
	}
}

func (CertificateRefused) examples() []Example {
	refused := func(f Fault) CertificateRefused {
		f.Field = "certificate"
		return CertificateRefused{Why: []Fault{f}, RetryURL: "/login/certificate?tx=AQIDBA", OtherURL: "/login?tx=AQIDBA"}
	}
	none := refused(Fault{Code: "certificate.no_certificate"})
	none.Origin = &exampleOrigin
	return []Example{
		{"nothing presented", none}, {"revoked", refused(Fault{Code: "certificate.revoked", When: at(20, 9, 0)})},
		{"no account", refused(Fault{Code: "certificate.nobody"})},
	}
}
