package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/confirm"
)

// printer signs reports, by the key that ours has.
func printer(t *testing.T, inbox, name string, r Reports) {
	t.Helper()
	sign1, _ := ours(t)
	key, err := sign1()
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := sign(key, "", payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inbox, name), []byte(jws+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func inbox(t *testing.T) (*Inbox, *bytes.Buffer) {
	t.Helper()
	_, keys := ours(t)
	log := &bytes.Buffer{}
	return &Inbox{Path: t.TempDir(), Keys: keys, Log: slog.New(slog.NewTextHandler(log, nil))}, log
}

func names(t *testing.T, path string) string {
	t.Helper()
	all, _ := filepath.Glob(filepath.Join(path, "*", "*"))
	for i := range all {
		all[i], _ = filepath.Rel(path, all[i])
	}
	return strings.Join(all, " ")
}

func TestReportsAreTakenInOrderAndOnce(t *testing.T) {
	b, _ := inbox(t)
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	printer(t, b.Path, "0002.jws", Reports{Type: ReportsType, Reports: []Report{{ID: "B", Status: "handed_over", At: at, Track: "80081234567890", Place: "Подольск"}}})
	printer(t, b.Path, "0001.jws", Reports{Type: ReportsType, Reports: []Report{{ID: "A", Status: "printed"}, {ID: "B", Status: "printed"}}})
	printer(t, b.Path, ".0003.jws", Reports{Type: ReportsType, Reports: []Report{{ID: "C", Status: "printed"}}})
	var got []string
	take := func(id string, r confirm.Report) error {
		got = append(got, id+" "+string(r.Status)+" "+r.Track)
		return nil
	}
	for range 2 {
		if err := b.Take(t.Context(), take); err != nil {
			t.Fatal(err)
		}
	}
	if s := strings.Join(got, ", "); s != "A printed , B printed , B handed_over 80081234567890" {
		t.Errorf("took %s", s)
	}
	if s := names(t, b.Path); s != "taken/0001.jws taken/0002.jws" {
		t.Errorf("afterwards: %s", s)
	}
}

func TestReportThatCannotBeTakenNowComesAgain(t *testing.T) {
	b, _ := inbox(t)
	printer(t, b.Path, "1.jws", Reports{Type: ReportsType, Reports: []Report{{ID: "A", Status: "printed"}}})
	down := errors.New("the database is away")
	if err := b.Take(t.Context(), func(string, confirm.Report) error { return down }); !errors.Is(err, down) {
		t.Fatalf("Take: %v", err)
	}
	n := 0
	if err := b.Take(t.Context(), func(string, confirm.Report) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("again: %d, %v", n, err)
	}
}

func TestFileThatThePrinterDidNotSignIsPutAside(t *testing.T) {
	b, log := inbox(t)
	right := Reports{Type: ReportsType, Reports: []Report{{ID: "A", Status: "returned"}}}
	printer(t, b.Path, "forged.jws", right)
	if err := forge(filepath.Join(b.Path, "forged.jws")); err != nil {
		t.Fatal(err)
	}
	printer(t, b.Path, "manifest.jws", Reports{Type: ManifestType})
	os.WriteFile(filepath.Join(b.Path, "junk.jws"), []byte("\xff\xfe"), 0o600)
	os.Symlink("/etc/passwd", filepath.Join(b.Path, "link.jws"))
	os.WriteFile(filepath.Join(b.Path, "note.txt"), []byte("x"), 0o600)
	err := b.Take(t.Context(), func(id string, _ confirm.Report) error { t.Errorf("took a report of %s", id); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if s := names(t, b.Path); s != "refused/forged.jws refused/junk.jws refused/link.jws refused/manifest.jws" {
		t.Errorf("afterwards: %s", s)
	}
	if strings.Count(log.String(), "a file of reports is refused") != 4 {
		t.Errorf("log: %s", log)
	}
}

func TestLetterPrintedByHandIsAWholeFile(t *testing.T) {
	tray := &Tray{Path: t.TempDir()}
	p := bundle.Letters[0]
	for range 2 { // a repeated id is one letter
		if track, err := tray.Send(t.Context(), p); err != nil || track != "" {
			t.Fatalf("Send: %q, %v", track, err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(tray.Path, "*"))
	hidden, _ := filepath.Glob(filepath.Join(tray.Path, ".*"))
	if len(files) != 1 || len(hidden) != 0 || LetterOf(files[0]) != p.ID {
		t.Fatalf("files %v %v", files, hidden)
	}
	if b, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(b, p.PDF) {
		t.Errorf("content: %d bytes, %v", len(b), err)
	}
	bad := p
	bad.ID = "../evil"
	if _, err := tray.Send(t.Context(), bad); err == nil {
		t.Error("a name that leads out of the directory")
	}
}
