package storage_test

import (
	"strings"
	"testing"

	"github.com/propusk/propusk/storage/storagetest"
)

func TestHotCallsGoTogetherAndAnswerForThemselves(t *testing.T) {
	storagetest.Lanes(t, storagetest.Served(t))
}

func TestWhatWritesGoesByKeysFromTheFirstDay(t *testing.T) {
	plans, err := storagetest.Served(t).DB.Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for name, plan := range plans {
		// Lanes keep the plans that they made while the tables were empty.
		if !strings.Contains(name, "INSERT INTO grants") && !strings.Contains(name, "UPDATE grants") && name != "RedeemGrant" && name != "RotateGrant" {
			continue
		}
		seen++
		if strings.Contains(plan, "_live") || strings.Contains(plan, "Seq Scan") || strings.Count(plan, "Index Cond") < strings.Count(plan, " Scan using ") {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
	if seen != 4 {
		t.Errorf("%d plans of writing statements, want both forms of two", seen)
	}
}
