package authority

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/smallstep/pkcs7"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

var randomness = rand.Reader

// Password opens every PKCS#12 file of the demo.
const Password = "propusk"

// An Order is what somebody asks an authority for.
type Order struct {
	SNILS, FamilyName, GivenName, Patronymic string

	Kind      string // signature, card, or plain: without a qualified policy
	Algorithm string // ecdsa, rsa, gost
	Tree      string // Main or Stranger; empty: Main. GOST goes by its algorithm
	From      time.Time
	Until     time.Time
}

// A Certificate is one that was issued, with its key as on a token.
type Certificate struct {
	Serial    string    `json:"serial"`
	Name      string    `json:"name"`
	SNILS     string    `json:"snils"`
	Kind      string    `json:"kind"`
	Algorithm string    `json:"algorithm"`
	Tree      string    `json:"authority"`
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`
	Revoked   time.Time `json:"revoked,omitzero"`
	// PEM of the certificate, of the authority above it, and of the key.
	Certificate string `json:"certificate"`
	Chain       string `json:"chain"`
	Key         string `json:"key"`
	// PKCS12 holds all three, under Password.
	PKCS12   []byte `json:"pkcs12,omitempty"`
	Password string `json:"password,omitempty"`

	der []byte
}

var kinds = map[string][]string{"signature": {class}, "card": {class, CardPolicy}, "plain": nil}

func (o *Office) check(order *Order) (*tree, error) {
	if order.Kind == "" {
		order.Kind = "signature"
	}
	if order.Algorithm == "" {
		order.Algorithm = "ecdsa"
	}
	if order.Tree == "" {
		order.Tree = Main
	}
	if order.Algorithm == "gost" {
		if order.Tree = GOST; !o.HasGOST() {
			return nil, ErrNoGost
		}
	}
	if order.From.IsZero() {
		order.From = time.Now().Add(-time.Minute)
	}
	if order.Until.IsZero() {
		order.Until = order.From.Add(365 * 24 * time.Hour)
	}
	_, kind := kinds[order.Kind]
	t := o.trees[order.Tree]
	if !kind || t == nil || !slices.Contains([]string{"ecdsa", "rsa", "gost"}, order.Algorithm) || !order.Until.After(order.From) ||
		len(order.SNILS) != 11 || order.FamilyName == "" || order.GivenName == "" || (order.Tree == GOST) != (order.Algorithm == "gost") {
		return nil, ErrOrder
	}
	return t, nil
}

// Issue makes a certificate and its key.
func (o *Office) Issue(ctx context.Context, order Order) (Certificate, error) {
	t, err := o.check(&order)
	if err != nil {
		return Certificate{}, err
	}
	given := strings.TrimSpace(order.GivenName + " " + order.Patronymic)
	attribute := func(value string, oid ...int) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier(oid), Value: value}
	}
	template := &x509.Certificate{
		SerialNumber: number(), NotBefore: order.From.UTC(), NotAfter: order.Until.UTC(),
		Subject: pkix.Name{CommonName: order.FamilyName + " " + given, Country: []string{"RU"}, ExtraNames: []pkix.AttributeTypeAndValue{
			attribute(order.FamilyName, 2, 5, 4, 4), attribute(given, 2, 5, 4, 42), attribute(order.SNILS, 1, 2, 643, 100, 3),
		}},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
		OCSPServer:  []string{o.address(t.name, "ocsp")}, CRLDistributionPoints: []string{o.address(t.name, "issuing.crl")},
	}
	for _, policy := range kinds[order.Kind] {
		oid, err := x509.ParseOID(policy)
		if err != nil {
			return Certificate{}, err
		}
		template.Policies = append(template.Policies, oid)
	}
	certPEM, keyPEM, err := o.make(ctx, template, t.issuing, order.Algorithm)
	if err != nil {
		return Certificate{}, fmt.Errorf("authority: issue: %w", err)
	}
	block, _ := pem.Decode(certPEM)
	serial := template.SerialNumber.Text(16)
	_, err = o.db.ExecContext(ctx, `INSERT INTO certificate (serial, tree, snils, name, kind, algorithm, issued, revoked, der, key) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
		serial, t.name, order.SNILS, template.Subject.CommonName, order.Kind, order.Algorithm, time.Now().UnixMicro(), block.Bytes, string(keyPEM))
	if err != nil {
		return Certificate{}, fmt.Errorf("authority: keep the certificate: %w", err)
	}
	return o.Certificate(ctx, serial)
}

// make makes a certificate and a key; without an issuer, signed by itself.
func (o *Office) make(ctx context.Context, template *x509.Certificate, issuer *signer, algorithm string) (certPEM, keyPEM []byte, err error) {
	if algorithm == "gost" {
		der, key, err := gostCertificate(ctx, template, issuer)
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key, err
	}
	var key crypto.Signer
	if algorithm == "rsa" {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = newEC()
	}
	if err != nil {
		return nil, nil, err
	}
	parent, by := template, key
	if issuer != nil {
		parent, by = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), err
}

const columns = `SELECT serial, tree, snils, name, kind, algorithm, revoked, der, key FROM certificate `

func (o *Office) scan(row interface{ Scan(...any) error }) (Certificate, error) {
	var c Certificate
	var revoked int64
	if err := row.Scan(&c.Serial, &c.Tree, &c.SNILS, &c.Name, &c.Kind, &c.Algorithm, &revoked, &c.der, &c.Key); err != nil {
		return c, err
	}
	if revoked != 0 {
		c.Revoked = time.UnixMicro(revoked).UTC()
	}
	cert, err := x509.ParseCertificate(c.der)
	if err != nil {
		return c, err
	}
	c.From, c.Until = cert.NotBefore, cert.NotAfter
	c.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.der}))
	if t := o.trees[c.Tree]; t != nil {
		c.Chain = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: t.issuing.cert.Raw}))
	}
	return c, nil
}

// Certificate gives one with its key; ErrUnknown.
func (o *Office) Certificate(ctx context.Context, serial string) (Certificate, error) {
	c, err := o.scan(o.db.QueryRowContext(ctx, columns+`WHERE serial = ?`, strings.ToLower(serial)))
	if errors.Is(err, sql.ErrNoRows) {
		return c, ErrUnknown
	}
	return c, err
}

// Certificates lists what was issued, newest first.
func (o *Office) Certificates(ctx context.Context) ([]Certificate, error) {
	rows, err := o.db.QueryContext(ctx, columns+`ORDER BY issued DESC LIMIT 200`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Certificate{}
	for rows.Next() {
		c, err := o.scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Revoke puts a certificate on the list; revoking twice changes nothing.
func (o *Office) Revoke(ctx context.Context, serial string) (Certificate, error) {
	_, err := o.db.ExecContext(ctx, `UPDATE certificate SET revoked = ? WHERE serial = ? AND revoked = 0`, time.Now().UnixMicro(), strings.ToLower(serial))
	if err != nil {
		return Certificate{}, err
	}
	return o.Certificate(ctx, serial)
}

// Token packs a certificate, what is above it and its key into a PKCS#12 file under Password.
func (o *Office) Token(ctx context.Context, c Certificate) ([]byte, error) {
	if c.Algorithm == "gost" {
		var out []byte
		err := within(map[string][]byte{"cert": []byte(c.Certificate), "chain": []byte(c.Chain), "key": []byte(c.Key)}, func(dir string) (err error) {
			out, err = run(ctx, dir, nil, "pkcs12", "-export", "-engine", "gost", "-in", "cert", "-certfile", "chain", "-inkey", "key", "-passout", "pass:"+Password)
			return err
		})
		return out, err
	}
	s, err := load([]byte(c.Certificate), []byte(c.Key), "")
	if err != nil {
		return nil, err
	}
	return pkcs12.Modern.Encode(s.key, s.cert, []*x509.Certificate{o.trees[c.Tree].issuing.cert}, Password)
}

// Sign signs a content with the key of a certificate, as its holder would: a CMS message in DER.
func (o *Office) Sign(ctx context.Context, c Certificate, content []byte, detached bool) ([]byte, error) {
	if c.Algorithm == "gost" {
		var out []byte
		err := within(map[string][]byte{"cert": []byte(c.Certificate), "chain": []byte(c.Chain), "key": []byte(c.Key), "content": content}, func(dir string) (err error) {
			args := []string{"cms", "-sign", "-engine", "gost", "-md", "md_gost12_256", "-binary", "-in", filepath.Join(dir, "content"),
				"-signer", "cert", "-inkey", "key", "-certfile", "chain", "-outform", "DER"}
			if !detached {
				args = append(args, "-nodetach")
			}
			out, err = run(ctx, dir, nil, args...)
			return err
		})
		return out, err
	}
	s, err := load([]byte(c.Certificate), []byte(c.Key), "")
	if err != nil {
		return nil, err
	}
	message, err := pkcs7.NewSignedData(content)
	if err != nil {
		return nil, err
	}
	message.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := message.AddSignerChain(s.cert, s.key, []*x509.Certificate{o.trees[c.Tree].issuing.cert}, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, err
	}
	if detached {
		message.Detach()
	}
	return message.Finish()
}
