// Package devca is a certification authority for one machine: it is made once in the directory of a demo,
// and issues the certificate that all of the demo's sites share.
//
// Somebody who wants no warnings puts its certificate among the roots of a browser. What they take on
// with it is small: name constraints (RFC 5280 section 4.2.1.10) hold it to localhost, the loopback
// addresses and the demo's public host, so a stolen key opens no other site.
package devca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	// Browsers refuse certificates that live long; a process seldom lives as long as this.
	leafLife = 30 * 24 * time.Hour
	// What is left of a certificate when it is replaced.
	leafLeft = 10 * 24 * time.Hour
	// Clocks in containers and virtual machines are sometimes behind.
	backdated = time.Hour
)

// An Authority issues certificates for localhost, the loopback addresses and its public host.
type Authority struct {
	// Path is the file of the authority's certificate, for whoever is to trust it.
	Path string
	// Made says that the authority is new: nobody trusts it yet.
	Made bool

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	host string
	wall func() time.Time

	mu   sync.Mutex
	leaf *tls.Certificate
}

// Open reads the authority of a directory, or makes it: ca.pem, and ca-key.pem with mode 0600. It is made
// anew when it nears its end, and when its constraints leave out host, which may be "" for localhost alone.
func Open(dir, host string, wall func() time.Time) (*Authority, error) {
	a := &Authority{Path: filepath.Join(dir, "ca.pem"), host: host, wall: wall}
	keyPath := filepath.Join(dir, "ca-key.pem")
	err := a.read(keyPath)
	if err == nil && a.cert.NotAfter.After(wall().Add(leafLife)) && a.permits(host) {
		return a, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("development authority: %w", err)
	}
	if err := a.make(keyPath); err != nil {
		return nil, fmt.Errorf("development authority: %w", err)
	}
	return a, nil
}

// Roots trust the authority and nobody else.
func (a *Authority) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Certificate is what the sites show; it has the form of tls.Config.GetCertificate. Its key never reaches
// the disk, and near its end there is a new one.
func (a *Authority) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf != nil && a.leaf.Leaf.NotAfter.After(a.wall().Add(leafLeft)) {
		return a.leaf, nil
	}
	leaf, err := a.issue()
	if err != nil {
		return nil, fmt.Errorf("development authority: %w", err)
	}
	a.leaf = leaf
	return leaf, nil
}

func (a *Authority) read(keyPath string) error {
	block, err := readPEM(a.Path, "CERTIFICATE")
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(block); err != nil {
		return fmt.Errorf("%s: %w", a.Path, err)
	}
	if block, err = readPEM(keyPath, "PRIVATE KEY"); err != nil {
		return err
	}
	key, err := x509.ParsePKCS8PrivateKey(block)
	if err != nil {
		return fmt.Errorf("%s: %w", keyPath, err)
	}
	var ok bool
	if a.key, ok = key.(*ecdsa.PrivateKey); !ok || !a.key.PublicKey.Equal(a.cert.PublicKey) {
		return fmt.Errorf("%s is not the key of %s; remove both, and new ones are made", keyPath, a.Path)
	}
	return nil
}

func readPEM(path, kind string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("%s holds no %s", path, strings.ToLower(kind))
	}
	return block.Bytes, nil
}

// permits tells whether the constraints let the authority speak for a host.
func (a *Authority) permits(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return slices.ContainsFunc(a.cert.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) })
	}
	return host == "" || slices.ContainsFunc(a.cert.PermittedDNSDomains, func(d string) bool {
		return host == d || strings.HasSuffix(host, "."+d)
	})
}

// make draws the key and signs the authority's own certificate.
func (a *Authority) make(keyPath string) (err error) {
	domains := []string{"localhost"}
	ranges := []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
	switch ip := net.ParseIP(a.host); {
	case ip.To4() != nil:
		ranges = append(ranges, &net.IPNet{IP: ip.To4(), Mask: net.CIDRMask(32, 32)})
	case ip != nil:
		ranges = append(ranges, &net.IPNet{IP: ip, Mask: net.CIDRMask(128, 128)})
	case a.host != "" && a.host != "localhost":
		domains = append(domains, a.host)
	}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	now := a.wall()
	template := &x509.Certificate{
		// The name is this authority's own: a browser that knows an earlier one must not take it for this.
		Subject:      pkix.Name{Organization: []string{"Propusk demo"}, CommonName: "Propusk development CA " + rand.Text()[:6]},
		SerialNumber: serial(), NotBefore: now.Add(-backdated), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: domains, PermittedIPRanges: ranges,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return err
	}
	a.Made = true
	return errors.Join(replace(keyPath, "PRIVATE KEY", key, 0o600), replace(a.Path, "CERTIFICATE", der, 0o644))
}

// replace writes a file whole or not at all.
func replace(path, kind string, der []byte, mode fs.FileMode) error {
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return err
	}
	next := path + ".new"
	if err := os.WriteFile(next, b.Bytes(), mode); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func (a *Authority) issue() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := a.wall()
	template := &x509.Certificate{
		Subject:      pkix.Name{Organization: []string{"Propusk demo"}, CommonName: "localhost"},
		SerialNumber: serial(), NotBefore: now.Add(-backdated), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(a.host); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
	} else if a.host != "" && a.host != "localhost" {
		template.DNSNames = append(template.DNSNames, a.host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// serial is drawn: browsers refuse two certificates of one issuer with the same number.
func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}
