package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/propusk/propusk/idp/authn/password"
)

const example = "../../../propusk.example.yaml"

func exampleText(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheExampleIsAValidConfiguration(t *testing.T) {
	c, err := Parse(exampleText(t), nil)
	if err != nil {
		t.Fatalf("the shipped example has mistakes:\n%v", err)
	}
	if c.Issuer != "https://id.example.ru" || !strings.HasPrefix(c.Stores.Records, "postgres://") || c.Passwords.Profile != "esia" {
		t.Errorf("the example was not read: %+v", c)
	}
}

// The lines commented out in the example are promises about the defaults.
func TestTheExampleShowsTheDefaults(t *testing.T) {
	uncomment := regexp.MustCompile(`(?m)^# ?((?:tls|sessions|tokens|tracing|centres):)$|^# ?(  [a-z_]+: .*)$|^  # ([a-z_]+: .*)$`)
	text := uncomment.ReplaceAllStringFunc(string(exampleText(t)), func(l string) string {
		if strings.HasPrefix(l, "  # ") {
			return "  " + strings.TrimPrefix(l, "  # ")
		}
		return strings.TrimPrefix(l, "# ")
	})
	// The other stores are an alternative, shown below those in force.
	text = regexp.MustCompile(`(?m)^  (records|transients): sqlite:.*$`).ReplaceAllString(text, "")
	c, err := Parse([]byte(text), nil)
	if err != nil {
		t.Fatalf("with its comments in force the example has mistakes:\n%v", err)
	}
	want := Default()
	for name, got := range map[string][2]any{
		"registries.timeout": {want.Registries.Timeout, c.Registries.Timeout},
		"centres":            {want.Centres, c.Centres},
		"post.timeout":       {want.Post.Timeout, c.Post.Timeout},
		"sms.timeout":        {want.SMS.Timeout, c.SMS.Timeout},
		"mail.timeout":       {want.Mail.Timeout, c.Mail.Timeout},
		"mail.tls":           {want.Mail.TLS, c.Mail.TLS},
		"passwords":          {want.Passwords, c.Passwords},
		"sessions":           {want.Sessions, c.Sessions},
		"tokens":             {want.Tokens, c.Tokens},
		"tracing.ratio":      {want.Tracing.Ratio, c.Tracing.Ratio},
	} {
		if diff := cmp.Diff(got[0], got[1]); diff != "" {
			t.Errorf("%s in the example is not the default (-default +example):\n%s", name, diff)
		}
	}
	if c.TLS.Key == "" || c.Tracing.Endpoint == "" {
		t.Error("the comments of tls and tracing were not put in force, so this test looks at nothing")
	}
}

func TestEverySettingStandsInTheExample(t *testing.T) {
	text := string(exampleText(t))
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if key := f.Tag.Get("yaml"); !regexp.MustCompile(`[# {]` + key + `:|(?m:^` + key + `:)`).MatchString(text) {
				t.Errorf("the example does not mention %s of %s", key, typ.Name())
			}
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeFor[Config]())
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	text := strings.NewReplacer(
		"issuer: https://id.example.ru", "issuer: http://id.example.ru/sso/",
		"profile: esia", "profile: lax\n  memory_kib: a lot\n  colour: red",
		"level: info", "level: loud",
	).Replace(string(exampleText(t)))
	_, err := Parse([]byte(text), []string{"PROPUSK_TOKENS_JWT=1h", "PROPUSK_TOKNES_ID=1h", "PROPUSK_POST_TIMEOUT=soon", "HOME=/"})
	if err == nil {
		t.Fatal("a configuration full of mistakes is accepted")
	}
	for _, want := range []string{
		"issuer: ", "unknown key passwords.colour", "passwords.memory_kib: want a whole number", "passwords.profile: want esia, nist",
		"log.level: ", "tokens.jwt: want 10s to 5m0s", "PROPUSK_TOKNES_ID names no setting", "PROPUSK_POST_TIMEOUT: want a duration",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the report lacks %q:\n%v", want, err)
		}
	}
}

func TestTheEnvironmentOverridesTheFile(t *testing.T) {
	c, err := Parse(exampleText(t), []string{
		"PROPUSK_STORES_RECORDS=sqlite:/tmp/a.db", "PROPUSK_SESSIONS_ORDINARY_IDLE=45m",
		"PROPUSK_LISTEN=127.0.0.1:1, [::1]:1", "PROPUSK_PASSWORDS_ADMITTED=3", "PROPUSK_TEST_POSTGRES=is of the tests", "PROPUSK_REQUIRE=1",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Stores.Records != "sqlite:/tmp/a.db" || c.Sessions.Ordinary.Idle != 45*time.Minute || c.Passwords.Admitted != 3 {
		t.Errorf("overrides are not in force: %+v", c)
	}
	if diff := cmp.Diff([]string{"127.0.0.1:1", "[::1]:1"}, c.Listen); diff != "" {
		t.Errorf("listen (-want +got):\n%s", diff)
	}
}

func TestMissingFilesAreAllNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "propusk.yaml")
	if err := os.WriteFile(path, exampleText(t), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path, []string{"PROPUSK_KEYS_MASTER=/nonexistent/m", "PROPUSK_POST_TOKEN_FILE=/nonexistent/p"})
	if err == nil || !strings.Contains(err.Error(), "keys.master: ") || !strings.Contains(err.Error(), "post.token_file: ") {
		t.Errorf("Load = %v, want both missing files named", err)
	}
}

func TestAMistakenSecretIsNotPrinted(t *testing.T) {
	_, err := Parse([]byte("issuer: https://id.example.ru\npasswords:\n  memory_kib: hunter2\n"), []string{"PROPUSK_TOKENS_ID=hunter2"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Parse = %v, want an error without the value", err)
	}
}

func TestEveryAllowedCostOfAHashCanBeVerified(t *testing.T) {
	for path, most := range map[string]uint64{
		"PROPUSK_PASSWORDS_MEMORY_KIB": password.MaxMemory, "PROPUSK_PASSWORDS_PASSES": password.MaxTime, "PROPUSK_PASSWORDS_THREADS": password.MaxThreads,
	} {
		c, err := Parse(exampleText(t), []string{fmt.Sprintf("%s=%d", path, most)})
		if err != nil {
			t.Errorf("%s at its most: %v", path, err)
		} else if p := (password.Params{Memory: c.Passwords.MemoryKiB, Time: c.Passwords.Passes, Threads: c.Passwords.Threads}); !p.Possible() {
			t.Errorf("%s at its most gives hashes that nobody reads: %+v", path, p)
		}
		if _, err := Parse(exampleText(t), []string{fmt.Sprintf("%s=%d", path, most+1)}); err == nil {
			t.Errorf("%s above its most is accepted", path)
		}
	}
}

func TestNeighboursAreReachedOverHTTPSOrWithinTheMachine(t *testing.T) {
	for _, name := range []string{"REGISTRIES_PENSION", "REGISTRIES_INTERIOR", "REGISTRIES_TAX", "POST_URL", "SMS_URL"} {
		_, err := Parse(exampleText(t), []string{"PROPUSK_" + name + "=http://neighbour.example.ru/api"})
		if err == nil || !strings.Contains(err.Error(), "http is only for a host on loopback") {
			t.Errorf("%s over http to another machine: %v", name, err)
		}
		for _, ours := range []string{"http://127.0.0.1:8092", "http://[::1]:8092", "http://localhost:8092/api", "https://neighbour.example.ru/api"} {
			if _, err := Parse(exampleText(t), []string{"PROPUSK_" + name + "=" + ours}); err != nil {
				t.Errorf("%s at %s: %v", name, ours, err)
			}
		}
	}
}
