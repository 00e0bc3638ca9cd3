package bank

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Config is what the bank needs.
type Config struct {
	Listeners []net.Listener
	PublicURL string // the address that people type
	Issuer    string // of Propusk
	PartnerID string // under which Propusk knows the bank
	// Key signs the bank's assertions and proofs; Propusk has the public half.
	Key        crypto.Signer
	Clients    []Client
	WorldURL   string // of the demo; may be empty
	HTTPClient *http.Client
	Logger     *slog.Logger
	Now        func() time.Time
}

// A Client is somebody whose papers the bank has seen.
type Client struct {
	ID          string   `json:"id"`
	FamilyName  string   `json:"family_name"`
	GivenName   string   `json:"given_name"`
	Patronymic  string   `json:"patronymic,omitempty"`
	Sex         string   `json:"sex"`
	BirthDate   string   `json:"birth_date"`
	BirthPlace  string   `json:"birth_place"`
	Citizenship string   `json:"citizenship"`
	SNILS       string   `json:"snils"`
	Document    Document `json:"document"`
	Phone       string   `json:"phone"`
	// Note tells whoever tries the demo what is special about this client.
	Note string `json:"note,omitempty"`
}

// A Document is the paper that the bank has seen.
type Document struct {
	Type           string `json:"type"`
	Number         string `json:"number"`
	IssuedOn       string `json:"issued_on"`
	Issuer         string `json:"issuer"`
	DepartmentCode string `json:"department_code,omitempty"`
}

// Name is the client's full name.
func (c Client) Name() string {
	return strings.Join(strings.Fields(c.FamilyName+" "+c.GivenName+" "+c.Patronymic), " ")
}

func (c Config) complete() (Config, error) {
	var errs []error
	need := func(missing bool, what string) {
		if missing {
			errs = append(errs, errors.New(what+" is missing"))
		}
	}
	need(c.PublicURL == "", "the public address")
	need(c.Issuer == "", "the issuer")
	need(c.PartnerID == "", "the partner id")
	need(c.Key == nil, "the key")
	c.PublicURL, c.Issuer = strings.TrimSuffix(c.PublicURL, "/"), strings.TrimSuffix(c.Issuer, "/")
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{Timeout: 10 * time.Second}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := errors.Join(errs...); err != nil {
		return c, fmt.Errorf("bank: %w", err)
	}
	return c, nil
}

// FromFlags reads a Config from a program's arguments. Key and clients come from files.
func FromFlags(listen string, args []string) (Config, error) {
	flags := flag.NewFlagSet("bank", flag.ContinueOnError)
	address := flags.String("listen", listen, "address to listen on")
	public := flags.String("url", "http://"+listen, "address that people type")
	issuer := flags.String("issuer", "http://localhost:8080", "issuer of the identity provider")
	id := flags.String("partner", "zarechny", "partner id of the bank")
	keyFile := flags.String("key-file", "bank-key.pem", "PKCS #8 file of the bank's private key")
	clientsFile := flags.String("clients-file", "bank-clients.json", "file with the bank's clients")
	if err := flags.Parse(args); err != nil {
		return Config{}, err
	}
	cfg := Config{PublicURL: *public, Issuer: *issuer, PartnerID: *id, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	text, err := os.ReadFile(*keyFile)
	if err != nil {
		return Config{}, err
	}
	if cfg.Key, err = ParseKey(text); err != nil {
		return Config{}, fmt.Errorf("%s: %w", *keyFile, err)
	}
	if text, err = os.ReadFile(*clientsFile); err != nil {
		return Config{}, err
	}
	if err := json.Unmarshal(text, &cfg.Clients); err != nil {
		return Config{}, fmt.Errorf("%s: %w", *clientsFile, err)
	}
	l, err := net.Listen("tcp", *address)
	if err != nil {
		return Config{}, err
	}
	cfg.Listeners = []net.Listener{l}
	return cfg, nil
}

// ParseKey reads a private key in PEM, PKCS #8.
func ParseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not a private key in PKCS #8")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("not a key that signs")
	}
	return signer, nil
}
