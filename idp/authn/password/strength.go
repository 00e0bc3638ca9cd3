package password

import (
	"fmt"
	"io"
	"strings"

	zxcvbn "github.com/nbutton23/zxcvbn-go"
	"golang.org/x/text/unicode/norm"
)

// maxMeasured is how many characters the meter looks at: its time grows with
// the square and more, and what is longer is strong already.
const maxMeasured = 64

// Strength returns 0 (guessed at once) to 4 (not guessed). personal is what
// others know about the person.
func Strength(pw string, personal ...string) int {
	if len(pw) > 8*maxBytes {
		pw = pw[:8*maxBytes]
	}
	r := []rune(norm.NFC.String(pw))
	r = r[:min(len(r), maxMeasured)]
	var inputs []string
	for _, w := range personal {
		w = fold(w)
		local, _, _ := strings.Cut(w, "@")
		inputs = append(inputs, w, local)
	}
	return zxcvbn.PasswordStrength(string(r), inputs).Score
}

// The generator's letters leave out those mistaken for others, and those that
// Russians read in two ways.
const (
	consonants = "bdfghjkmnprstvz"
	vowels     = "aeiou"
	figures    = "23456789"
)

// Generate draws a password that can be read aloud and typed, such as
// Kamiro-tezupa-bonefi-47. It meets the rules of every profile, has no equal
// neighbours and holds 62 random bits.
func Generate(rand io.Reader) (string, error) {
	d := drawer{rand: rand}
	var b strings.Builder
	for word := range 3 {
		for syllable := range 3 {
			c := d.of(consonants)
			if word == 0 && syllable == 0 {
				c -= 'a' - 'A'
			}
			b.WriteByte(c)
			b.WriteByte(d.of(vowels))
		}
		b.WriteByte('-')
	}
	first := d.of(figures)
	b.WriteByte(first)
	b.WriteByte(d.of(strings.ReplaceAll(figures, string(first), "")))
	if d.err != nil {
		return "", fmt.Errorf("password: generate: %w", d.err)
	}
	return b.String(), nil
}

// A drawer draws characters, each as likely as the others, and remembers the
// first error.
type drawer struct {
	rand io.Reader
	err  error
}

func (d *drawer) of(alphabet string) byte {
	var b [1]byte
	for d.err == nil {
		if _, d.err = io.ReadFull(d.rand, b[:]); d.err != nil {
			break
		}
		if n := int(b[0]); n < 256/len(alphabet)*len(alphabet) { // else the first would be likelier
			return alphabet[n%len(alphabet)]
		}
	}
	return alphabet[0]
}
