package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/recall"
)

// An installation is one without a provider: the command line alone works on it.
type installation struct {
	*stores.Opened
	t    *testing.T
	file string
}

func install(t *testing.T) *installation {
	t.Helper()
	dir := t.TempDir()
	in := &installation{t: t, file: filepath.Join(dir, "propusk.yaml")}
	in.ok("keys", "create", filepath.Join(dir, "master.key"))
	text := fmt.Sprintf(`issuer: https://id.example.ru
stores: {records: "sqlite:%[1]s/p.db", transients: "sqlite:%[1]s/t.db"}
keys: {master: %[1]s/master.key}
registries: {pension: "https://r.example.ru", interior: "https://r.example.ru", tax: "https://r.example.ru"}
post: {url: "https://post.example.ru"}
sms: {url: "https://sms.example.ru"}
mail: {server: "smtp.example.ru:587", from: noreply@id.example.ru}
help: 8 800 000-00-00
`, dir)
	if err := os.WriteFile(in.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in.ok("migrate")
	c, err := config.Load(in.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if in.Opened, err = stores.Open(t.Context(), stores.Configured(c), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	return in
}

// call is one command.
func (in *installation) call(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(context.Background(), append(args, "--config", in.file), &o, &e)
	return code, o.String(), e.String()
}

func (in *installation) ok(args ...string) string {
	in.t.Helper()
	if args[0] == "keys" { // before there is a configuration
		var o, e bytes.Buffer
		if code := run(context.Background(), args, &o, &e); code != 0 {
			in.t.Fatalf("%v: %s", args, &e)
		}
		return o.String()
	}
	code, out, errOut := in.call(args...)
	if code != 0 {
		in.t.Fatalf("%v: %d %s", args, code, errOut)
	}
	return out
}

func (in *installation) refused(why string, args ...string) {
	in.t.Helper()
	if code, out, errOut := in.call(args...); code == 0 || !strings.Contains(errOut, why) {
		in.t.Errorf("%v: %d %s%s, want a refusal that says %q", args, code, out, errOut, why)
	}
}

// An administrator has an app whose codes count once, so that each step has one of the next half minute.
type administrator struct {
	id, secret string
	step       time.Duration
}

func (a *administrator) decides(t *testing.T) []string {
	t.Helper()
	code, err := totp.GenerateCode(a.secret, time.Now().Add(a.step))
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--by", a.id, "--code", code}
}

func (in *installation) administrator() *administrator {
	in.t.Helper()
	a := idptest.Citizen(in.t, time.Now(), account.Standard)
	secret := "KRUGK4TBOR5WKZDFNVXWQ2LO"
	a.Credential.TOTP = &account.TOTP{Secret: secret, Since: time.Now()}
	if err := in.CreateAccount(in.t.Context(), a); err != nil {
		in.t.Fatal(err)
	}
	if err := in.SaveMember(in.t.Context(), &centre.Member{Account: a.ID, Centre: "77-001", Role: centre.Administrator, Active: true}); err != nil {
		in.t.Fatal(err)
	}
	return &administrator{id: a.ID.String(), secret: secret}
}

func TestTwoAdministratorsRecallOnTheCommandLine(t *testing.T) {
	in := install(t)
	first, second := in.administrator(), in.administrator()
	citizen := idptest.Citizen(t, time.Now(), account.Standard)
	suspect := account.ID(1 << 45)
	visit := account.Confirmation{ID: rand.Text(), Method: account.ServiceCenter, At: time.Now().Add(-time.Hour).UTC(), Operator: suspect}
	if err := citizen.Confirm(visit); err != nil {
		t.Fatal(err)
	}
	if err := in.CreateAccount(t.Context(), citizen); err != nil {
		t.Fatal(err)
	}
	level := func(want account.Level) {
		t.Helper()
		if got, err := in.Account(t.Context(), citizen.ID); err != nil || got.Level != want {
			t.Errorf("the citizen is %v, %v; want %s", got.Level, err, want)
		}
	}
	if out := in.ok("recall", "sources"); !strings.Contains(out, suspect.String()) {
		t.Errorf("sources: %s", out)
	}
	window := []string{"--from", time.Now().Add(-24 * time.Hour).Format(time.RFC3339), "--until", time.Now().Add(-time.Minute).Format(time.RFC3339), "--reason", "inquiry"}
	draft := func(more ...string) []string {
		return append(append([]string{"recall", "draft"}, window...), more...)
	}
	in.refused("no account has this number", draft(append([]string{"--operator", "+79000009999"}, first.decides(t)...)...)...)
	in.refused("wrong code", draft("--centre", "77-001", "--by", first.id, "--code", "000000")...)
	var drafted recall.Recall
	out := in.ok(draft(append([]string{"--operator", suspect.String()}, first.decides(t)...)...)...)
	if err := json.Unmarshal([]byte(out), &drafted); err != nil || drafted.Counts == nil || drafted.Counts.Standard != 1 {
		t.Fatalf("draft: %s, %v", out, err)
	}
	id := string(drafted.ID)
	approve := func(n string, a *administrator) []string {
		return append([]string{"recall", "approve", id, "--accounts", n}, a.decides(t)...)
	}
	in.refused("did not count 2", approve("2", second)...)
	first.step = 30 * time.Second
	in.refused("another administrator", approve("1", first)...)
	level(account.Verified)
	in.ok(approve("1", second)...)
	in.refused("wrong code, or one that was used", approve("1", second)...)
	if out := in.ok("recall", "run", id); !strings.Contains(out, `"state": "done"`) {
		t.Errorf("run: %s", out)
	}
	level(account.Standard)
	second.step = 30 * time.Second
	in.ok(append([]string{"recall", "undo", id, "--reason", "nothing was found"}, second.decides(t)...)...)
	first.step = -30 * time.Second
	in.refused("wrong code", append([]string{"recall", "approve-undo", id}, first.decides(t)...)...)
	in.again(first)
	in.ok(append([]string{"recall", "approve-undo", id}, first.decides(t)...)...)
	in.ok("recall", "run", id)
	level(account.Verified)
	if out := in.ok("recall", "list"); !strings.Contains(out, "undone") {
		t.Errorf("list: %s", out)
	}

	in.ok("account", "withdraw", citizen.ID.String(), "--confirmation", visit.ID, "--reason", "inquiry")
	level(account.Standard)
	in.refused("no such confirmation", "account", "withdraw", citizen.ID.String(), "--confirmation", visit.ID, "--reason", "inquiry")
	in.again(second)
	in.refused("not closed", append([]string{"account", "reopen", citizen.ID.String(), "--reason", "alive"}, second.decides(t)...)...)
}

// again forgets which codes an administrator has used: half a minute later, in a test that does not wait.
func (in *installation) again(a *administrator) {
	in.t.Helper()
	id, err := account.ParseID(a.id)
	if err != nil {
		in.t.Fatal(err)
	}
	a.step = 0
	if _, err := in.ChangeAccount(in.t.Context(), id, func(a *account.Account) error {
		t := *a.Credential.TOTP
		t.LastStep = 0
		a.Credential.TOTP = &t
		return nil
	}); err != nil {
		in.t.Fatal(err)
	}
}
