package devca

import (
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var began = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func opened(t *testing.T, dir, host string, now time.Time) *Authority {
	t.Helper()
	a, err := Open(dir, host, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// accepts tells what a client that trusts the authority alone makes of its certificate.
func accepts(t *testing.T, a *Authority, host string, at time.Time) error {
	t.Helper()
	pair, err := a.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: a.Roots(), DNSName: host, CurrentTime: at})
	return err
}

func TestTheAuthorityIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	first := opened(t, dir, "", began)
	if !first.Made {
		t.Error("the first one is not new")
	}
	info, err := os.Stat(filepath.Join(dir, "ca-key.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("ca-key.pem: %v, %v; want mode 0600", info, err)
	}
	second := opened(t, dir, "", began.Add(time.Hour))
	if second.Made || !second.cert.Equal(first.cert) {
		t.Error("the second start has another authority")
	}
	// Whoever trusted the first sees nothing new.
	pair, err := second.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: first.Roots(), DNSName: "localhost", CurrentTime: began.Add(time.Hour)}); err != nil {
		t.Error(err)
	}
}

func TestItSpeaksForThisMachineAndThePublicHostOnly(t *testing.T) {
	for _, public := range []string{"", "localhost", "propusk.test", "192.0.2.7"} {
		a := opened(t, t.TempDir(), public, began)
		for _, host := range []string{"localhost", "127.0.0.1", "::1", public} {
			if err := accepts(t, a, host, began); err != nil {
				t.Errorf("public host %q: %s: %v", public, host, err)
			}
		}
	}
	a := opened(t, t.TempDir(), "propusk.test", began)
	if pair, _ := a.Certificate(nil); pair.PrivateKey.(*ecdsa.PrivateKey).Curve.Params().BitSize != 256 {
		t.Error("the certificate is not on P-256")
	}
	// Whoever steals the key still cannot speak for others.
	a.host, a.leaf = "bank.example", nil
	var invalid x509.CertificateInvalidError
	if err := accepts(t, a, "bank.example", began); !errors.As(err, &invalid) || invalid.Reason != x509.CANotAuthorizedForThisName {
		t.Errorf("for a stranger's name: %v", err)
	}
}

func TestANewPublicHostMakesANewAuthority(t *testing.T) {
	dir := t.TempDir()
	opened(t, dir, "", began)
	if a := opened(t, dir, "propusk.test", began); !a.Made || accepts(t, a, "propusk.test", began) != nil {
		t.Error("the authority was not made anew for another host")
	}
	if a := opened(t, dir, "", began); a.Made {
		t.Error("going back to localhost made another one")
	}
}

func TestCertificatesAreRenewedBeforeTheirEnd(t *testing.T) {
	dir, now := t.TempDir(), began
	a, err := Open(dir, "", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	first, err := a.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	now = began.Add(leafLife - leafLeft - time.Minute)
	if again, _ := a.Certificate(nil); again != first {
		t.Error("renewed too early")
	}
	now = began.Add(leafLife - leafLeft + time.Minute)
	if again, _ := a.Certificate(nil); again == first || !again.Leaf.NotAfter.After(first.Leaf.NotAfter) {
		t.Error("not renewed")
	}
	if err := accepts(t, a, "localhost", now); err != nil {
		t.Error(err)
	}
	now = began.Add(authorityLife)
	if late := opened(t, dir, "", now); !late.Made || accepts(t, late, "localhost", now) != nil {
		t.Error("an authority at its end is not replaced")
	}
}

func TestAForeignKeyIsAMistakeAndNothingIsOverwritten(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	opened(t, dir, "", began)
	opened(t, other, "", began)
	key, err := os.ReadFile(filepath.Join(other, "ca-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca-key.pem"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if _, err := Open(dir, "", time.Now); err == nil {
		t.Error("a key of another authority is accepted")
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "ca.pem")); string(after) != string(before) {
		t.Error("the certificate was overwritten")
	}
}
