package confirm_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/batch"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/storage/storagetest"
)

// printing is letters that go to a printer through a real directory.
type printing struct {
	*letters
	dir  string
	keys []batch.Key
}

func newPrinting(t *testing.T, s *storagetest.Stores) *printing {
	t.Helper()
	w := &printing{letters: newLetters(t, s), dir: t.TempDir()}
	key, err := seal.NewKey(77, seal.UseSignLetters, time.Unix(0, 0), time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	ring := seal.NewRing(time.Now, key)
	public, err := batch.NewKey(ring.LetterKeys()[0].Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	w.keys = []batch.Key{public}
	w.mail.Printer = &batch.Directory{Path: w.dir, Issuer: "https://propusk.example", Sign: ring.LetterSigner}
	w.mail.Told = true
	return w
}

// run does a job and tells whether it failed.
func (w *printing) run(kind, ref string) error { return w.mail.Handlers()[kind](w.t.Context(), ref) }

// lie are the letters that lie with the printer, by batch.
func (w *printing) lie() map[string][]string {
	w.t.Helper()
	out := map[string][]string{}
	files, err := filepath.Glob(filepath.Join(w.dir, "[^.]*"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range files {
		m, err := batch.Open(f, w.keys)
		if err != nil {
			w.t.Fatalf("a batch that is not whole: %v", err)
		}
		for _, e := range m.Letters {
			out[m.Batch] = append(out[m.Batch], e.ID)
		}
	}
	return out
}

// batches are the ids of all batches, whatever became of them.
func (w *printing) batches() []string {
	w.t.Helper()
	all, err := w.Batches(w.t.Context(), 100)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, b := range all {
		out = append(out, b.ID)
	}
	return out
}

func TestLettersOfADayAreOneBatch(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := newPrinting(t, s)
		var accounts []*account.Account
		var all []*confirm.Letter
		for range 3 {
			a := w.Create(t, w.Standard(t))
			accounts = append(accounts, a)
			all = append(all, w.job(confirm.JobPost, w.order(a)))
		}
		if err := w.mail.Cancel(t.Context(), accounts[2].ID); err != nil {
			t.Fatal(err)
		}
		if all[0].Taken() || all[0].Code == "" {
			t.Error("a letter that waits is taken")
		}
		if err := w.mail.Report(t.Context(), all[0].ID, confirm.Report{Status: confirm.Printed}); !errors.Is(err, confirm.ErrNotPrinted) {
			t.Errorf("a report of a letter that waits: %v", err)
		}
		if err := w.run(confirm.JobGather, "all"); err != nil {
			t.Fatal(err)
		}
		ids := w.batches()
		if len(ids) != 1 || !strings.HasPrefix(ids[0], w.Clock.Now().In(time.FixedZone("MSK", 3*3600)).Format(time.DateOnly)) {
			t.Fatalf("batches %v", ids)
		}
		for range 2 { // a job may run twice
			if err := w.run(confirm.JobBatch, ids[0]); err != nil {
				t.Fatal(err)
			}
		}
		lie := w.lie()
		want := []string{all[0].ID, all[1].ID}
		slices.Sort(want)
		got := slices.Sorted(slices.Values(lie[ids[0]]))
		if len(lie) != 1 || !slices.Equal(got, want) {
			t.Errorf("with the printer lie %v, want %v and not the cancelled one", lie, want)
		}
		for _, l := range all[:2] {
			if got, _ := w.Letter(t.Context(), l.ID); got.Code != "" || got.Batch != ids[0] || got.Status != confirm.Accepted {
				t.Errorf("afterwards: code %q, batch %s, %s", got.Code, got.Batch, got.Status)
			}
		}
		if err := w.run(confirm.JobGather, "all"); err != nil || len(w.batches()) != 1 {
			t.Errorf("nothing waits: %v, %d batches", err, len(w.batches()))
		}
		// The confirmation names its batch, for a recall.
		report := confirm.Report{Status: confirm.HandedOver, Track: "80081234567890", At: w.Clock.Now()}
		if err := w.mail.Report(t.Context(), all[0].ID, report); err != nil {
			t.Fatal(err)
		}
		c, err := w.mail.Enter(t.Context(), accounts[0].ID, w.codes[all[0].Number()].Format())
		if err != nil || c.Batch != ids[0] || c.Track != "80081234567890" {
			t.Errorf("confirmation %+v, %v", c, err)
		}
		// Another may be ordered at once after one that was cancelled before it was printed.
		if _, err := w.mail.Order(t.Context(), accounts[2].ID, home); err != nil {
			t.Errorf("after a letter that was never printed: %v", err)
		}
	})
}

func TestTooManyLettersAreSeveralBatches(t *testing.T) {
	w := newPrinting(t, storagetest.New(t))
	w.mail.Largest = 2
	for range 5 {
		w.job(confirm.JobPost, w.order(w.Create(t, w.Standard(t))))
	}
	for range 3 {
		if err := w.run(confirm.JobGather, "all"); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range w.batches() {
		if err := w.run(confirm.JobBatch, id); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, b := range w.lie() {
		n += len(b)
	}
	if len(w.lie()) != 3 || n != 5 {
		t.Errorf("%d letters in %d batches", n, len(w.lie()))
	}
}

func TestEveryLetterIsInOneBatchWhereverItBreaksOff(t *testing.T) {
	broken := errors.New("killed")
	for at := 1; ; at++ {
		finished := false
		t.Run(fmt.Sprintf("at transaction %d", at), func(t *testing.T) {
			w := newPrinting(t, storagetest.New(t))
			var all []*confirm.Letter
			for range 3 {
				all = append(all, w.job(confirm.JobPost, w.order(w.Create(t, w.Standard(t)))))
			}
			n := 0
			w.fail = func() error { // the change is lost, and so is whatever comes after it in the job
				if n++; n == at {
					return broken
				}
				return nil
			}
			for try := range 4 {
				err := w.run(confirm.JobGather, "all")
				for _, id := range w.batches() {
					err = errors.Join(err, w.run(confirm.JobBatch, id))
				}
				if try == 0 {
					finished = err == nil
				}
			}
			w.fail = nil
			seen := map[string]int{}
			for _, b := range w.lie() {
				for _, id := range b {
					seen[id]++
				}
			}
			for _, l := range all {
				if got, _ := w.Letter(t.Context(), l.ID); seen[l.ID] != 1 || got.Code != "" || !got.Taken() {
					t.Errorf("a letter lies in %d batches, code kept: %v, %s", seen[l.ID], got.Code != "", got.Status)
				}
			}
		})
		if finished || t.Failed() {
			if at < 3 {
				t.Errorf("only %d transactions were broken off", at-1)
			}
			return
		}
	}
}

func TestWithoutThePrinterWhatWaitsGoesOneByOne(t *testing.T) {
	w := newPrinting(t, storagetest.New(t))
	waits := w.job(confirm.JobPost, w.order(w.Create(t, w.Standard(t))))
	w.mail.Printer, w.mail.Told = nil, false // the setting was changed
	if err := w.run(confirm.JobGather, "all"); err != nil {
		t.Fatal(err)
	}
	if l := w.job(confirm.JobPost, waits); !l.Taken() || w.post.sent[l.ID] != 1 {
		t.Errorf("%s, sent %d times", l.Status, w.post.sent[l.ID])
	}
	if ids, err := w.BatchLetters(t.Context(), "", 10); err != nil || len(ids) != 0 {
		t.Errorf("still waits: %v, %v", ids, err)
	}
}

func TestReportsOfAPrinterMoveALetter(t *testing.T) {
	w := newPrinting(t, storagetest.New(t))
	a := w.Create(t, w.Standard(t))
	l := w.job(confirm.JobPost, w.order(a))
	if err := errors.Join(w.run(confirm.JobGather, "all"), w.run(confirm.JobBatch, w.batches()[0])); err != nil {
		t.Fatal(err)
	}
	at := w.Clock.Now()
	w.Clock.Advance(20 * 24 * time.Hour)
	for _, r := range []confirm.Report{
		{Status: confirm.Arrived, At: at.Add(72 * time.Hour), Place: "Отделение 119180", Track: "80081234567890"},
		{Status: confirm.Printed, At: at.Add(time.Hour)}, // late, and only for the history
		{Status: confirm.Arrived, At: at.Add(96 * time.Hour)},
		{Status: confirm.Returned, At: at.Add(900 * 24 * time.Hour)}, // from a clock that runs ahead
		{Status: confirm.Returned},
		{Status: confirm.Delivered}, // after that it went nowhere
	} {
		if err := w.mail.Report(t.Context(), l.ID, r); err != nil {
			t.Fatalf("%s: %v", r.Status, err)
		}
	}
	l, _ = w.Letter(t.Context(), l.ID)
	var way []string
	for _, e := range l.Events {
		way = append(way, string(e.Status))
		if e.At.After(w.Clock.Now()) {
			t.Errorf("%s is in the future", e.Status)
		}
	}
	if s := strings.Join(way, " "); l.Status != confirm.Returned || l.Reason != confirm.CameBack || s != "accepted printed arrived delivered returned" {
		t.Errorf("%s, %q, way %s", l.Status, l.Reason, s)
	}
	if n := w.count(a.ID, "letter_cancelled"); n != 1 {
		t.Errorf("%d cancellations", n)
	}
	if _, err := w.mail.Order(t.Context(), a.ID, home); err != nil {
		t.Errorf("another one at once: %v", err)
	}
	for _, r := range []confirm.Report{{Status: "eaten"}, {Status: confirm.Accepted}, {Status: confirm.Printed, Track: "12"}, {Status: confirm.Printed, Place: strings.Repeat("x", 201)}} {
		var wrong fault.Fields
		if err := w.mail.Report(t.Context(), l.ID, r); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if err := w.mail.Report(t.Context(), "NONE", confirm.Report{Status: confirm.Printed}); !errors.Is(err, fault.NotFound) {
		t.Errorf("no such letter: %v", err)
	}
}

func TestLetterThatThePostRefusesIsOverAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		answer error
		days   int
		over   bool
	}{
		"refused":                  {confirm.ErrRefused, 0, true},
		"the post is down":         {fault.Unavailable, 30, false},
		"turned away":              {confirm.ErrTurnedAway, 2, false},
		"turned away for too long": {confirm.ErrTurnedAway, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newLetters(t, storagetest.New(t))
			log := &bytes.Buffer{}
			w.mail.Log = slog.New(slog.NewTextHandler(log, nil))
			a := w.Create(t, w.Standard(t))
			l := w.order(a)
			code := w.codes[l.Number()]
			w.post.refuse, w.told = test.answer, nil
			w.Clock.Advance(time.Duration(test.days) * 24 * time.Hour)
			err := w.mail.Handlers()[confirm.JobPost](t.Context(), l.ID)
			if (err == nil) != test.over {
				t.Fatalf("the job: %v", err)
			}
			l, _ = w.Letter(t.Context(), l.ID)
			if !test.over {
				if !l.Cancelled.IsZero() || l.Code == "" {
					t.Errorf("given up: %q", l.Reason)
				}
				return
			}
			if l.Reason != confirm.PostRefused || l.Code != "" || w.count(a.ID, "letter_cancelled") != 1 {
				t.Errorf("ended by %q, code kept: %v", l.Reason, l.Code != "")
			}
			if len(w.told) != 1 || !strings.Contains(w.told[0].Text, "почта не приняла письмо "+l.Number()) {
				t.Errorf("told %v", w.told)
			}
			if _, err := w.mail.Enter(t.Context(), a.ID, code.Format()); !errors.Is(err, confirm.ErrNoLetter) {
				t.Errorf("its code: %v", err)
			}
			if err := w.mail.Handlers()[confirm.JobPost](t.Context(), l.ID); err != nil {
				t.Errorf("the job once more: %v", err)
			}
			if s := log.String(); !strings.Contains(s, "refused") || strings.Contains(s, home.Street) || strings.Contains(s, l.Name) || strings.Contains(s, "+79") {
				t.Errorf("log %s", s)
			}
			w.post.refuse = nil
			if _, err := w.mail.Order(t.Context(), a.ID, home); err != nil {
				t.Errorf("another one at once: %v", err)
			}
		})
	}
}

func TestLetterThatNobodyHandsOverIsNotThoughtToBeOnItsWayForEver(t *testing.T) {
	w := newLetters(t, storagetest.New(t))
	a := w.Create(t, w.Standard(t))
	l, code := w.posted(a)
	w.Clock.Advance(91 * 24 * time.Hour)
	if _, err := w.mail.Enter(t.Context(), a.ID, code); !errors.Is(err, confirm.ErrNoLetter) || l.Live(w.Clock.Now()) {
		t.Errorf("after 91 days: %v", err)
	}
}

func TestPrinterThatCannotBeReachedIsTriedAgain(t *testing.T) {
	w := newPrinting(t, storagetest.New(t))
	l := w.job(confirm.JobPost, w.order(w.Create(t, w.Standard(t))))
	if err := w.run(confirm.JobGather, "all"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(w.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 { // who may write everywhere is not stopped by this
		if err := w.run(confirm.JobBatch, w.batches()[0]); err == nil {
			t.Error("wrote where it may not")
		}
		if l, _ = w.Letter(t.Context(), l.ID); l.Code == "" {
			t.Error("a code was forgotten that nobody has")
		}
	}
	if err := os.Chmod(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.run(confirm.JobBatch, w.batches()[0]); err != nil || len(w.lie()) != 1 {
		t.Errorf("the next try: %v", err)
	}
}
