package progress

import (
	"strings"
	"testing"
	"time"
)

func TestPlainLinesComeSeldomAndEstimate(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var out strings.Builder
	l := Start(&out, "accounts", 1000, func() time.Time { return now })
	l.Skip(100)
	for range 30 {
		now = now.Add(time.Second)
		l.Add(10)
	}
	l.End()
	want := "accounts: 200 of 1000, 10 a second, about 1m20s left\n" +
		"accounts: 300 of 1000, 10 a second, about 1m10s left\n" +
		"accounts: 400 of 1000, 10 a second, about 1m0s left\n" +
		"accounts: 400 in 30s\n"
	if out.String() != want {
		t.Errorf("lines:\n%swant:\n%s", out.String(), want)
	}
}
