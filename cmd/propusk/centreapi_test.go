package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/propusk/propusk/cmd/internal/flow"
)

// TestTheWalkThroughForCentresWorks runs the shell of docs/centres-api.md, as it stands there, against a demo. What a person
// does in between at the console is done by a browser without scripts.
func TestTheWalkThroughForCentresWorks(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "jq", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("PROPUSK_REQUIRE") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	text, err := os.ReadFile("../../docs/centres-api.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		script.WriteString(block[1])
	}
	before, after, ok := strings.Cut(script.String(), "SHIFT=")
	if !ok {
		t.Fatal("the walk-through opens no shift")
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "propuskctl"), "../propuskctl").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	data := filepath.Join(dir, "data")
	base := worldIn(t, data)
	run := func(text string, more ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", text)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "DATA="+data, fmt.Sprintf("ISSUER=http://localhost:%d", base)), more...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	run(before)
	shift := openShift(t, base)
	out := run("ISSUER=$ISSUER\nSHIFT="+after, "SHIFT="+shift)
	for _, want := range []string{"Дубравин\nstandard\n", "\nconfirmed\n", "no data after the decision", "%PDF-"} {
		if !strings.Contains(out, want) {
			t.Errorf("the walk-through does not say %q:\n%s", want, out)
		}
	}
}

// openShift signs person 11 in at the console, and opens a shift for the first program of their centre.
func openShift(t *testing.T, base int) string {
	t.Helper()
	ctx := t.Context()
	b, err := flow.NewPlain(ctx, "en")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	do := func(err error) {
		t.Helper()
		if err != nil {
			p, _ := b.Page(ctx)
			t.Fatalf("%v\n%+v", err, p)
		}
	}
	site := fmt.Sprintf("http://localhost:%d", base)
	do(b.Open(ctx, site+"/operator"))
	do(b.Fill(ctx, "username", "+79000000011"))
	do(b.Fill(ctx, "password", "Propusk-2026"))
	do(b.Submit(ctx, ""))
	body, err := b.Fetch(ctx, fmt.Sprintf("http://localhost:%d/api/totp?phone=%s", base+10, url.QueryEscape("+79000000011")))
	do(err)
	var totp struct{ Code string }
	do(json.Unmarshal(body, &totp))
	do(b.Fill(ctx, "code", totp.Code))
	do(b.Submit(ctx, ""))
	do(b.Open(ctx, site+"/operator/shift"))
	do(b.Submit(ctx, "Open a shift: My desk"))
	p, err := b.Page(ctx)
	do(err)
	token := regexp.MustCompile(`\b[A-Za-z0-9_-]{43}\b`).FindString(p.Text)
	if token == "" {
		t.Fatalf("no shift code: %s", p.Text)
	}
	return token
}
