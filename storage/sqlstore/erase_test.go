package sqlstore

import (
	"regexp"
	"slices"
	"testing"
)

// kept are the tables with a column account whose rows outlive the account, each for its reason.
var kept = map[string]string{
	"account":             "goes last, by a statement of its own",
	"event":               "append-only, and ids alone",
	"message":             "sealed apart from the account, and gone once sent",
	"delivery":            "parties must still be told",
	"recall_item":         "what a recall did is counted",
	"vouching":            "the bank's own reference; the account is taken out of it",
	"confirmation_source": "goes with the account's row",
}

func TestEveryTableOfAnAccountIsErasedOrNamed(t *testing.T) {
	all, err := readMigrations()
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`)
	column := regexp.MustCompile(`(?m)^\s+account\s`)
	found := map[string]bool{}
	for _, m := range all {
		for _, t := range table.FindAllStringSubmatch(m.text.sqlite, -1) {
			if column.MatchString(t[2]) {
				found[t[1]] = true
			}
		}
	}
	if len(found) < 15 {
		t.Fatalf("only %d tables have a column account: the pattern is wrong", len(found))
	}
	for name := range found {
		if goes := slices.Contains(erased, name); goes == (kept[name] != "") {
			t.Errorf("table %s: erased with its account %v, and kept because %q", name, goes, kept[name])
		}
	}
	for _, name := range erased {
		if !found[name] {
			t.Errorf("table %s is to be erased and has no column account", name)
		}
	}
}
