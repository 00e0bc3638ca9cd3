package seed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var demo = Addresses{
	Provider: "http://localhost:8080", Portal: "http://localhost:8081", Tax: "http://localhost:8082",
	Pension: "http://localhost:8083", Voting: "http://localhost:8084", Bank: "http://localhost:8085",
}

func TestTheSeededClientsAreWellRegistered(t *testing.T) {
	secrets, err := LoadSecrets(filepath.Join(t.TempDir(), "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range Clients(demo, secrets, true) {
		if err := c.Party.Validate(); err != nil {
			t.Errorf("%s: %v", c.Party.ID, err)
		}
		if (c.Secret == "") != (c.Party.ID == "sandbox") {
			t.Errorf("%s: secret %q", c.Party.ID, c.Secret)
		}
	}
}

func TestTheSeededPartnersAreWellRegistered(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	partners, err := Partners(demo, key)
	if err != nil || len(partners) == 0 {
		t.Fatalf("%d partners, %v", len(partners), err)
	}
	for _, p := range partners {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", p.ID, err)
		}
	}
}

func TestSecretsSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.json")
	first, err := LoadSecrets(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadSecrets(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("secrets (-first +second):\n%s", diff)
	}
}
