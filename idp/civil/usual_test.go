package civil

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// What bare and isDash do not look up must be what looking up would have said.
func TestUsualRunesAreAsTheTablesSay(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unusual(r) && (unicode.In(r, unicode.Cf, unicode.Cc, unicode.Variation_Selector) || r != ' ' && (unicode.IsSpace(r) || unicode.Is(unicode.Zs, r))) {
			t.Errorf("%U is usual, and no text", r)
		}
		if russian(r) && (!unicode.IsLetter(r) || !unicode.Is(unicode.Cyrillic, r) || unicode.Is(unicode.Latin, r)) {
			t.Errorf("%U is not a Russian letter", r)
		}
		if got, want := isDash(r), unicode.Is(unicode.Pd, r) || r == '\u2212' || r == '\u2043' || r == '\u02D7'; got != want {
			t.Errorf("isDash(%U) = %t, want %t", r, got, want)
		}
	}
}

func TestAUsualNameIsReadAsAnyOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.SampledFrom([]rune("АЯаяЁёйИ\u0306Zz-' ѣ9")), 0, maxName, -1).Draw(t, "name")
		got, err := ParseName(s)
		want, err2 := parseName(s)
		if got != want || err != err2 {
			t.Errorf("ParseName(%q) = %v, %v, want %v, %v", s, got, err, want, err2)
		}
	})
}

func BenchmarkReadingAPerson(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var family, given, patronymic Name
		var birth Date
		var snils SNILS
		for _, v := range []struct {
			into interface{ UnmarshalText([]byte) error }
			text string
		}{{&family, "Иванова"}, {&given, "Анна"}, {&patronymic, "Петровна"}, {&birth, "1985-04-12"}, {&snils, "112-233-445 95"}} {
			if err := v.into.UnmarshalText([]byte(v.text)); err != nil {
				b.Fatal(err)
			}
		}
	}
}
