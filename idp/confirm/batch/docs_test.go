package batch

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/confirm"
)

// scripts are the shell scripts of docs/post.md: to verify a batch, and to sign reports.
func scripts(t *testing.T) (verify, report string) {
	t.Helper()
	for _, program := range []string{"sh", "openssl", "jq", "sha256sum"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program, " is not installed")
		}
	}
	page, err := os.ReadFile("../../../docs/post.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(found) != 2 {
		t.Fatalf("docs/post.md has %d scripts, want 2", len(found))
	}
	return found[0][1], found[1][1]
}

// sh runs a script in which places stand for those of the page.
func sh(t *testing.T, home, script string, places ...string) (string, error) {
	t.Helper()
	c := exec.Command("sh", "-eu")
	c.Stdin = strings.NewReader(strings.NewReplacer(places...).Replace(script))
	c.Env, c.Dir = append(os.Environ(), "HOME="+home), home
	out, err := c.CombinedOutput()
	return string(out), err
}

func TestScriptOfTheManualTellsARightBatchFromASpoilt(t *testing.T) {
	script, _ := scripts(t)
	home, path, scratch := t.TempDir(), t.TempDir(), t.TempDir()
	d, _ := directory(t, path)
	if _, err := d.Put(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	key, err := d.Sign()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "propusk.pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	places := []string{"cd out/2026-11-23-K7Q4MX2P", "cd " + filepath.Join(path, bundle.ID), "/tmp/", scratch + "/"}
	if out, err := sh(t, home, script, places...); err != nil {
		t.Fatalf("a right batch: %v\n%s", err, out)
	}
	letter := filepath.Join(path, bundle.ID, bundle.Letters[1].ID+".pdf")
	if err := os.WriteFile(letter, []byte("%PDF-9"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := sh(t, home, script, places...); err == nil {
		t.Errorf("another letter passed:\n%s", out)
	}
	if err := os.WriteFile(letter, bundle.Letters[1].PDF, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := forge(filepath.Join(path, bundle.ID, ManifestName)); err != nil {
		t.Fatal(err)
	}
	if out, err := sh(t, home, script, places...); err == nil {
		t.Errorf("another's signature passed:\n%s", out)
	}
}

func TestScriptOfTheManualSignsReportsThatAreTaken(t *testing.T) {
	_, script := scripts(t)
	home, scratch, inbox := t.TempDir(), t.TempDir(), t.TempDir()
	reports, err := json.Marshal(Reports{Type: ReportsType, Reports: []Report{{ID: "A", Status: "handed_over", Place: "Подольск", Track: "80081234567890"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "reports.json"), reports, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := sh(t, home, script, "/srv/letters/reports", inbox, "/tmp/", scratch+"/"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	public, err := os.ReadFile(filepath.Join(home, "printer.pem"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeys(public)
	if err != nil {
		t.Fatal(err)
	}
	b := &Inbox{Path: inbox, Keys: keys, Log: slog.New(slog.DiscardHandler)}
	took := ""
	err = b.Take(context.Background(), func(id string, r confirm.Report) error {
		took += id + " " + string(r.Status) + " " + r.Place
		return nil
	})
	if err != nil || took != "A handed_over Подольск" {
		t.Errorf("took %q, %v; %s", took, err, names(t, inbox))
	}
}
