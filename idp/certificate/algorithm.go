package certificate

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/propusk/propusk/idp/fault"
)

// ErrNoGost is a Gost's answer when it cannot compute here.
var ErrNoGost = fmt.Errorf("certificate: no GOST algorithms here: %w", fault.Unavailable)

// A Gost computes GOST R 34.11-2012 digests and checks GOST R 34.10-2012 signatures, of 256 or 512 bits. Its
// errors are about itself; that a signature does not fit is no error.
type Gost interface {
	Digest(ctx context.Context, bits int, data []byte) ([]byte, error)
	// Verify checks a signature over data by the key of a SubjectPublicKeyInfo.
	Verify(ctx context.Context, bits int, spki, data, signature []byte) (bool, error)
}

// NoGost is a Gost that can nothing.
type NoGost struct{}

// Digest says that it cannot.
func (NoGost) Digest(context.Context, int, []byte) ([]byte, error) { return nil, ErrNoGost }

// Verify says that it cannot.
func (NoGost) Verify(context.Context, int, []byte, []byte, []byte) (bool, error) {
	return false, ErrNoGost
}

// The object identifiers of algorithms (RFC 5754, RFC 4055, RFC 9215).
var (
	oidMD5    = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}
	oidSHA1   = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}

	oidRSA         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidRSAPSS      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidRSASHA1     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}
	oidRSASHA256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidRSASHA384   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}
	oidRSASHA512   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}
	oidEC          = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidECDSASHA1   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	oidECDSASHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidECDSASHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	oidECDSASHA512 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}

	oidGostKey256    = asn1.ObjectIdentifier{1, 2, 643, 7, 1, 1, 1, 1}
	oidGostKey512    = asn1.ObjectIdentifier{1, 2, 643, 7, 1, 1, 1, 2}
	oidGostDigest256 = asn1.ObjectIdentifier{1, 2, 643, 7, 1, 1, 2, 2}
	oidGostDigest512 = asn1.ObjectIdentifier{1, 2, 643, 7, 1, 1, 2, 3}
	oidGostSign256   = asn1.ObjectIdentifier{1, 2, 643, 7, 1, 1, 3, 2}
	oidGostSign512   = asn1.ObjectIdentifier{1, 2, 643, 7, 1, 1, 3, 3}
	oidGost2001Key   = asn1.ObjectIdentifier{1, 2, 643, 2, 2, 19}
	oidGost2001Sign  = asn1.ObjectIdentifier{1, 2, 643, 2, 2, 3}
	oidGost94Digest  = asn1.ObjectIdentifier{1, 2, 643, 2, 2, 9}
)

// A digest is a hash that a signature may be made over.
type digest struct {
	hash crypto.Hash // 0: GOST
	gost int         // bits
}

func digestOf(oid asn1.ObjectIdentifier) (digest, *Refusal) {
	switch {
	case oid.Equal(oidSHA256):
		return digest{hash: crypto.SHA256}, nil
	case oid.Equal(oidSHA384):
		return digest{hash: crypto.SHA384}, nil
	case oid.Equal(oidSHA512):
		return digest{hash: crypto.SHA512}, nil
	case oid.Equal(oidGostDigest256):
		return digest{gost: 256}, nil
	case oid.Equal(oidGostDigest512):
		return digest{gost: 512}, nil
	case oid.Equal(oidMD5), oid.Equal(oidSHA1), oid.Equal(oidGost94Digest):
		return digest{}, refuse(WeakAlgorithm)
	}
	return digest{}, refuse(Unsupported)
}

// sum computes the digest of data.
func (d digest) sum(ctx context.Context, g Gost, data []byte) ([]byte, error) {
	if d.gost != 0 {
		out, err := g.Digest(ctx, d.gost, data)
		return out, gostly(err)
	}
	h := d.hash.New()
	h.Write(data)
	return h.Sum(nil), nil
}

// An algorithm makes signatures.
type algorithm struct {
	std  x509.SignatureAlgorithm // 0: GOST
	gost int                     // bits
}

// algorithmOf reads what a signature was made with. In certificates the name of the algorithm holds the
// digest; in messages the digest stands apart, and the two must agree.
func algorithmOf(oid asn1.ObjectIdentifier, d digest) (algorithm, *Refusal) {
	by := func(s256, s384, s512 x509.SignatureAlgorithm) (algorithm, *Refusal) {
		switch d.hash {
		case crypto.SHA256:
			return algorithm{std: s256}, nil
		case crypto.SHA384:
			return algorithm{std: s384}, nil
		case crypto.SHA512:
			return algorithm{std: s512}, nil
		}
		return algorithm{}, refuse(Unsupported)
	}
	fixed := func(hash crypto.Hash, alg x509.SignatureAlgorithm) (algorithm, *Refusal) {
		if d != (digest{}) && d.hash != hash {
			return algorithm{}, refuse(Unsupported)
		}
		return algorithm{std: alg}, nil
	}
	gost := func(bits int) (algorithm, *Refusal) {
		if d != (digest{}) && d.gost != bits {
			return algorithm{}, refuse(Unsupported)
		}
		return algorithm{gost: bits}, nil
	}
	switch {
	case oid.Equal(oidRSA):
		return by(x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA)
	case oid.Equal(oidRSAPSS):
		return by(x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS)
	case oid.Equal(oidEC):
		return by(x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512)
	case oid.Equal(oidRSASHA256):
		return fixed(crypto.SHA256, x509.SHA256WithRSA)
	case oid.Equal(oidRSASHA384):
		return fixed(crypto.SHA384, x509.SHA384WithRSA)
	case oid.Equal(oidRSASHA512):
		return fixed(crypto.SHA512, x509.SHA512WithRSA)
	case oid.Equal(oidECDSASHA256):
		return fixed(crypto.SHA256, x509.ECDSAWithSHA256)
	case oid.Equal(oidECDSASHA384):
		return fixed(crypto.SHA384, x509.ECDSAWithSHA384)
	case oid.Equal(oidECDSASHA512):
		return fixed(crypto.SHA512, x509.ECDSAWithSHA512)
	case oid.Equal(oidGostSign256), oid.Equal(oidGostKey256):
		return gost(256)
	case oid.Equal(oidGostSign512), oid.Equal(oidGostKey512):
		return gost(512)
	case oid.Equal(oidRSASHA1), oid.Equal(oidECDSASHA1), oid.Equal(oidGost2001Sign), oid.Equal(oidGost2001Key):
		return algorithm{}, refuse(WeakAlgorithm)
	}
	return algorithm{}, refuse(Unsupported)
}

// verify checks a signature by the key of a certificate: nil, BadSignature, or that it cannot be told here.
func (a algorithm) verify(ctx context.Context, g Gost, by *x509.Certificate, data, signature []byte) error {
	if a.gost != 0 {
		if gostBits(by) != a.gost {
			return refuse(BadSignature)
		}
		ok, err := g.Verify(ctx, a.gost, by.RawSubjectPublicKeyInfo, data, signature)
		switch {
		case err != nil:
			return gostly(err)
		case !ok:
			return refuse(BadSignature)
		}
		return nil
	}
	if err := by.CheckSignature(a.std, data, signature); err != nil {
		return &Refusal{Reason: BadSignature, Cause: err}
	}
	return nil
}

// gostly makes the lack of GOST a refusal.
func gostly(err error) error {
	if errors.Is(err, ErrNoGost) {
		return &Refusal{Reason: GostUnavailable, Cause: err}
	}
	return err
}

// A signed is the outer form that certificates and revocation lists share.
type signed struct {
	TBS       asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// signedBy checks that a certificate or a revocation list is signed by the key of issuer.
func signedBy(ctx context.Context, g Gost, der []byte, issuer *x509.Certificate) error {
	var s signed
	if rest, err := asn1.Unmarshal(der, &s); err != nil || len(rest) > 0 {
		return refuse(Malformed)
	}
	if s.Algorithm.Algorithm.Equal(oidRSAPSS) { // the digest stands in parameters, which crypto/x509 reads
		cert, err := x509.ParseCertificate(der)
		if err != nil || cert.CheckSignatureFrom(issuer) != nil {
			return refuse(BadSignature)
		}
		return nil
	}
	a, refusal := algorithmOf(s.Algorithm.Algorithm, digest{})
	if refusal != nil {
		return refusal
	}
	return a.verify(ctx, g, issuer, s.TBS.FullBytes, s.Signature.RightAlign())
}

// keyAlgorithm is the object identifier of a certificate's key.
func keyAlgorithm(c *x509.Certificate) asn1.ObjectIdentifier {
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &spki); err != nil {
		return nil
	}
	return spki.Algorithm.Algorithm
}

// gostBits is the size of a certificate's GOST key, or 0.
func gostBits(c *x509.Certificate) int {
	switch oid := keyAlgorithm(c); {
	case oid.Equal(oidGostKey256):
		return 256
	case oid.Equal(oidGostKey512):
		return 512
	}
	return 0
}

// AlgorithmOf names the key of a certificate: rsa, ecdsa, ed25519, gost2012.
func AlgorithmOf(c *x509.Certificate) string {
	switch c.PublicKey.(type) {
	case *rsa.PublicKey:
		return "rsa"
	case *ecdsa.PublicKey:
		return "ecdsa"
	case ed25519.PublicKey:
		return "ed25519"
	}
	if gostBits(c) != 0 {
		return "gost2012"
	}
	return ""
}

// Keys of more bits cost the verifier more than they protect.
const (
	minRSA = 2048
	maxRSA = 8192
)

// strong judges the key of a certificate, and how the certificate itself was signed. A root's own
// signature proves nothing, and is looked at all the same: it dates the root.
func strong(c *x509.Certificate) *Refusal {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < minRSA {
			return refuse(WeakAlgorithm)
		} else if n > maxRSA {
			return refuse(Unsupported)
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P224() {
			return refuse(WeakAlgorithm)
		}
	case ed25519.PublicKey:
	default:
		switch oid := keyAlgorithm(c); {
		case oid.Equal(oidGost2001Key):
			return refuse(WeakAlgorithm)
		case gostBits(c) == 0:
			return refuse(Unsupported)
		}
	}
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return refuse(WeakAlgorithm)
	case x509.UnknownSignatureAlgorithm:
		var s signed
		if _, err := asn1.Unmarshal(c.Raw, &s); err != nil {
			return refuse(Malformed)
		}
		_, refusal := algorithmOf(s.Algorithm.Algorithm, digest{})
		return refusal
	}
	return nil
}
