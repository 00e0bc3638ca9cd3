package centre

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Find picks the centres of which every word asked for begins a word of the town, the address or the name, in
// whatever language they are written, and that do the service ("" is any). Case, ё and е, hyphens and dots
// make no difference: people type "зареченск" and mean it. Centres whose town begins with what was asked
// stand first; otherwise they keep their order.
func Find(all []*Centre, asked string, s Service) []*Centre {
	want := words(asked)
	var towns, others []*Centre
	for _, c := range all {
		if s != "" && !c.Does(s) {
			continue
		}
		var inTown, anywhere []string
		for _, texts := range []map[string]string{c.Town, c.Address, c.Name} {
			for _, t := range texts {
				anywhere = append(anywhere, words(t)...)
			}
		}
		for _, t := range c.Town {
			inTown = append(inTown, words(t)...)
		}
		switch {
		case begins(inTown, want):
			towns = append(towns, c)
		case begins(anywhere, want):
			others = append(others, c)
		}
	}
	return append(towns, others...)
}

// Towns lists the towns in a language, each once, in order.
func Towns(all []*Centre, lang string) []string {
	var out []string
	for _, c := range all {
		if t := c.Town[lang]; t != "" {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// begins tells whether every wanted word is the beginning of some word.
func begins(have, want []string) bool {
	for _, w := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return true
}

// words takes a text apart and levels how it may be spelt. At most 16 count: strangers type what they like.
func words(s string) []string {
	s = strings.ReplaceAll(strings.ToLower(norm.NFC.String(s)), "ё", "е")
	out := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	return out[:min(len(out), 16)]
}
