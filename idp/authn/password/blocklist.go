package password

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/nbutton23/zxcvbn-go/frequency"
)

// russian holds words that stand high among Russian passwords, in Cyrillic:
// the other lists have few. Typed in the other keyboard layout they are found
// too.
//
//go:embed russian.txt
var russian string

// common holds 20000 passwords that stand highest in "Have I Been Pwned"; the
// file common.LICENSE tells where it comes from.
//
//go:embed common.txt.gz
var common []byte

// A Blocklist knows passwords that guessers try first. It compares the whole
// password, without case, as typed and as if the keyboard were in the other
// layout, and once more without up to four signs or digits at its end, since
// Qwerty123 and Qwerty2026 are tried right after qwerty. A nil list is empty.
type Blocklist struct {
	words  map[string]struct{}
	hashes []uint64 // sorted: the first eight bytes of SHA-1
}

// NewBlocklist returns the built-in list: the passwords met most often in
// breaches, those that zxcvbn brings, and Russian ones.
func NewBlocklist() *Blocklist {
	unzip, err := gzip.NewReader(bytes.NewReader(common))
	if err != nil {
		panic(err) // the file is part of the program
	}
	breached, err := io.ReadAll(unzip)
	if err != nil {
		panic(err)
	}
	brought := frequency.Lists["Passwords"].List
	b := &Blocklist{words: make(map[string]struct{}, len(brought)+20000)}
	for _, w := range brought {
		b.words[fold(w)] = struct{}{}
	}
	for w := range strings.Lines(string(breached)) {
		b.words[fold(w)] = struct{}{}
	}
	for w := range strings.FieldsSeq(russian) {
		b.words[fold(w)] = struct{}{}
	}
	return b
}

// Load adds the passwords of a file as "Have I Been Pwned" publishes them:
// each line is the SHA-1 of a password in hexadecimal, whole or its first 16
// digits or more, and may go on with a colon and a count. Each takes 8 bytes
// of memory, so an operator gives the million most common, not the billion.
func (b *Blocklist) Load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("password: list of known passwords: %w", err)
	}
	defer f.Close()
	var hashes []uint64
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		l, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if l == "" {
			continue
		}
		if len(l) < 16 || len(l) > 40 {
			return fmt.Errorf("password: %s, line %d: want 16 to 40 hexadecimal digits", path, n)
		}
		prefix, err := hex.DecodeString(l[:16])
		if err != nil {
			return fmt.Errorf("password: %s, line %d: %w", path, n, err)
		}
		hashes = append(hashes, binary.BigEndian.Uint64(prefix))
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("password: %s: %w", path, err)
	}
	b.hashes = append(b.hashes, hashes...)
	slices.Sort(b.hashes)
	b.hashes = slices.Compact(b.hashes)
	return nil
}

// Len returns how many passwords the list knows.
func (b *Blocklist) Len() int {
	if b == nil {
		return 0
	}
	return len(b.words) + len(b.hashes)
}

// Contains reports that pw is known.
func (b *Blocklist) Contains(pw string) bool {
	if b == nil {
		return false
	}
	folded := fold(pw)
	for _, form := range []string{folded, fold(otherLayout(pw))} {
		if _, ok := b.words[form]; ok {
			return true
		}
		if _, ok := b.words[stem(form)]; ok {
			return true
		}
	}
	return b.hashed(pw) || b.hashed(folded)
}

func (b *Blocklist) hashed(pw string) bool {
	sum := sha1.Sum([]byte(pw)) // the published lists are of SHA-1; nothing is protected by it
	_, ok := slices.BinarySearch(b.hashes, binary.BigEndian.Uint64(sum[:8]))
	return ok
}

// stem drops up to four characters that are no letters from the end, if a
// word is left.
func stem(s string) string {
	r := []rune(s)
	for range 4 {
		if len(r) > 4 && !unicode.IsLetter(r[len(r)-1]) {
			r = r[:len(r)-1]
		}
	}
	return string(r)
}

// The two layouts of a Russian keyboard, key by key.
var (
	latinKeys    = []rune("`qwertyuiop[]asdfghjkl;'zxcvbnm,.~QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>")
	cyrillicKeys = []rune("ёйцукенгшщзхъфывапролджэячсмитьбюЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ")
)

// otherLayout gives what the same keys type in the other layout.
func otherLayout(s string) string {
	from, to := latinKeys, cyrillicKeys
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }) {
		from, to = cyrillicKeys, latinKeys
	}
	return strings.Map(func(r rune) rune {
		if i := slices.Index(from, r); i >= 0 {
			return to[i]
		}
		return r
	}, s)
}
