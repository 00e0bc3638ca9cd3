package audit

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

func TestKindsListsEveryKindOnce(t *testing.T) {
	source, err := os.ReadFile("audit.go")
	if err != nil {
		t.Fatal(err)
	}
	var declared []Kind
	for _, m := range regexp.MustCompile(`(?m)^\s+\w+\s+Kind = "(\w+)"`).FindAllSubmatch(source, -1) {
		declared = append(declared, Kind(m[1]))
	}
	listed := slices.Clone(Kinds())
	slices.Sort(declared)
	slices.Sort(listed)
	if len(declared) < 30 || !slices.Equal(declared, listed) {
		t.Errorf("declared %v\nlisted   %v", declared, listed)
	}
}
