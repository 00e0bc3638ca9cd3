package main

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const stream = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:7: no Redis here\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:9: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
{"Action":"output","Package":"q","Output":"?   \tq\t[no test files]\n"}
{"Action":"skip","Package":"q"}
{"Action":"build-output","ImportPath":"r","Output":"r.go:1: broken\n"}
{"Action":"output","Package":"r","Output":"FAIL\tr [build failed]\n"}
{"Action":"fail","Package":"r"}
`

func TestSkipsAndFailuresAreNamed(t *testing.T) {
	var shown strings.Builder
	got := read(strings.NewReader(stream), &shown)
	if got.passed != 1 || got.failed != 2 {
		t.Errorf("passed, failed = %d, %d, want 1, 2", got.passed, got.failed)
	}
	if diff := cmp.Diff([]string{"p TestB: no Redis here"}, got.skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"p TestC", "r"}, got.broken); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"FAIL\tp\t0.1s", "FAIL\tr [build failed]"}, got.closing); diff != "" {
		t.Errorf("closing lines (-want +got):\n%s", diff)
	}
	for _, want := range []string{"got 1, want 2", "r.go:1: broken"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the output lacks %q", want)
		}
	}
}

func TestARequiredRunFailsOnASkip(t *testing.T) {
	all := read(strings.NewReader(`{"Action":"skip","Package":"p","Test":"TestB"}`), io.Discard)
	if err := (&maker{}).report(all, nil); err != nil {
		t.Errorf("a skip fails a run that does not require everything: %v", err)
	}
	if err := (&maker{require: true}).report(all, nil); err == nil {
		t.Error("REQUIRE=1 passes with a skip")
	}
}
