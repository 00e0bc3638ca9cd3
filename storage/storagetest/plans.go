package storagetest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Plans checks that the statements of the hot path go by an index, whatever the tables hold: a plan that
// reads a whole table is right on an empty database and a disaster on a full one.
func Plans(t *testing.T, s *Stores) {
	// The choice between indexes depends on what lies in the tables, and on statistics of it.
	raw := s.Raw(t)
	for _, statement := range []string{
		fill("account", "i, 1, 1, '{}', 0, 0, 0, 'ru', NULL, NULL, NULL"),
		fill("lookup", "'phone', 2, CAST(CAST(i AS TEXT) AS {bytes}), i, 1, 1"),
		fill("session", "CAST(i AS TEXT), i, 1, 'ordinary', i, i, i, 0, i, '', '{}', NULL, '', i % 2"),
		fill("grants", "CAST(i AS TEXT), i, 'tax', CAST(i AS TEXT), 1, '', NULL, 0, '', '', '{}', i, i % 2, 0, i % 2, 1, NULL, 0, NULL, NULL, 0, '', ''"),
		fill("due", "'later', CAST(i AS TEXT), i"),
		fill("application", "CAST(i AS TEXT), i, i, i % 2, 1, CAST('' AS {bytes})"),
		fill("letter", "CAST(i AS TEXT), i, i, i % 2, 1, CAST('' AS {bytes})"),
		fill("contact_claim", "CAST(i AS TEXT), i, i, i % 2, 1, CAST('' AS {bytes})"),
		fill("consent", "i, 'tax', '', 0, 0"),
		fill("party", "CAST(i AS TEXT), '{}'"),
		fill("message", "CAST(i AS TEXT), i, '', 0, 0, i % 2, NULL"),
		`INSERT INTO event (at, kind, account, actor, client, session, device, reason, detail, request)
			SELECT id, '', id, id, '', '', '', '', '', '' FROM account`,
		`ANALYZE`,
	} {
		statement = strings.ReplaceAll(statement, "{bytes}", map[string]string{"sqlite": "BLOB", "postgres": "BYTEA"}[s.DB.Dialect()])
		_, err := raw.ExecContext(t.Context(), statement)
		ok(t, statement, err)
	}
	plans, err := s.DB.Plans(t.Context())
	ok(t, "Plans", err)
	if len(plans) < 10 {
		t.Fatalf("plans: got %d of the hot statements", len(plans))
	}
	for name, plan := range plans {
		if scans, conds := strings.Count(plan, "Index Scan")+strings.Count(plan, "Index Only Scan"), strings.Count(plan, "Index Cond"); scans > conds {
			t.Errorf("%s reads a whole index:\n%s", name, plan)
		}
		for line := range strings.Lines(plan) {
			if strings.Contains(line, "SCAN ") && !strings.Contains(line, "CONSTANT ROW") || strings.Contains(line, "Seq Scan") {
				t.Errorf("%s reads a whole table:\n%s", name, plan)
				break
			}
		}
	}
}

// fill makes a statement that puts many rows into a table.
func fill(table, values string) string {
	return `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO ` + table + ` SELECT ` + values + ` FROM n`
}

// Trips checks what each call of the hot path costs, statements being known to the connection already.
func Trips(t *testing.T, s *Stores) {
	ctx := t.Context()
	a := s.Create(t, s.Standard(t))
	v := s.StartOne(t, a)
	g := s.Granted(t, v, "tax", true)
	phone := a.Profile.Contacts[0].Value
	gen := 0
	calls := []struct {
		name string
		call func() error
	}{
		{"SignOn", func() error { _, _, _, err := s.SignOn(ctx, v.ID, "tax"); return err }},
		{"RedeemGrant", func() error { _, err := s.RedeemGrant(ctx, s.Grant(v, "tax", true)); return err }},
		{"RotateGrant", func() error { _, _, err := s.RotateGrant(ctx, s.rotation(g, gen)); gen++; return err }},
		{"GrantUse", func() error { _, err := s.GrantUse(ctx, g.ID); return err }},
		{"GrantAccount", func() error { _, _, err := s.GrantAccount(ctx, g.ID); return err }},
		{"FindAccount", func() error { _, err := s.FindAccount(ctx, "phone", phone); return err }},
		{"Account", func() error { _, err := s.Account(ctx, a.ID); return err }},
		{"TouchSession", func() error { return s.TouchSession(ctx, v.ID, s.Clock.Now()) }},
		{"PartyVersion", func() error { _, err := s.PartyVersion(ctx); return err }},
		{"Transients.Put", func() error { return s.Transients.Put(ctx, "k", "i", nil, Start, Start.AddDate(1, 0, 0)) }},
		{"Transients.Get", func() error { _, _, err := s.Transients.Get(ctx, "k", "i", Start); return err }},
		{"Transients.Take", func() error {
			if err := s.Transients.Put(ctx, "k", "i", nil, Start, Start.AddDate(1, 0, 0)); err != nil {
				return err
			}
			s.Ops.Reset()
			_, err := s.Transients.Take(ctx, "k", "i", Start)
			return err
		}},
		{"Transients.Count", func() error { _, _, err := s.Transients.Count(ctx, "k", "i", 1, Start, 1e9); return err }},
	}
	for _, c := range calls {
		ok(t, c.name, c.call())
		s.Ops.Reset()
		ok(t, c.name, c.call())
		if ops := s.Ops.Reset(); len(ops) != 1 {
			t.Errorf("trips of %s: got %v, want one", c.name, ops)
		}
	}
}

// Secret checks that neither names nor numbers of a person lie readable in the files of SQLite.
func Secret(t *testing.T, s *Stores) {
	ctx := t.Context()
	a := s.Create(t, s.Standard(t))
	a.Profile.Address = nil
	p := a.Profile.Person
	v := s.StartOne(t, a)
	s.Granted(t, v, "tax", true)
	app := s.File(t, a)
	ok(t, "FileApplication", s.FileApplication(ctx, app))
	lettersAndVisits(t, s)
	messages(t, s)
	phone := a.Profile.Contacts[0].Value
	ok(t, "PostMessage", s.PostMessage(ctx, message(s, phone)))

	words := map[string]string{"SNILS": p.SNILS.String(), "formatted SNILS": p.SNILS.Format(), "phone": phone[1:], "family name": "Ёлкина",
		"family name folded": "елкина", "given name": "Анна", "birth date": p.BirthDate.String(), "document": p.Document.Number,
		"application's SNILS": app.Person.SNILS.String(), "text of a message": "Длинное письмо", "street": "Орловская", "password": "argon2id"}
	files, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	ok(t, "Glob", err)
	if len(files) < 2 {
		t.Fatalf("files: got %v, want the database and its log", files)
	}
	size := 0
	for _, file := range files {
		raw := read(t, file)
		size += len(raw)
		for what, word := range words {
			if strings.Contains(raw, word) {
				t.Errorf("%s holds the %s", filepath.Base(file), what)
			}
		}
	}
	// The files are looked into, not past: what is not secret must be found.
	if !strings.Contains(fmt.Sprint(filesWith(t, files, "Firefox, Windows")), ".db") {
		t.Errorf("in %d bytes of %v the device of a session is not found", size, files)
	}
}
