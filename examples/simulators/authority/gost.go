package authority

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// An openssl is the installed program with its GOST engine.
type openssl struct {
	once  sync.Once
	there bool
}

func (o *openssl) available(ctx context.Context) bool {
	o.once.Do(func() {
		out, err := run(ctx, "", nil, "dgst", "-engine", "gost", "-md_gost12_256", "-r")
		o.there = err == nil && strings.HasPrefix(string(out), "3f539a213e97c802cc229d474c6aa32a")
	})
	return o.there
}

func run(ctx context.Context, dir string, in []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", args...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(in)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("openssl %s: %w: %s", args[0], err, said.String())
	}
	return out.Bytes(), nil
}

// within runs f in a directory of files that goes away.
func within(files map[string][]byte, f func(dir string) error) error {
	dir, err := os.MkdirTemp("", "world-authority-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return f(dir)
}

// gostKey draws a key: PEM, and its SubjectPublicKeyInfo.
func gostKey(ctx context.Context) (key, spki []byte, err error) {
	key, err = run(ctx, "", nil, "genpkey", "-engine", "gost", "-algorithm", "gost2012_256", "-pkeyopt", "paramset:A")
	if err != nil {
		return nil, nil, err
	}
	public, err := run(ctx, "", key, "pkey", "-engine", "gost", "-pubout")
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(public)
	if block == nil {
		return nil, nil, fmt.Errorf("openssl pkey: no key")
	}
	return key, block.Bytes, nil
}

var gostAlgorithm = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 643, 7, 1, 1, 3, 2}}

type signed struct {
	TBS       asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
	Rest      asn1.RawValue `asn1:"optional"`
}

// regost signs with a GOST key what crypto/x509 made and signed with another: a certificate, a revocation
// list or an OCSP answer. at is where the algorithm stands in what is signed, below zero if it does not; spki takes the place of a
// certificate's key.
func regost(ctx context.Context, der []byte, at int, spki []byte, keyFile string) ([]byte, error) {
	var s signed
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return nil, err
	}
	algorithm, err := asn1.Marshal(gostAlgorithm)
	if err != nil {
		return nil, err
	}
	var body []byte
	rest := s.TBS.Bytes
	for i := 0; len(rest) > 0; i++ {
		var v asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &v); err != nil {
			return nil, err
		}
		switch {
		case i == at:
			body = append(body, algorithm...)
		case i == at+4 && spki != nil:
			body = append(body, spki...)
		default:
			body = append(body, v.FullBytes...)
		}
	}
	tbs, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: body})
	if err != nil {
		return nil, err
	}
	signature, err := run(ctx, "", tbs, "dgst", "-engine", "gost", "-md_gost12_256", "-sign", keyFile)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(signed{TBS: asn1.RawValue{FullBytes: tbs}, Algorithm: gostAlgorithm, Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
}

// keyID names a key as RFC 5280 section 4.2.1.2 proposes.
func keyID(spki []byte) []byte {
	var s struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &s); err != nil {
		return nil
	}
	sum := sha1.Sum(s.Key.Bytes)
	return sum[:]
}

// gostCertificate makes a certificate of a GOST key; without an issuer, by itself.
func gostCertificate(ctx context.Context, template *x509.Certificate, issuer *signer) (der, key []byte, err error) {
	key, spki, err := gostKey(ctx)
	if err != nil {
		return nil, nil, err
	}
	stand, err := newEC() // signs until GOST does
	if err != nil {
		return nil, nil, err
	}
	template.SubjectKeyId = keyID(spki)
	parent := template
	if issuer != nil {
		parent = stripped(issuer.cert)
	}
	if der, err = x509.CreateCertificate(randomness, template, parent, stand.Public(), stand); err != nil {
		return nil, nil, err
	}
	err = within(map[string][]byte{"key": key}, func(dir string) error {
		file := filepath.Join(dir, "key")
		if issuer != nil {
			file = issuer.file
		}
		der, err = regost(ctx, der, 2, spki, file)
		return err
	})
	return der, key, err
}

// stripped is a certificate without its key, which crypto/x509 would compare with the one that signs.
func stripped(c *x509.Certificate) *x509.Certificate {
	out := *c
	out.PublicKey = nil
	return &out
}
