// Package authority plays the certification authorities: it issues qualified certificates and those of
// electronic cards to the people of the outside world, keeps their keys as a token would, signs with them,
// revokes them, and answers whether they are revoked, by lists and by OCSP.
//
// There are three trees: one of elliptic curves and RSA, one of GOST R 34.10-2012, which the installed
// OpenSSL computes, and one of a stranger, whose root is on nobody's trust list.
package authority

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver of the file of certificates
)

// The trees, by name.
const (
	Main     = "main"
	GOST     = "gost"
	Stranger = "stranger"
)

// CardPolicy marks certificates of electronic cards. It is an identifier that anybody may draw (ITU-T
// X.667), since the real ones belong to somebody.
const CardPolicy = "2.25.171406250219434413519"

// class is the least of the classes of signing tools, KC1, which every qualified certificate here carries.
const class = "1.2.643.100.113.1"

// Errors that callers tell apart.
var (
	ErrUnknown = errors.New("authority: no such certificate")
	ErrOrder   = errors.New("authority: not an order for a certificate")
	ErrNoGost  = errors.New("authority: GOST needs openssl with its GOST engine (Debian: libengine-gost-openssl)")
)

// An Office is the authorities and what they have issued.
type Office struct {
	db      *sql.DB
	dir     string
	base    string // where lists and responders are reached
	trees   map[string]*tree
	openssl openssl
}

// A tree is a root and the authority below it that issues.
type tree struct {
	name          string
	root, issuing *signer
}

// A signer is an authority's certificate and key. The key is ours, or lies in a file for OpenSSL.
type signer struct {
	cert *x509.Certificate
	key  crypto.Signer
	file string // of a GOST key
}

// Open reads the authorities of a directory, or founds them. base is the address at which Mount is reached.
func Open(ctx context.Context, dir, base string) (*Office, error) {
	o := &Office{dir: filepath.Join(dir, "authority"), base: strings.TrimSuffix(base, "/"), trees: map[string]*tree{}}
	if err := o.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("authority: %w", err), o.Close())
	}
	return o, nil
}

// Close closes the file of certificates.
func (o *Office) Close() error {
	if o.db == nil {
		return nil
	}
	return o.db.Close()
}

func (o *Office) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	o.db, err = sql.Open("sqlite", "file:"+o.path("certificates.sqlite")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	o.db.SetMaxOpenConns(1)
	_, err = o.db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS certificate (
		serial TEXT NOT NULL PRIMARY KEY, tree TEXT NOT NULL, snils TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, algorithm TEXT NOT NULL,
		issued INTEGER NOT NULL, revoked INTEGER NOT NULL, der BLOB NOT NULL, key TEXT NOT NULL);
		CREATE TABLE IF NOT EXISTS authority_mode (one INTEGER NOT NULL PRIMARY KEY, mode TEXT NOT NULL)`)
	if err != nil {
		return err
	}
	for _, name := range []string{Main, Stranger, GOST} {
		if name == GOST && !o.openssl.available(ctx) {
			continue
		}
		t, err := o.openTree(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		o.trees[name] = t
	}
	return nil
}

// HasGOST tells whether GOST certificates can be had.
func (o *Office) HasGOST() bool { return o.trees[GOST] != nil }

// A Root is what a trust list takes in.
type Root struct {
	Name string
	DER  []byte
	CRLs []string
	OCSP string
}

// Roots are those of the accredited trees.
func (o *Office) Roots() []Root {
	var out []Root
	for _, name := range []string{Main, GOST} {
		if t := o.trees[name]; t != nil {
			out = append(out, Root{
				Name: t.root.cert.Subject.CommonName, DER: t.root.cert.Raw, OCSP: o.address(name, "ocsp"),
				CRLs: []string{o.address(name, "issuing.crl"), o.address(name, "root.crl")},
			})
		}
	}
	return out
}

func (o *Office) address(tree, what string) string { return o.base + "/ca/" + tree + "/" + what }

var names = map[string][2]string{
	Main:     {"Головной удостоверяющий центр (демо)", "Удостоверяющий центр «Восток» (демо)"},
	GOST:     {"Головной удостоверяющий центр ГОСТ (демо)", "Удостоверяющий центр «Запад» ГОСТ (демо)"},
	Stranger: {"Неизвестный корень (демо)", "Неизвестный удостоверяющий центр (демо)"},
}

// openTree reads a tree, or founds it. Half a tree is founded anew.
func (o *Office) openTree(ctx context.Context, name string) (*tree, error) {
	t := &tree{name: name}
	var err error
	if t.root, err = o.read(name + "-root"); err == nil {
		t.issuing, err = o.read(name + "-issuing")
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if t.root, err = o.found(ctx, name+"-root", names[name][0], nil); err != nil {
		return nil, err
	}
	t.issuing, err = o.found(ctx, name+"-issuing", names[name][1], t.root)
	return t, err
}

func (o *Office) path(name string) string { return filepath.Join(o.dir, name) }

func (o *Office) read(name string) (*signer, error) {
	text, err := os.ReadFile(o.path(name + ".pem"))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(o.path(name + ".key"))
	if err != nil {
		return nil, err
	}
	return load(text, key, o.path(name+".key"))
}

// load reads a certificate and its key. A key that Go does not know is GOST, and stays in its file.
func load(certPEM, keyPEM []byte, file string) (*signer, error) {
	block, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if block == nil || keyBlock == nil {
		return nil, errors.New("not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	s := &signer{cert: cert, file: file}
	if cert.PublicKey == nil {
		return s, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, err
	}
	s.key = key.(crypto.Signer)
	return s, nil
}

// found makes an authority: a root if it has no issuer.
func (o *Office) found(ctx context.Context, name, common string, issuer *signer) (*signer, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: number(), NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(15 * 365 * 24 * time.Hour),
		Subject:               pkix.Name{CommonName: common, Organization: []string{"Внешний мир"}, Country: []string{"RU"}},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: issuer != nil,
	}
	algorithm := "ecdsa"
	if strings.HasPrefix(name, GOST) {
		algorithm = "gost"
	}
	certPEM, keyPEM, err := o.make(ctx, template, issuer, algorithm)
	if err != nil {
		return nil, err
	}
	for file, content := range map[string][]byte{name + ".key": keyPEM, name + ".pem": certPEM} {
		if err := os.WriteFile(o.path(file), content, 0o600); err != nil {
			return nil, err
		}
	}
	return load(certPEM, keyPEM, o.path(name+".key"))
}

// number is a serial number: 16 random bytes, positive.
func number() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

func newEC() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
