package batch

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
	"strings"
	"time"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
)

// ReportsType says what a file of reports is.
const ReportsType = "propusk.letter-reports/1"

// Reports is what a printer signs: a JWS in compact form, in a file that ends in .jws.
type Reports struct {
	Type    string   `json:"type"`
	Made    string   `json:"made,omitempty"` // for people
	Reports []Report `json:"reports"`
}

// A Report is news of one letter.
type Report struct {
	ID     string    `json:"id"`
	Status string    `json:"status"` // printed handed_over in_transit arrived delivered returned refused
	At     time.Time `json:"at,omitzero"`
	Place  string    `json:"place,omitempty"`
	Track  string    `json:"track,omitempty"`
}

// An Inbox is a confirm.Reports: a directory that a printer writes and we empty.
//
//	<inbox>/*.jws       to be taken, in the order of their names
//	<inbox>/taken/      done
//	<inbox>/refused/    not signed by the printer, or not reports; the log says why
//
// Files whose names begin with a dot are being written. Taking a file twice does no harm: what a letter's
// state says already is not news.
type Inbox struct {
	Path string
	Keys []Key
	Log  *slog.Logger
}

// The bounds of a file.
const (
	maxFile    = 4 << 20
	maxReports = 20_000
)

// Take implements confirm.Reports.
func (b *Inbox) Take(ctx context.Context, f func(letter string, r confirm.Report) error) error {
	files, err := os.ReadDir(b.Path)
	if err != nil {
		return fmt.Errorf("batch: reports: %w", err)
	}
	for _, e := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !strings.HasSuffix(e.Name(), ".jws") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		reports, err := b.read(e)
		switch {
		case errors.Is(err, fs.ErrNotExist): // another node was quicker
			continue
		case errors.Is(err, fault.Invalid), errors.Is(err, fault.Denied):
			b.Log.WarnContext(ctx, "a file of reports is refused", "file", e.Name(), "error", err)
			if err := b.move(e.Name(), "refused"); err != nil {
				return err
			}
			continue
		case err != nil:
			return fmt.Errorf("batch: reports: %w", err)
		}
		for _, r := range reports {
			if err := f(r.ID, confirm.Report{Status: confirm.LetterStatus(r.Status), At: r.At, Place: r.Place, Track: r.Track}); err != nil {
				return err
			}
		}
		if err := b.move(e.Name(), "taken"); err != nil {
			return err
		}
	}
	return nil
}

func (b *Inbox) read(e os.DirEntry) ([]Report, error) {
	info, err := e.Info()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("not a file, or one too large: %w", fault.Invalid)
	}
	jws, err := os.ReadFile(filepath.Join(b.Path, e.Name()))
	if err != nil {
		return nil, err
	}
	payload, err := verify(strings.TrimSpace(string(jws)), b.Keys)
	if err != nil {
		return nil, err
	}
	var all Reports
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil || all.Type != ReportsType || len(all.Reports) > maxReports {
		return nil, fmt.Errorf("not reports: %w", fault.Invalid)
	}
	return all.Reports, nil
}

// move takes a file out of the way.
func (b *Inbox) move(name, to string) error {
	dir := filepath.Join(b.Path, to)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("batch: reports: %w", err)
	}
	if err := os.Rename(filepath.Join(b.Path, name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("batch: reports: %w", err)
	}
	return nil
}
