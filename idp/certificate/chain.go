package certificate

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// What a path may cost: intermediates that a stranger sent are tried against each other.
const (
	maxExtra = 16
	maxDepth = 6
	maxTries = 24
)

// A path leads from a certificate to an anchor, both included.
type path struct {
	certs  []*x509.Certificate
	anchor *Anchor
}

// find leads from leaf to an anchor that is accredited at a time, over the intermediates in extra.
// It refuses with UnknownRoot or NotAccredited, or with what kept the path from being checked here.
func find(ctx context.Context, g Gost, leaf *x509.Certificate, extra []*x509.Certificate, all []root, at time.Time) (*path, error) {
	if len(extra) > maxExtra {
		return nil, refuse(Malformed)
	}
	accredited := slices.DeleteFunc(slices.Clone(all), func(r root) bool { return !r.Accredited(at) })
	p, err := build(ctx, g, leaf, extra, accredited, at)
	if refused(err, UnknownRoot) && len(accredited) < len(all) {
		if _, other := build(ctx, g, leaf, extra, all, at); other == nil {
			return nil, refuse(NotAccredited)
		}
	}
	return p, err
}

func refused(err error, why Reason) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Reason == why
}

func build(ctx context.Context, g Gost, leaf *x509.Certificate, extra []*x509.Certificate, anchors []root, at time.Time) (*path, error) {
	if leaf.SignatureAlgorithm == x509.UnknownSignatureAlgorithm {
		w := walk{ctx: ctx, gost: g, extra: extra, anchors: anchors, at: at}
		return w.from([]*x509.Certificate{leaf})
	}
	options := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, r := range anchors {
		options.Roots.AddCert(r.cert)
	}
	for _, c := range extra {
		options.Intermediates.AddCert(c)
	}
	chains, err := leaf.Verify(options)
	var unhandled x509.UnhandledCriticalExtension
	switch {
	case errors.As(err, &unhandled):
		return nil, &Refusal{Reason: Malformed, Cause: err}
	case err != nil:
		return nil, &Refusal{Reason: UnknownRoot, Cause: err}
	}
	var weak *Refusal
	for _, chain := range chains {
		end := chain[len(chain)-1]
		i := slices.IndexFunc(anchors, func(r root) bool { return r.cert.Equal(end) })
		if i < 0 {
			continue
		}
		if weak = allStrong(chain[1:]); weak == nil {
			return &path{chain, anchors[i].Anchor}, nil
		}
	}
	if weak != nil {
		return nil, weak
	}
	return nil, refuse(UnknownRoot)
}

func allStrong(chain []*x509.Certificate) *Refusal {
	for _, c := range chain {
		if refusal := strong(c); refusal != nil {
			return refusal
		}
	}
	return nil
}

// A walk looks for a path where crypto/x509 cannot: it does not know GOST. It holds each issuer to RFC 5280
// section 6.1 as far as such authorities use it, and refuses what goes beyond, such as name constraints.
type walk struct {
	ctx     context.Context
	gost    Gost
	extra   []*x509.Certificate
	anchors []root
	at      time.Time
	tries   int
	trouble error // why a signature could not be checked
}

func (w *walk) from(chain []*x509.Certificate) (*path, error) {
	last := chain[len(chain)-1]
	if len(last.UnhandledCriticalExtensions) > 0 {
		return nil, refuse(Malformed)
	}
	for _, r := range w.anchors {
		if w.issued(r.cert, chain) {
			return &path{append(slices.Clone(chain), r.cert), r.Anchor}, nil
		}
	}
	if len(chain) < maxDepth {
		for _, c := range w.extra {
			if slices.ContainsFunc(chain, c.Equal) || !w.issued(c, chain) {
				continue
			}
			if p, err := w.from(append(slices.Clone(chain), c)); err == nil {
				return p, nil
			}
		}
	}
	if w.trouble != nil {
		return nil, w.trouble
	}
	return nil, refuse(UnknownRoot)
}

// issued tells whether issuer may have issued the last certificate of a chain, and did.
func (w *walk) issued(issuer *x509.Certificate, chain []*x509.Certificate) bool {
	child := chain[len(chain)-1]
	switch {
	case !bytes.Equal(issuer.RawSubject, child.RawIssuer),
		len(child.AuthorityKeyId) > 0 && len(issuer.SubjectKeyId) > 0 && !bytes.Equal(child.AuthorityKeyId, issuer.SubjectKeyId),
		w.at.Before(issuer.NotBefore), w.at.After(issuer.NotAfter),
		!issuer.BasicConstraintsValid, !issuer.IsCA, issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCertSign == 0,
		limited(issuer) && len(chain)-1 > issuer.MaxPathLen,
		len(issuer.UnhandledCriticalExtensions) > 0, constrained(issuer), strong(issuer) != nil:
		return false
	}
	if w.tries++; w.tries > maxTries {
		return false
	}
	err := signedBy(w.ctx, w.gost, child.Raw, issuer)
	if err != nil && !refused(err, BadSignature) {
		w.trouble = err
	}
	return err == nil
}

func limited(c *x509.Certificate) bool { return c.MaxPathLen > 0 || c.MaxPathLenZero }

func constrained(c *x509.Certificate) bool {
	return len(c.PermittedDNSDomains)+len(c.ExcludedDNSDomains)+len(c.PermittedIPRanges)+len(c.ExcludedIPRanges)+
		len(c.PermittedEmailAddresses)+len(c.ExcludedEmailAddresses)+len(c.PermittedURIDomains)+len(c.ExcludedURIDomains) > 0
}
