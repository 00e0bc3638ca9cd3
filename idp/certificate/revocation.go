package certificate

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// skew is how far the clocks of authorities may be ahead of ours; answerLife how old an answer may be that
// does not say until when it counts.
const (
	skew       = 5 * time.Minute
	answerLife = time.Hour
)

// errStale and its like say why evidence is not used; they are for the log.
var (
	errStale     = errors.New("not fresh")
	errForeign   = errors.New("not of this issuer")
	errPartial   = errors.New("does not cover the certificate")
	errUnknown   = errors.New("the authority does not know the certificate")
	errResponder = errors.New("the responder may not speak for the issuer")
)

// A revocationList is what is kept of a CRL once its signature has been checked.
type revocationList struct {
	issuer   string // digest of the issuer's key and name
	from, to time.Time
	revoked  map[string]time.Time // by serial number
	scope    scope
}

// A scope is which certificates a list speaks of (RFC 5280 section 5.2.5); zero: all of its issuer.
type scope struct {
	users, authorities bool
	points             []string
}

func (s scope) covers(c *x509.Certificate) bool {
	if s.users && c.IsCA || s.authorities && !c.IsCA {
		return false
	}
	return len(s.points) == 0 || slices.ContainsFunc(s.points, func(p string) bool { return slices.Contains(c.CRLDistributionPoints, p) })
}

var oidIssuingPoint = asn1.ObjectIdentifier{2, 5, 29, 28}

// readList checks a CRL's signature by its issuer and reads it.
func readList(ctx context.Context, g Gost, der []byte, issuer *x509.Certificate) (*revocationList, error) {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(list.RawIssuer, issuer.RawSubject) || issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return nil, errForeign
	}
	if err := signedBy(ctx, g, der, issuer); err != nil {
		return nil, err
	}
	if list.NextUpdate.IsZero() {
		return nil, errStale
	}
	out := &revocationList{issuer: keyOf(issuer), from: list.ThisUpdate, to: list.NextUpdate, revoked: make(map[string]time.Time, len(list.RevokedCertificateEntries))}
	for _, e := range list.Extensions {
		switch {
		case e.Id.Equal(oidIssuingPoint):
			if out.scope, err = readScope(e.Value); err != nil {
				return nil, err
			}
		case e.Critical: // a delta, or something newer than this
			return nil, fmt.Errorf("critical extension %s: %w", e.Id, errPartial)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		for _, e := range entry.Extensions {
			if e.Critical { // an entry of another issuer
				return nil, fmt.Errorf("critical extension %s of an entry: %w", e.Id, errPartial)
			}
		}
		out.revoked[entry.SerialNumber.Text(16)] = entry.RevocationTime
	}
	return out, nil
}

// readScope reads an IssuingDistributionPoint. Lists that speak of some reasons only, of other issuers'
// certificates or of attribute certificates are not used.
func readScope(der []byte) (scope, error) {
	var s scope
	input := cryptobyte.String(der)
	var point cryptobyte.String
	if !input.ReadASN1(&point, casn1.SEQUENCE) || !input.Empty() {
		return s, errPartial
	}
	for !point.Empty() {
		var value cryptobyte.String
		var tag casn1.Tag
		if !point.ReadAnyASN1(&value, &tag) {
			return s, errPartial
		}
		yes := len(value) == 1 && value[0] != 0
		switch tag {
		case context0(0):
			var names cryptobyte.String
			if !value.ReadASN1(&names, context0(0)) { // relative names
				return s, errPartial
			}
			for !names.Empty() {
				var name cryptobyte.String
				var kind casn1.Tag
				if !names.ReadAnyASN1(&name, &kind) {
					return s, errPartial
				}
				if kind == casn1.Tag(6).ContextSpecific() {
					s.points = append(s.points, string(name))
				}
			}
			if len(s.points) == 0 {
				return s, errPartial
			}
		case casn1.Tag(1).ContextSpecific():
			s.users = yes
		case casn1.Tag(2).ContextSpecific():
			s.authorities = yes
		default:
			return s, errPartial
		}
	}
	return s, nil
}

// judge says whether the list has the certificate: nil if not, Revoked, or why the list is no evidence.
func (l *revocationList) judge(c, issuer *x509.Certificate, at time.Time) error {
	if l.issuer != keyOf(issuer) {
		return errForeign
	}
	if when, there := l.revoked[Serial(c)]; there {
		return &Refusal{Reason: Revoked, At: when} // also when the list is old: nothing newer takes it back
	}
	switch {
	case at.Before(l.from.Add(-skew)), !at.Before(l.to):
		return errStale
	case !l.scope.covers(c):
		return errPartial
	}
	return nil
}

func keyOf(c *x509.Certificate) string {
	return Fingerprint(slices.Concat(c.RawSubject, c.RawSubjectPublicKeyInfo))
}

// judgeAnswer says what an OCSP responder answered of a certificate (RFC 6960): nil for good, Revoked, or
// why the answer is no evidence. until is when the answer stops counting.
func judgeAnswer(ctx context.Context, g Gost, der []byte, c, issuer *x509.Certificate, at time.Time) (until time.Time, err error) {
	answer, err := readAnswer(ctx, g, der, c, issuer, at)
	if err != nil {
		return time.Time{}, err
	}
	until = answer.NextUpdate
	if until.IsZero() {
		until = answer.ThisUpdate.Add(answerLife)
	}
	if at.Before(answer.ThisUpdate.Add(-skew)) || !at.Before(until) {
		return until, errStale
	}
	switch answer.Status {
	case ocsp.Good:
		return until, nil
	case ocsp.Revoked:
		return until, &Refusal{Reason: Revoked, At: answer.RevokedAt}
	}
	return until, errUnknown
}

// readAnswer checks who signed an answer: the issuer itself, or a responder to whom the issuer gave a
// certificate for this very purpose (RFC 6960 section 4.2.2.2). The library checks signatures, and not
// the purpose: without it every citizen could sign their own answer. It knows no GOST: there the issuer
// itself must sign.
func readAnswer(ctx context.Context, g Gost, der []byte, c, issuer *x509.Certificate, at time.Time) (*ocsp.Response, error) {
	if gostBits(issuer) == 0 {
		answer, err := ocsp.ParseResponseForCert(der, c, issuer)
		if err != nil {
			return nil, err
		}
		if by := answer.Certificate; by != nil && !by.Equal(issuer) {
			if !slices.Contains(by.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) || at.Before(by.NotBefore) || at.After(by.NotAfter) || strong(by) != nil {
				return nil, errResponder
			}
		}
		return answer, weakAnswer(answer)
	}
	answer, err := ocsp.ParseResponseForCert(der, c, nil)
	if err != nil {
		return nil, err
	}
	if answer.Certificate != nil { // the library has compared it with nothing
		return nil, errResponder
	}
	return answer, gostAnswer(ctx, g, der, issuer)
}

func weakAnswer(a *ocsp.Response) error {
	switch a.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.MD5WithRSA:
		return refuse(WeakAlgorithm)
	}
	return nil
}

// gostAnswer checks the signature of a BasicOCSPResponse, whose outer form is that of a certificate.
func gostAnswer(ctx context.Context, g Gost, der []byte, issuer *x509.Certificate) error {
	var outer struct {
		Status   asn1.Enumerated
		Response struct {
			Kind asn1.ObjectIdentifier
			Body []byte
		} `asn1:"explicit,tag:0"`
	}
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return refuse(Malformed)
	}
	return signedBy(ctx, g, outer.Response.Body, issuer)
}
