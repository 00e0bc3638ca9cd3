package certificate

import (
	"bytes"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
)

// A Statement is what a citizen signs: it says whose account it is, and carries a number that was never
// used before.
type Statement struct {
	ID      string         `json:"id"`
	Account account.ID     `json:"account"`
	Person  account.Person `json:"person"` // as the text has it; the registries agreed with it
	Content []byte         `json:"content"`
	Made    time.Time      `json:"made"`  // Now
	Until   time.Time      `json:"until"` // Now
}

// FileName is how the file is offered. It names nobody: downloads lie around.
func (s *Statement) FileName() string { return "propusk-" + strings.ToLower(s.ID[:8]) + ".txt" }

// statementText ends its lines as DOS does: signing tools that take a file for text bring it into this
// form (RFC 8551 section 3.1.1), and then sign the very same bytes.
var statementText = template.Must(template.New("statement").Parse(strings.ReplaceAll(`ЗАЯВЛЕНИЕ
о подтверждении учётной записи

Я, {{.Name}}, СНИЛС {{.SNILS}},
подтверждаю, что учётная запись № {{.Account}} на {{.Issuer}}
принадлежит мне, и прошу подтвердить её моей квалифицированной
электронной подписью.

Номер заявления: {{.ID}}
Составлено: {{.Made}} (UTC)
Действует до: {{.Until}} (UTC), один раз

Подпишите этот файл, ничего в нём не меняя.

----------------------------------------------------------------

STATEMENT
for the confirmation of an account

I, {{.Name}}, SNILS {{.SNILS}},
declare that account No. {{.Account}} at {{.Issuer}}
is mine, and ask for it to be confirmed by my qualified electronic
signature.

Statement number: {{.ID}}
Made: {{.Made}} (UTC)
Valid until: {{.Until}} (UTC), once

Sign this file without changing anything in it.
`, "\n", "\r\n")))

func write(s *Statement, issuer string) error {
	const minute = "2006-01-02 15:04"
	p := s.Person
	var out bytes.Buffer
	err := statementText.Execute(&out, map[string]string{
		"Name":  civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}.Format(),
		"SNILS": p.SNILS.Format(), "Account": s.Account.String(), "Issuer": issuer, "ID": s.ID,
		"Made": s.Made.UTC().Format(minute), "Until": s.Until.UTC().Format(minute),
	})
	if err != nil {
		return fmt.Errorf("certificate: write the statement: %w", err)
	}
	s.Content = out.Bytes()
	return nil
}

// fits tells whether the statement still says who its citizen is.
func (s *Statement) fits(p account.Person) bool {
	return s.Person.SamePerson(p) && s.Person.FamilyName == p.FamilyName && s.Person.GivenName == p.GivenName && s.Person.Patronymic == p.Patronymic
}
