package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/propusk/propusk/idp/fault"
)

func TestMigrationsLeaveNoBraceAndNoOtherDialect(t *testing.T) {
	all, err := readMigrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		for name, body := range map[string]string{"sqlite": m.text.sqlite, "postgres": m.text.postgres} {
			if i := strings.IndexAny(body, "{}"); i >= 0 {
				t.Errorf("%s for %s: a brace is left at %q", m.name, name, body[i:min(len(body), i+20)])
			}
		}
		if strings.Contains(m.text.sqlite, "plpgsql") || strings.Contains(m.text.postgres, "RAISE(ABORT") {
			t.Errorf("%s holds a part of the other dialect", m.name)
		}
	}
}

func TestStatementsNeverAskForTheTime(t *testing.T) {
	for name, h := range hot {
		for _, s := range []string{h.text.sqlite, h.text.postgres} {
			for _, word := range []string{"now()", "current_timestamp", "strftime", "unixepoch", "{", "}"} {
				if strings.Contains(strings.ToLower(s), word) {
					t.Errorf("%s holds %q", name, word)
				}
			}
		}
	}
}

func TestErrorsOfJobsKeepPackageAndKind(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("notice: send to ivanov@example.ru: %w", fault.Unavailable), "notice: unavailable"},
		{fmt.Errorf("idp/registry: Ivanov: %w", context.DeadlineExceeded), "idp/registry: context deadline exceeded"},
		{errors.New("550 no such user ivanov@example.ru"), "failed"},
		{errors.New("Ivanov: not at home"), "failed"},
		{errors.New("ivanov ivan: not at home"), "failed"},
	} {
		if got := scrub(c.err).Error(); got != c.want {
			t.Errorf("scrub(%q): got %q, want %q", c.err, got, c.want)
		}
	}
}

func TestPausesGrowToFiveMinutes(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: time.Second, 1: 2 * time.Second, 8: 256 * time.Second, 9: 5 * time.Minute, 5000: 5 * time.Minute} {
		next := pauses{}.NextRetry(&rivertype.JobRow{Errors: make([]rivertype.AttemptError, failures)})
		if got := time.Until(next).Round(time.Second); got != want {
			t.Errorf("after %d failures: got a pause of %v, want %v", failures, got, want)
		}
	}
}
