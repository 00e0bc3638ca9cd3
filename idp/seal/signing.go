package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"
)

// A SigningKey signs tokens.
type SigningKey struct {
	// ID is the kid: a part of the public key's hash, so that no two keys
	// share one, not even across installations.
	ID string
	// Alg is the name in JOSE: ES256, RS256, or EdDSA for letters.
	Alg string
	// Private signs; its Public is what the world is shown.
	Private crypto.Signer
	// UsableFrom is when it begins to sign.
	UsableFrom time.Time

	key Key
}

// KeyID is the id in the keyring, for retiring it.
func (k SigningKey) KeyID() uint32 { return k.key.ID }

// The algorithms by their names in JOSE (RFC 7518, section 3.1).
const (
	ES256 = "ES256"
	RS256 = "RS256"
	EdDSA = "EdDSA" // RFC 8037
)

const rsaBits = 2048

func newSecret(use Use) ([]byte, error) {
	var signer any
	var err error
	switch use {
	case UseSeal, UseIndex:
		secret := make([]byte, SecretSize)
		rand.Read(secret)
		return secret, nil
	case UseSignES256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case UseSignLetters:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	case UseSignRS256:
		signer, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		err = fmt.Errorf("unknown use")
	}
	if err != nil {
		return nil, fmt.Errorf("seal: new key for %s: %w", use, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, fmt.Errorf("seal: new key for %s: %w", use, err)
	}
	return der, nil
}

func newSigningKey(k Key) (SigningKey, error) {
	private, err := x509.ParsePKCS8PrivateKey(k.Secret)
	if err != nil {
		return SigningKey{}, fmt.Errorf("seal: key %d: not a private key", k.ID) // the cause could quote the key
	}
	out := SigningKey{UsableFrom: k.UsableFrom, key: k}
	switch p := private.(type) {
	case *ecdsa.PrivateKey:
		if k.Use == UseSignES256 && p.Curve == elliptic.P256() {
			out.Alg, out.Private = ES256, p
		}
	case ed25519.PrivateKey:
		if k.Use == UseSignLetters {
			out.Alg, out.Private = EdDSA, p
		}
	case *rsa.PrivateKey:
		if k.Use == UseSignRS256 && p.N.BitLen() >= rsaBits {
			out.Alg, out.Private = RS256, p
		}
	}
	if out.Private == nil {
		return SigningKey{}, fmt.Errorf("seal: key %d: not a private key for %s", k.ID, k.Use)
	}
	public, err := x509.MarshalPKIXPublicKey(out.Private.Public())
	if err != nil {
		return SigningKey{}, fmt.Errorf("seal: key %d: %w", k.ID, err)
	}
	sum := sha256.Sum256(public)
	out.ID = base64.RawURLEncoding.EncodeToString(sum[:12])
	return out, nil
}
