// Package batch hands letters to a printing partner through directories, and takes its reports from one.
//
// A batch is a directory: the letters as PDF files, and manifest.jws, which says what they are and is signed
// by a key of ours that signs nothing else.
//
//	<directory>/.2026-11-22-K7Q4MX2P.….part/   being written; names that begin with a dot are not for the printer
//	<directory>/2026-11-22-K7Q4MX2P/           whole: it got this name in one step, after everything in it was on disk
//	    manifest.jws
//	    <letter>.pdf
//
// Whatever breaks off the writing, a printer that looks sees the whole batch or none. Signatures are JWS
// compact (RFC 7515), Ed25519 (RFC 8037): they come out the same every time, and openssl verifies them.
//
// docs/post.md is this package for those who run the printer.
package batch

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// ManifestName is the file that a batch is opened by, and ManifestType says what it is.
const (
	ManifestName = "manifest.jws"
	ManifestType = "propusk.letter-batch/1"
)

// A Manifest is what is signed. It says nothing of the addressees: that stands on the letters.
type Manifest struct {
	Type    string    `json:"type"`
	Issuer  string    `json:"issuer"`
	Batch   string    `json:"batch"`
	Made    time.Time `json:"made"`
	Letters []Entry   `json:"letters"`
}

// An Entry is one letter of a batch.
type Entry struct {
	ID         string `json:"id"`     // what reports name
	Number     string `json:"number"` // of the order, as printed
	File       string `json:"file"`
	SHA256     string `json:"sha256"`      // hexadecimal
	Size       int    `json:"size"`        // bytes
	PostalCode string `json:"postal_code"` // for sorting
}

// A Directory is a confirm.Printer.
type Directory struct {
	// Path is where batches are left. It must be one file system, and the printer's to read and empty.
	Path   string
	Issuer string
	// Sign gives the key of ours; seal.Ring.LetterSigner is the one.
	Sign func() (seal.SigningKey, error)
	// step, in tests, is called before each step of a Put and can break it off.
	step func(name string) error
}

// Modes of what is written: for us and the group that the printer belongs to.
const (
	dirMode  = 0o750
	fileMode = 0o640
)

// idForm is what ids must be like to be names of files.
var idForm = regexp.MustCompile(`^[A-Z0-9-]{1,64}$`)

func (d *Directory) at(step string) error {
	if d.step == nil {
		return nil
	}
	return d.step(step)
}

// Put implements confirm.Printer. A batch that is there already was put before a crash: what lies there counts.
func (d *Directory) Put(ctx context.Context, b confirm.Bundle) ([]string, error) {
	ids, err := d.put(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("batch: put %s: %w", b.ID, err)
	}
	return ids, nil
}

func (d *Directory) put(ctx context.Context, b confirm.Bundle) ([]string, error) {
	if !idForm.MatchString(b.ID) {
		return nil, fmt.Errorf("an id that is no name: %w", fault.Invalid)
	}
	final := filepath.Join(d.Path, b.ID)
	if there, err := d.there(final); there != nil || err != nil {
		d.sweep(b.ID)
		return there, err
	}
	key, err := d.Sign()
	if err != nil {
		return nil, err
	}
	// A name of its own for each try: two that write at once must not write into each other's.
	part := filepath.Join(d.Path, "."+b.ID+"."+rand.Text()[:8]+".part")
	if err := d.at("make"); err != nil {
		return nil, err
	}
	if err := os.Mkdir(part, dirMode); err != nil {
		return nil, err
	}
	defer os.RemoveAll(part) // nothing is left of it once it has its name
	m := Manifest{Type: ManifestType, Issuer: d.Issuer, Batch: b.ID, Made: b.Made.UTC().Truncate(time.Second)}
	for _, l := range b.Letters {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !idForm.MatchString(l.ID) {
			return nil, fmt.Errorf("a letter's id that is no name: %w", fault.Invalid)
		}
		if err := d.at("letter"); err != nil {
			return nil, err
		}
		e := Entry{ID: l.ID, Number: l.Number, File: l.ID + ".pdf", Size: len(l.PDF), PostalCode: l.Address.PostalCode}
		sum := sha256.Sum256(l.PDF)
		e.SHA256 = hex.EncodeToString(sum[:])
		if err := d.write(filepath.Join(part, e.File), l.PDF); err != nil {
			return nil, err
		}
		m.Letters = append(m.Letters, e)
	}
	payload, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	jws, err := sign(key, "propusk-letters+jws", payload)
	if err != nil {
		return nil, err
	}
	if err := d.at("manifest"); err != nil {
		return nil, err
	}
	if err := d.write(filepath.Join(part, ManifestName), []byte(jws)); err != nil {
		return nil, err
	}
	if err := syncDir(part); err != nil {
		return nil, err
	}
	if err := d.at("rename"); err != nil {
		return nil, err
	}
	if err := os.Rename(part, final); err != nil {
		// Another may have been quicker: a directory that is not empty is never renamed over.
		if there, known := d.there(final); there != nil && known == nil {
			return there, nil
		}
		return nil, err
	}
	if err := d.at("sync"); err != nil {
		return nil, err
	}
	if err := syncDir(d.Path); err != nil {
		return nil, err
	}
	d.sweep(b.ID)
	return m.ids(), d.at("done")
}

// write writes a file to the disk.
func (d *Directory) write(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	half := len(content) / 2
	_, err = f.Write(content[:half])
	if err == nil {
		err = d.at("half")
	}
	if err == nil {
		_, err = f.Write(content[half:])
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// there tells which letters a batch that lies there has; nil if there is none.
func (d *Directory) there(path string) ([]string, error) {
	jws, err := os.ReadFile(filepath.Join(path, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return nil, fmt.Errorf("something without a manifest has its name: %w", fault.Conflict)
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// It stands in our own directory, and is read for its ids alone.
	payload, err := payloadOf(strings.TrimSpace(string(jws)))
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(payload, &m); err != nil || m.Batch != filepath.Base(path) {
		return nil, fmt.Errorf("a manifest of something else has its name: %w", fault.Conflict)
	}
	return m.ids(), nil
}

func (m Manifest) ids() []string {
	out := make([]string, 0, len(m.Letters))
	for _, e := range m.Letters {
		out = append(out, e.ID)
	}
	return out
}

// sweep takes away what broken tries left.
func (d *Directory) sweep(id string) {
	left, _ := filepath.Glob(filepath.Join(d.Path, "."+id+".*.part"))
	for _, path := range left {
		_ = os.RemoveAll(path) // it is hidden, and comes up again with the next try
	}
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Open reads a batch as a printer should: the manifest's signature by one of the keys, then every file's
// size and digest, and nothing besides. It is what docs/post.md tells to do by hand.
func Open(path string, keys []Key) (*Manifest, error) {
	jws, err := os.ReadFile(filepath.Join(path, ManifestName))
	if err != nil {
		return nil, fmt.Errorf("batch: open: %w", err)
	}
	payload, err := verify(strings.TrimSpace(string(jws)), keys)
	if err != nil {
		return nil, fmt.Errorf("batch: open: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(payload, &m); err != nil || m.Type != ManifestType || m.Batch != filepath.Base(path) {
		return nil, fmt.Errorf("batch: open: not the manifest of this batch: %w", fault.Invalid)
	}
	files, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("batch: open: %w", err)
	}
	if len(files) != len(m.Letters)+1 {
		return nil, fmt.Errorf("batch: open: %d files for %d letters: %w", len(files), len(m.Letters), fault.Invalid)
	}
	for _, e := range m.Letters {
		if e.File != filepath.Base(e.File) {
			return nil, fmt.Errorf("batch: open: a file outside: %w", fault.Invalid)
		}
		pdf, err := os.ReadFile(filepath.Join(path, e.File))
		if err != nil {
			return nil, fmt.Errorf("batch: open: %w", err)
		}
		if sum := sha256.Sum256(pdf); len(pdf) != e.Size || hex.EncodeToString(sum[:]) != e.SHA256 {
			return nil, fmt.Errorf("batch: open: %s is not what was signed: %w", e.File, fault.Invalid)
		}
	}
	return &m, nil
}
