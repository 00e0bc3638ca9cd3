package certificate

import (
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// MaxFile is the greatest signed file that is looked at.
const MaxFile = 1 << 20

var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
)

// A message is a signed message by one signer (CMS, RFC 5652 section 5), read and not yet believed.
type message struct {
	content   []byte // nil: detached
	detached  bool
	certs     []*x509.Certificate
	signer    *x509.Certificate
	digest    digest
	algorithm algorithm
	attrs     []byte // the signed attributes as a SET in DER
	sum       []byte // the digest of the content, as they say
	signature []byte
}

// readMessage parses a file: DER, BER, or either in base64 with or without armour.
func readMessage(file []byte) (*message, error) {
	if len(file) > MaxFile {
		return nil, refuse(TooBig)
	}
	ber, ok := unwrap(file)
	if !ok {
		return nil, refuse(Malformed)
	}
	der, err := toDER(ber)
	if err != nil {
		return nil, &Refusal{Reason: Malformed, Cause: err}
	}
	return parse(der)
}

// unwrap takes off the armour of text.
func unwrap(file []byte) ([]byte, bool) {
	const sequence = 0x30
	if len(file) > 0 && file[0] == sequence {
		return file, true
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(file, []byte("\ufeff")))
	if bytes.HasPrefix(text, []byte("-----BEGIN ")) {
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, false
		}
		return block.Bytes, true
	}
	text = bytes.Join(bytes.Fields(text), nil)
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	return out[:n], err == nil && n > 0 && out[0] == sequence
}

func context0(n uint8) casn1.Tag { return casn1.Tag(n).ContextSpecific().Constructed() }

// parse reads a ContentInfo of SignedData.
func parse(der []byte) (*message, error) {
	bad := refuse(Malformed)
	input := cryptobyte.String(der)
	var info, outer, data cryptobyte.String
	var kind asn1.ObjectIdentifier
	if !input.ReadASN1(&info, casn1.SEQUENCE) || !input.Empty() || !info.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(oidSignedData) ||
		!info.ReadASN1(&outer, context0(0)) || !outer.ReadASN1(&data, casn1.SEQUENCE) {
		return nil, bad
	}
	var version int64
	var digests, encapsulated, content, signers cryptobyte.String
	var attached bool
	if !data.ReadASN1Integer(&version) || !data.ReadASN1(&digests, casn1.SET) || !data.ReadASN1(&encapsulated, casn1.SEQUENCE) ||
		!encapsulated.ReadASN1ObjectIdentifier(&kind) || !encapsulated.ReadOptionalASN1(&content, &attached, context0(0)) {
		return nil, bad
	}
	if !kind.Equal(oidData) {
		return nil, bad // a time stamp or the like
	}
	m := &message{detached: !attached}
	if attached {
		var text cryptobyte.String
		if !content.ReadASN1(&text, casn1.OCTET_STRING) {
			return nil, bad
		}
		m.content = text
	}
	var bag, lists cryptobyte.String
	var has bool
	if !data.ReadOptionalASN1(&bag, &has, context0(0)) || !data.ReadOptionalASN1(&lists, &has, context0(1)) ||
		!data.ReadASN1(&signers, casn1.SET) || !data.Empty() {
		return nil, bad
	}
	if err := m.readCertificates(bag); err != nil {
		return nil, err
	}
	var signer cryptobyte.String
	switch {
	case signers.Empty():
		return nil, bad
	case !signers.ReadASN1(&signer, casn1.SEQUENCE):
		return nil, bad
	case !signers.Empty():
		return nil, refuse(SeveralSigners)
	}
	if err := m.readSigner(signer); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *message) readCertificates(bag cryptobyte.String) error {
	for !bag.Empty() {
		var raw cryptobyte.String
		var tag casn1.Tag
		if !bag.ReadAnyASN1Element(&raw, &tag) {
			return refuse(Malformed)
		}
		if tag != casn1.SEQUENCE {
			continue // attribute certificates and forms of old
		}
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			return &Refusal{Reason: Malformed, Cause: err}
		}
		if m.certs = append(m.certs, cert); len(m.certs) > maxExtra {
			return refuse(Malformed)
		}
	}
	return nil
}

// readSigner reads a SignerInfo. Without signed attributes a signature over attributes could be passed off
// as one over a content that looks like them (RFC 5652 section 11 leaves that open), so they must be there.
func (m *message) readSigner(s cryptobyte.String) error {
	bad := refuse(Malformed)
	var version int64
	if !s.ReadASN1Integer(&version) {
		return bad
	}
	keyID := casn1.Tag(0).ContextSpecific()
	if s.PeekASN1Tag(keyID) {
		var id cryptobyte.String
		if !s.ReadASN1(&id, keyID) {
			return bad
		}
		m.pick(func(c *x509.Certificate) bool { return len(id) > 0 && bytes.Equal(c.SubjectKeyId, id) })
	} else {
		var id, issuer cryptobyte.String
		var serial []byte
		if !s.ReadASN1(&id, casn1.SEQUENCE) || !id.ReadASN1Element(&issuer, casn1.SEQUENCE) || !id.ReadASN1Integer(&serial) {
			return bad
		}
		m.pick(func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawIssuer, issuer) && bytes.Equal(c.SerialNumber.Bytes(), serial)
		})
	}
	digestOID, ok1 := readAlgorithm(&s)
	var attrs cryptobyte.String
	var has bool
	if !ok1 || !s.ReadOptionalASN1(&attrs, &has, context0(0)) || !has {
		return bad
	}
	signOID, ok2 := readAlgorithm(&s)
	var signature, unsigned cryptobyte.String
	if !ok2 || !s.ReadASN1(&signature, casn1.OCTET_STRING) || !s.ReadOptionalASN1(&unsigned, &has, context0(1)) || !s.Empty() {
		return bad
	}
	m.signature = signature
	if err := m.readAttributes(attrs); err != nil {
		return err
	}
	if m.signer == nil {
		return refuse(NoCertificate)
	}
	var refusal *Refusal
	if m.digest, refusal = digestOf(digestOID); refusal != nil {
		return refusal
	}
	if m.algorithm, refusal = algorithmOf(signOID, m.digest); refusal != nil {
		return refusal
	}
	return nil
}

func readAlgorithm(s *cryptobyte.String) (asn1.ObjectIdentifier, bool) {
	var sequence cryptobyte.String
	var oid asn1.ObjectIdentifier
	ok := s.ReadASN1(&sequence, casn1.SEQUENCE) && sequence.ReadASN1ObjectIdentifier(&oid)
	return oid, ok
}

func (m *message) pick(is func(*x509.Certificate) bool) {
	if i := slices.IndexFunc(m.certs, is); i >= 0 {
		m.signer = m.certs[i]
	}
}

// readAttributes takes content type and digest out of the signed attributes, each there once, and brings
// the set into the order of DER, in which it is signed (RFC 5652 section 5.4).
func (m *message) readAttributes(attrs cryptobyte.String) error {
	bad := refuse(Malformed)
	var all [][]byte
	var kinds, sums int
	for !attrs.Empty() {
		var whole, one, values, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !attrs.ReadASN1Element(&whole, casn1.SEQUENCE) {
			return bad
		}
		all = append(all, whole)
		if !whole.ReadASN1(&one, casn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&oid) || !one.ReadASN1(&values, casn1.SET) || !one.Empty() {
			return bad
		}
		switch {
		case oid.Equal(oidContentType):
			var kind asn1.ObjectIdentifier
			if kinds++; !values.ReadASN1ObjectIdentifier(&kind) || !values.Empty() || !kind.Equal(oidData) {
				return bad
			}
		case oid.Equal(oidMessageDigest):
			if sums++; !values.ReadASN1(&value, casn1.OCTET_STRING) || !values.Empty() {
				return bad
			}
			m.sum = value
		}
	}
	if kinds != 1 || sums != 1 {
		return bad
	}
	slices.SortFunc(all, bytes.Compare)
	m.attrs = appendElement(byte(casn1.SET), bytes.Join(all, nil))
	return nil
}

// verify checks that the signer signed content: what an attached message carries must be it, byte for byte.
func (m *message) verify(ctx context.Context, g Gost, content []byte) error {
	if refusal := strong(m.signer); refusal != nil {
		return refusal
	}
	if !m.detached && !bytes.Equal(m.content, content) {
		return refuse(AlteredContent)
	}
	sum, err := m.digest.sum(ctx, g, content)
	if err != nil {
		return err
	}
	// The signature first: it says whether the file is whole, and then the digest says whether it is of
	// this statement.
	if err := m.algorithm.verify(ctx, g, m.signer, m.attrs, m.signature); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(sum, m.sum) != 1 {
		return refuse(AlteredContent)
	}
	return nil
}

// others are the certificates of the message but the signer's.
func (m *message) others() []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(m.certs), m.signer.Equal)
}
