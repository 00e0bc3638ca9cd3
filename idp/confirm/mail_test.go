package confirm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/print"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// letterPost is a post in memory: it keeps the codes it was given to print, as a reader of letters would.
type letterPost struct {
	mu     sync.Mutex
	down   bool
	refuse error
	status confirm.LetterStatus
	sent   map[string]int
}

func (p *letterPost) Send(_ context.Context, l confirm.Parcel) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return "", &outside.Trouble{Code: outside.Down}
	}
	if p.refuse != nil {
		return "", p.refuse
	}
	if !bytes.HasPrefix(l.PDF, []byte("%PDF")) {
		return "", errors.New("not a PDF")
	}
	p.sent[l.ID]++
	return fmt.Sprintf("800812%08d", len(p.sent)), nil
}

func (p *letterPost) Follow(context.Context, string) (confirm.LetterStatus, []confirm.LetterEvent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return "", nil, &outside.Trouble{Code: outside.Down}
	}
	return p.status, []confirm.LetterEvent{{Status: p.status, Place: "Москва"}}, nil
}

// letters is Mail over real stores and a fake post.
type letters struct {
	*storagetest.Stores
	t     testing.TB
	mail  *confirm.Mail
	post  *letterPost
	codes map[string]civil.LetterCode // by the number of the order
	mu    sync.Mutex
	told  []notice.Message
	// fail, if set, breaks off the next transactions when they are about to commit.
	fail func() error
}

// tap hears of messages.
type tap struct {
	*sqlstore.Stores
	w *letters
}

func (x tap) PostMessage(ctx context.Context, m notice.Message) error {
	x.w.mu.Lock()
	x.w.told = append(x.w.told, m)
	x.w.mu.Unlock()
	return x.Stores.PostMessage(ctx, m)
}

// atomically is the transactions of the desks.
func (w *letters) atomically(ctx context.Context, f func(confirm.Tx) error) error {
	return w.Atomically(ctx, func(tx *sqlstore.Stores) error {
		err := f(tap{tx, w})
		if err == nil && w.fail != nil {
			err = w.fail()
		}
		return err
	})
}

func newLetters(t testing.TB, s *storagetest.Stores) *letters {
	t.Helper()
	w := &letters{Stores: s, t: t, post: &letterPost{sent: map[string]int{}}, codes: map[string]civil.LetterCode{}}
	notices, err := notice.New(notice.Config{Issuer: "https://propusk.example", Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	press := print.Press{Issuer: "https://propusk.example"}
	w.mail = confirm.NewMail(confirm.MailConfig{
		Store: s.Records, Post: w.post, Ring: s.Keyring.Ring, Notices: notices, Now: s.Clock.Now, Wall: s.Clock.Now, Log: slog.New(slog.DiscardHandler),
		Atomically: w.atomically,
		Print: func(l confirm.Sheet) ([]byte, error) {
			w.codes[l.Number] = l.Code
			return press.Letter(l)
		},
	})
	return w
}

var home = civil.Address{PostalCode: "119180", Region: "г. Москва", Locality: "Москва", Street: "ул. Большая Полянка", House: "30", Flat: "4"}

func (w *letters) order(a *account.Account) *confirm.Letter {
	w.t.Helper()
	l, err := w.mail.Order(w.t.Context(), a.ID, home)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func (w *letters) job(kind string, l *confirm.Letter) *confirm.Letter {
	w.t.Helper()
	if err := w.mail.Handlers()[kind](w.t.Context(), l.ID); err != nil {
		w.t.Fatalf("%s: %v", kind, err)
	}
	got, err := w.Letter(w.t.Context(), l.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// moves lets the post say a status and asks it.
func (w *letters) moves(l *confirm.Letter, to confirm.LetterStatus) *confirm.Letter {
	w.t.Helper()
	w.post.status = to
	return w.job(confirm.JobTrack, l)
}

// posted orders a letter and lets the post take it.
func (w *letters) posted(a *account.Account) (*confirm.Letter, string) {
	w.t.Helper()
	l := w.job(confirm.JobPost, w.order(a))
	return l, w.codes[l.Number()].Format()
}

func (w *letters) level(id account.ID) account.Level {
	w.t.Helper()
	a, err := w.Account(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Level
}

func (w *letters) count(id account.ID, kind string) int {
	w.t.Helper()
	es, err := w.Events(w.t.Context(), id, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, e := range es {
		if string(e.Kind) == kind {
			n++
		}
	}
	return n
}

// wrongCode is a code that passes its check character and is not this one.
func wrongCode(not string) string {
	for i := range byte(30) {
		c, _ := civil.NewLetterCode(strings.NewReader(strings.Repeat(string('a'+rune(i%20)), 10)))
		if c.Format() != not {
			return c.Format()
		}
	}
	return ""
}

func TestCodeFromALetterRaisesToVerified(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := newLetters(t, s)
		a := w.Create(t, w.Standard(t))
		l, code := w.posted(a)
		w.moves(l, confirm.HandedOver)
		c, err := w.mail.Enter(t.Context(), a.ID, strings.ToLower(strings.ReplaceAll(code, "-", " ")))
		if err != nil {
			t.Fatal(err)
		}
		if c.Method != account.MailCode || c.Letter != l.ID || c.Track != l.Track || w.level(a.ID) != account.Verified {
			t.Errorf("confirmation %+v, level %s", c, w.level(a.ID))
		}
		if _, err := w.mail.Enter(t.Context(), a.ID, code); !errors.Is(err, confirm.ErrNoLetter) {
			t.Errorf("a used code: %v", err)
		}
		if w.count(a.ID, "confirmed") != 1 {
			t.Errorf("%d events of the confirmation", w.count(a.ID, "confirmed"))
		}
	})
}

func TestParallelCodesConfirmOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := newLetters(t, s)
		a := w.Create(t, w.Standard(t))
		_, code := w.posted(a)
		var all sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range 6 {
			all.Go(func() {
				_, err := w.mail.Enter(t.Context(), a.ID, code)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					done++
				case !errors.Is(err, confirm.ErrNoLetter):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if done != 1 || w.count(a.ID, "confirmed") != 1 {
			t.Errorf("confirmed %d times, %d events", done, w.count(a.ID, "confirmed"))
		}
	})
}

func TestFiveWrongCodesEndALetterHoweverParallel(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := newLetters(t, s)
		a := w.Create(t, w.Standard(t))
		l, code := w.posted(a)
		var all sync.WaitGroup
		var mu sync.Mutex
		var left []int
		for range 9 {
			all.Go(func() {
				_, err := w.mail.Enter(t.Context(), a.ID, wrongCode(code))
				var miss *confirm.WrongCodeError
				mu.Lock()
				defer mu.Unlock()
				if errors.As(err, &miss) {
					left = append(left, miss.Left)
				} else if !errors.Is(err, confirm.ErrNoLetter) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		slices.Sort(left)
		if !slices.Equal(left, []int{0, 1, 2, 3, 4}) {
			t.Errorf("tries left %v", left)
		}
		if _, err := w.mail.Enter(t.Context(), a.ID, code); !errors.Is(err, confirm.ErrNoLetter) {
			t.Errorf("the right code afterwards: %v", err)
		}
		if got, _ := w.Letter(t.Context(), l.ID); got.Reason != "tries" || w.level(a.ID) != account.Standard {
			t.Errorf("ended by %q, level %s", got.Reason, w.level(a.ID))
		}
	})
}

func TestSlipThatTheCheckCharacterShowsCostsNoTry(t *testing.T) {
	w := newLetters(t, storagetest.New(t))
	a := w.Create(t, w.Standard(t))
	l, code := w.posted(a)
	b := []byte(code)
	if b[0]++; b[0] == 'I' || b[0] == 'L' || b[0] == 'O' || b[0] == 'U' || b[0] > 'Z' {
		b[0] = '0'
	}
	for _, typed := range []string{string(b), "", "ABC", strings.Repeat("A", 500), "<script>"} {
		var wrong fault.Fields
		if _, err := w.mail.Enter(t.Context(), a.ID, typed); !errors.As(err, &wrong) || wrong.Code("letter-code") == "" {
			t.Errorf("Enter(%q): %v", typed, err)
		}
	}
	if got, _ := w.Letter(t.Context(), l.ID); got.Tries != 0 {
		t.Errorf("%d tries spent", got.Tries)
	}
}

func TestAnotherLetterOnlyAfterThirtyDaysOrAReturn(t *testing.T) {
	for _, test := range []struct {
		name  string
		after func(w *letters, a *account.Account, l *confirm.Letter)
		open  bool
	}{
		{"at once", func(*letters, *account.Account, *confirm.Letter) {}, false},
		{"after 29 days", func(w *letters, _ *account.Account, _ *confirm.Letter) { w.Clock.Advance(29 * 24 * time.Hour) }, false},
		{"after 30 days", func(w *letters, _ *account.Account, _ *confirm.Letter) { w.Clock.Advance(30 * 24 * time.Hour) }, true},
		{"returned", func(w *letters, _ *account.Account, l *confirm.Letter) { w.moves(l, confirm.Returned) }, true},
		{"cancelled on its way", func(w *letters, a *account.Account, _ *confirm.Letter) {
			if err := w.mail.Cancel(w.t.Context(), a.ID); err != nil {
				w.t.Fatal(err)
			}
		}, false},
		{"cancelled, then returned", func(w *letters, a *account.Account, l *confirm.Letter) {
			if err := w.mail.Cancel(w.t.Context(), a.ID); err != nil {
				w.t.Fatal(err)
			}
			w.moves(l, confirm.Returned)
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newLetters(t, storagetest.New(t))
			a := w.Create(t, w.Standard(t))
			l, code := w.posted(a)
			test.after(w, a, l)
			_, err := w.mail.Order(t.Context(), a.ID, home)
			var soon *confirm.TooSoonError
			if test.open && err != nil || !test.open && (!errors.As(err, &soon) || soon.From != l.Ordered.Add(30*24*time.Hour)) {
				t.Fatalf("Order: %v", err)
			}
			if test.open {
				if _, err := w.mail.Enter(t.Context(), a.ID, code); err == nil {
					t.Error("the old letter's code still counts")
				}
			}
		})
	}
}

func TestParallelOrdersMakeOneLetter(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := newLetters(t, s)
		a := w.Create(t, w.Standard(t))
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				_, err := w.mail.Order(t.Context(), a.ID, home)
				var soon *confirm.TooSoonError
				if err != nil && !errors.As(err, &soon) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := w.count(a.ID, "letter_ordered"); n != 1 {
			t.Errorf("%d letters", n)
		}
	})
}

func TestLetterNeedsTheStandardLevelAndNoRunningCheck(t *testing.T) {
	w := newLetters(t, storagetest.New(t))
	simple := w.Create(t, w.Simplified(t))
	if _, err := w.mail.Order(t.Context(), simple.ID, home); !errors.Is(err, confirm.ErrNotStandard) {
		t.Errorf("simplified: %v", err)
	}
	held := w.Standard(t)
	held.RestrictedUntil = w.Clock.Now().Add(time.Hour)
	w.Create(t, held)
	if _, err := w.mail.Order(t.Context(), held.ID, home); !errors.Is(err, confirm.ErrRestricted) {
		t.Errorf("restricted: %v", err)
	}
	a := w.Create(t, w.Standard(t))
	_, code := w.posted(a)
	app := &registry.Application{ID: "app", Account: a.ID, Person: storagetest.Person(t), State: registry.Running, Filed: w.Clock.Now(), Deadline: w.Clock.Now().Add(time.Hour)}
	if err := w.FileApplication(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	if _, err := w.mail.Enter(t.Context(), a.ID, code); !errors.Is(err, confirm.ErrChecking) {
		t.Errorf("while a check runs: %v", err)
	}
	var wrong fault.Fields
	if _, err := w.mail.Order(t.Context(), a.ID, civil.Address{}); !errors.As(err, &wrong) {
		t.Errorf("no address: %v", err)
	}
}

func TestCodeOfAnotherPersonsLetterDoesNotFit(t *testing.T) {
	w := newLetters(t, storagetest.New(t))
	a := w.Create(t, w.Standard(t))
	_, code := w.posted(a)
	if _, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		a.Agree(storagetest.Person(t), w.Clock.Now())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.mail.Enter(t.Context(), a.ID, code); !errors.Is(err, confirm.ErrNoLetter) || w.level(a.ID) != account.Standard {
		t.Errorf("Enter: %v, level %s", err, w.level(a.ID))
	}
	if l, _ := w.LastLetter(t.Context(), a.ID); l.Reason != "fallen" || l.Tries != 0 {
		t.Errorf("the letter ended by %q after %d tries", l.Reason, l.Tries)
	}
}

func TestCodeLivesFortyFiveDaysFromHandOver(t *testing.T) {
	for _, test := range []struct {
		days int
		live bool
	}{{44, true}, {45, false}} {
		w := newLetters(t, storagetest.New(t))
		a := w.Create(t, w.Standard(t))
		l, code := w.posted(a)
		w.Clock.Advance(10 * 24 * time.Hour)
		if l = w.moves(l, confirm.InTransit); !l.ValidTill.Equal(w.Clock.Now().Add(45 * 24 * time.Hour)) {
			t.Errorf("valid till %v", l.ValidTill)
		}
		w.Clock.Advance(time.Duration(test.days) * 24 * time.Hour)
		if _, err := w.mail.Enter(t.Context(), a.ID, code); (err == nil) != test.live {
			t.Errorf("after %d days: %v", test.days, err)
		}
	}
}

func TestPostIsAskedAgainAndNewsIsToldOnce(t *testing.T) {
	w := newLetters(t, storagetest.New(t))
	a := w.Create(t, w.Standard(t))
	l := w.order(a)
	w.post.down = true
	if err := w.mail.Handlers()[confirm.JobPost](t.Context(), l.ID); !errors.Is(err, fault.Unavailable) {
		t.Errorf("the post is down: %v", err)
	}
	w.post.down = false
	l = w.job(confirm.JobPost, l)
	l = w.job(confirm.JobPost, l) // a job may run twice
	if w.post.sent[l.ID] != 1 || l.Track == "" || l.Status != confirm.Accepted {
		t.Errorf("sent %d times, track %q, %s", w.post.sent[l.ID], l.Track, l.Status)
	}
	for _, s := range []confirm.LetterStatus{confirm.HandedOver, confirm.HandedOver, confirm.Arrived, confirm.InTransit, confirm.Returned, confirm.Returned} {
		l = w.moves(l, s)
	}
	if l.Status != confirm.Returned || l.Reason != "returned" {
		t.Errorf("%s, %q", l.Status, l.Reason)
	}
	if n := w.count(a.ID, "letter_cancelled"); n != 1 {
		t.Errorf("%d cancellations", n)
	}
}

func TestLetterIsRemindedOfOnce(t *testing.T) {
	w := newLetters(t, storagetest.New(t))
	a := w.Create(t, w.Standard(t))
	l, _ := w.posted(a)
	l = w.moves(l, confirm.HandedOver)
	first := w.job(confirm.JobRemind, l)
	w.Clock.Advance(time.Hour)
	if again := w.job(confirm.JobRemind, l); first.Reminded.IsZero() || !again.Reminded.Equal(first.Reminded) {
		t.Errorf("reminded at %v and %v", first.Reminded, again.Reminded)
	}
}

func TestLoweringEndsTheLetterTellsAndRecords(t *testing.T) {
	w := newLetters(t, storagetest.New(t))
	a := w.Standard(t)
	if err := a.Confirm(account.Confirmation{ID: "c", Method: account.Bank, At: w.Clock.Now()}); err != nil {
		t.Fatal(err)
	}
	w.Create(t, a)
	_, code := w.posted(a)
	err := w.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
		_, err := confirm.Lower(t.Context(), tx, w.mail.Notices, confirm.Lowering{
			Account: a.ID, To: account.Standard, Why: notice.WhyFraud, Reason: "case 7", Now: w.Clock.Now(), Wall: w.Clock.Now(),
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := w.Account(t.Context(), a.ID)
	if got.Level != account.Standard || got.Epoch != a.Epoch+1 || w.count(a.ID, "lowered") != 1 {
		t.Errorf("level %s, epoch %d, %d events", got.Level, got.Epoch, w.count(a.ID, "lowered"))
	}
	if _, err := w.mail.Enter(t.Context(), a.ID, code); !errors.Is(err, confirm.ErrNoLetter) {
		t.Errorf("Enter: %v", err)
	}
}

func TestFallenAccountsLetterIsVoid(t *testing.T) {
	w := newLetters(t, storagetest.New(t))
	a := w.Create(t, w.Standard(t))
	_, code := w.posted(a)
	err := w.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
		return confirm.Fallen(t.Context(), tx, a.ID, w.Clock.Now(), w.Clock.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.mail.Enter(t.Context(), a.ID, code); !errors.Is(err, confirm.ErrNoLetter) {
		t.Errorf("Enter: %v", err)
	}
}

func TestNoCodeSurvivesHandOver(t *testing.T) {
	s := storagetest.New(t)
	rapid.Check(t, func(r *rapid.T) {
		w := newLetters(t, s)
		a := w.Create(t, w.Standard(t))
		l := w.order(a)
		if rapid.Bool().Draw(r, "cancelled before") {
			if err := w.mail.Cancel(t.Context(), a.ID); err != nil {
				t.Fatal(err)
			}
		}
		l = w.job(confirm.JobPost, l)
		if l.Code != "" {
			r.Errorf("the letter still has its code")
		}
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if code := w.codes[l.Number()].String(); code != "" && bytes.Contains(text, []byte(code)) {
			r.Errorf("the code stands in %s", text)
		}
	})
	w := newLetters(t, s)
	l, _ := w.posted(w.Create(t, w.Standard(t)))
	code := w.codes[l.Number()].String()
	err := filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(code)) || bytes.Contains(b, []byte(civil.LetterCode.Format(w.codes[l.Number()]))) {
			t.Errorf("the code stands in %s", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
