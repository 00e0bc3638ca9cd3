package batch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
)

// A Tray is a confirm.Post for those who print by hand: each letter is a PDF in a directory, under the number
// of its order and its id. Where letters are is told with propuskctl letter mark.
type Tray struct{ Path string }

// Send implements confirm.Post. There is no track yet.
func (t *Tray) Send(_ context.Context, p confirm.Parcel) (track string, err error) {
	if err := t.put(p); err != nil {
		return "", fmt.Errorf("batch: tray: %w", err)
	}
	return "", nil
}

func (t *Tray) put(p confirm.Parcel) error {
	if !idForm.MatchString(p.ID) || !idForm.MatchString(p.Number) {
		return fmt.Errorf("an id that is no name: %w", fault.Invalid)
	}
	name := p.Number + "_" + p.ID + ".pdf"
	part := filepath.Join(t.Path, "."+name+".part")
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d := Directory{}
	if err := d.write(part, p.PDF); err != nil {
		return err
	}
	if err := os.Rename(part, filepath.Join(t.Path, name)); err != nil {
		return err
	}
	return syncDir(t.Path)
}

// Follow implements confirm.Post: a tray knows nothing of letters that left it.
func (t *Tray) Follow(context.Context, string) (confirm.LetterStatus, []confirm.LetterEvent, error) {
	return "", nil, fmt.Errorf("batch: a tray is not asked: %w", fault.Unavailable)
}

// LetterOf reads the letter's id off the name of a PDF in a tray.
func LetterOf(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), ".pdf")
	if _, id, ok := strings.Cut(name, "_"); ok {
		return id
	}
	return name
}
