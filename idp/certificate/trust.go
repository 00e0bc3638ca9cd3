package certificate

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// An Anchor is a root on the trust list: the authorities below it issue qualified certificates, for as long
// as it is accredited. It need not be self-signed: a list may name every accredited authority by itself.
type Anchor struct {
	ID   string // the SHA-256 of the certificate, in lower-case hexadecimal
	Name string // as the administrator calls it
	DER  []byte // the certificate
	// From and Until are the time of its accreditation; Until zero: it goes on.
	From, Until time.Time
	// CRLs and OCSP are the addresses where revocation is asked for. Under one anchor several authorities
	// issue: each list is used for those certificates whose issuer signed it.
	CRLs []string `json:",omitempty"`
	OCSP []string `json:",omitempty"`
	// Follow adds the addresses that certificates themselves name, once their chain has been checked.
	Follow bool
	// Failure overrides the installation's setting of what happens when nobody answers; empty: no.
	Failure Failure `json:",omitempty"`
	Added   time.Time
}

// A Failure says what becomes of a certificate when nobody can tell whether it is revoked.
type Failure string

// Hard refuses it; Soft lets it pass, and the record says that nobody could tell.
const (
	Hard Failure = "hard"
	Soft Failure = "soft"
)

// A Store keeps the trust list. A change is live at once: the list is read at every check.
type Store interface {
	Anchors(ctx context.Context) ([]*Anchor, error) // by id
	Anchor(ctx context.Context, id string) (*Anchor, error)
	SaveAnchor(ctx context.Context, a *Anchor) error // new or changed
	DeleteAnchor(ctx context.Context, id string) error
}

// Fingerprint is the id of an anchor.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// NewAnchor reads the certificate of an anchor and checks the rest.
func NewAnchor(a Anchor) (*Anchor, error) {
	cert, err := x509.ParseCertificate(a.DER)
	if err != nil {
		return nil, fmt.Errorf("certificate: anchor: not a certificate: %w", fault.Invalid)
	}
	if !cert.BasicConstraintsValid || !cert.IsCA {
		return nil, fmt.Errorf("certificate: anchor: not the certificate of an authority: %w", fault.Invalid)
	}
	if refusal := strong(cert); refusal != nil {
		return nil, fmt.Errorf("certificate: anchor: its key is too weak: %w", fault.Invalid)
	}
	if !a.Until.IsZero() && !a.Until.After(a.From) {
		return nil, fmt.Errorf("certificate: anchor: the accreditation ends before it begins: %w", fault.Invalid)
	}
	if a.Failure != "" && a.Failure != Hard && a.Failure != Soft {
		return nil, fmt.Errorf("certificate: anchor: failure is hard or soft: %w", fault.Invalid)
	}
	for _, address := range slices.Concat(a.CRLs, a.OCSP) {
		if !fetchable(address) {
			return nil, fmt.Errorf("certificate: anchor: an address must be http or https: %w", fault.Invalid)
		}
	}
	a.ID = Fingerprint(a.DER)
	if a.Name == "" {
		a.Name = cert.Subject.String()
	}
	return &a, nil
}

func fetchable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// Accredited tells whether the anchor is accredited at a time.
func (a *Anchor) Accredited(at time.Time) bool {
	return !at.Before(a.From) && (a.Until.IsZero() || at.Before(a.Until))
}

// A root is an anchor whose certificate has been read.
type root struct {
	*Anchor
	cert *x509.Certificate
}

// roots reads the anchors. One that does not parse was written by a later program; it is left out.
func roots(anchors []*Anchor) []root {
	var out []root
	for _, a := range anchors {
		if cert, err := x509.ParseCertificate(a.DER); err == nil {
			out = append(out, root{a, cert})
		}
	}
	return out
}
