package recall_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/storage/storagetest"
)

// many is how many accounts the benchmark takes back, and limit how long that may take, dry run included.
const (
	many  = 10_000
	limit = time.Minute
)

// BenchmarkRecall measures a recall of ten thousand accounts, each with two contacts, a session and a grant
// at a party that listens: the dry run, the recall, the undo. All messages and deliveries go into the queue.
func BenchmarkRecall(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *storagetest.Stores{"sqlite": storagetest.New, "postgres+redis": storagetest.Served} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				h := build(b, open(b))
				h.populate(b, many)
				b.StartTimer()
				measure(b, h)
			}
		})
	}
}

// populate makes people who were confirmed by the suspect and are signed in to tax.
func (h *house) populate(b testing.TB, n int) {
	b.Helper()
	made := make([]*account.Account, n)
	for i := range made {
		a := h.Standard(b)
		a.Profile.Contacts = append(a.Profile.Contacts, account.Contact{Kind: account.Email, Value: fmt.Sprintf("%d-%s@example.org", i, rand.Text()), Proved: h.Clock.Now()})
		if err := a.Confirm(h.visit()); err != nil {
			b.Fatal(err)
		}
		made[i] = a
	}
	if err := h.Seed(b.Context(), n, func(i int) *account.Account { return made[i] }, nil); err != nil {
		b.Fatal(err)
	}
	for _, a := range made {
		h.Granted(b, h.StartOne(b, a), "tax", true)
	}
}

func measure(b *testing.B, h *house) {
	begin := time.Now()
	r := h.counted(b, h.plan())
	counted := time.Since(begin)
	if r.Counts.Accounts != many || r.Counts.Sessions != many || r.Counts.Parties[0].Using != many {
		b.Fatalf("counts %+v, want everybody", r.Counts)
	}
	begin = time.Now()
	if _, err := h.desk.Approve(b.Context(), r.ID, h.second, r.Version); err != nil {
		b.Fatal(err)
	}
	h.through(b, r.ID, recall.Done)
	recalled := time.Since(begin)
	jobs, err := h.DB.OpenJobs(b.Context())
	if err != nil || jobs < 3*many {
		b.Fatalf("%d jobs wait, %v; want two messages and a delivery for each", jobs, err)
	}
	begin = time.Now()
	h.undone(b, r.ID)
	b.ReportMetric(counted.Seconds(), "s/dry-run")
	b.ReportMetric(recalled.Seconds(), "s/recall")
	b.ReportMetric(time.Since(begin).Seconds(), "s/undo")
	if all := counted + recalled; all > limit {
		b.Errorf("dry run and recall took %v, want %v at most", all, limit)
	}
}
