package house

import (
	"os"
	"strings"
	"testing"
)

// The relying party in the README is the one that is compiled.
func TestTheQuickstartInTheReadmeIsTheProgram(t *testing.T) {
	program, err := os.ReadFile("../../../docs/quickstart/main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```go\n")
	shown, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the README shows no Go")
	}
	if !strings.HasSuffix(string(program), shown) {
		t.Error("the program in the README is not the end of docs/quickstart/main.go")
	}
}
