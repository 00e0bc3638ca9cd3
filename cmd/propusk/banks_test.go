package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheWalkThroughForBanksWorks runs the shell of docs/banks.md, as it stands there, against a demo.
func TestTheWalkThroughForBanksWorks(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "jq", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("PROPUSK_REQUIRE") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	text, err := os.ReadFile("../../docs/banks.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		script.WriteString(block[1])
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "propuskctl"), "../propuskctl").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	data := filepath.Join(dir, "data")
	base := worldIn(t, data)
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "DATA="+data, fmt.Sprintf("ISSUER=http://localhost:%d", base))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"use_dpop_nonce", `"status": "confirmed"`, `["not_matched",["document"]]`, `"kind": "confirmation"`, "\naccepted\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the walk-through does not say %s:\n%s", want, out)
		}
	}
}
