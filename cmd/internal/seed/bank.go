package seed

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/propusk/propusk/examples/bank"
	"github.com/propusk/propusk/idp/partner"
)

// BankID is how the provider knows the demo's bank.
const BankID partner.ID = "zarechny"

// LoadBankKey reads the bank's private key from a file, or draws it and keeps it there.
func LoadBankKey(path string) (crypto.Signer, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("seed: bank key: %w", err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("seed: bank key: %w", err)
		}
		return key, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("seed: bank key: %w", err)
	}
	key, err := bank.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("seed: %s: %w", path, err)
	}
	return key, nil
}

// Partners are who speaks to the demo's provider by program.
func Partners(a Addresses, key crypto.Signer) ([]partner.Partner, error) {
	jwks, err := bank.JWKS(key)
	if err != nil {
		return nil, fmt.Errorf("seed: bank key: %w", err)
	}
	return []partner.Partner{{
		ID: BankID, Kind: partner.Bank, Name: map[string]string{"ru": "Банк «Заречный»", "en": "Zarechny Bank"}, Number: "040000999",
		Home: a.Bank + "/confirm", JWKS: jwks,
	}}, nil
}

// BankClients are everybody's papers as the bank has seen them, and two that show what can be otherwise.
func BankClients(people []Person) []bank.Client {
	var out []bank.Client
	add := func(id, note string, p Person) *bank.Client {
		r := p.Registered()
		out = append(out, bank.Client{
			ID: id, FamilyName: r.FamilyName, GivenName: r.GivenName, Patronymic: r.Patronymic, Sex: r.Sex, BirthDate: r.BirthDate,
			BirthPlace: r.BirthPlace, Citizenship: r.Citizenship, SNILS: r.SNILS, Phone: r.Phone, Note: note,
			Document: bank.Document{
				Type: r.Document.Type, Number: r.Document.Number, IssuedOn: r.Document.IssuedOn, Issuer: r.Document.Issuer, DepartmentCode: r.Document.DepartmentCode,
			},
		})
		return &out[len(out)-1]
	}
	for _, p := range people {
		id := fmt.Sprintf("%02d", p.Number)
		if p.Number == 0 {
			id = "new-" + p.Phone.String()[len(p.Phone.String())-2:]
		}
		add(id, "", p)
		switch p.Number {
		case 2:
			c := add("02-old-passport", "old passport / старый паспорт", p)
			number, _ := strconv.Atoi(c.Document.Number)
			c.Document.Number = fmt.Sprintf("%010d", number-1)
		case 4:
			add("04-other-phone", "another phone / другой телефон", p).Phone = "+79000000099"
		}
	}
	return out
}
