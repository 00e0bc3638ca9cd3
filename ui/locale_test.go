package ui

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/civil"
)

// readLocale is a language's sentences by key and plural form; a sentence
// without plurals has the form "".
func readLocale(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	b, err := fs.ReadFile(files, "locale/"+lang+".json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]string{}
	for key, v := range raw {
		var text string
		if json.Unmarshal(v, &text) == nil {
			out[key] = map[string]string{"": text}
			continue
		}
		forms := map[string]string{}
		if err := json.Unmarshal(v, &forms); err != nil {
			t.Fatalf("%s: %s: %v", lang, key, err)
		}
		out[key] = forms
	}
	return out
}

func TestBothLocalesSayTheSame(t *testing.T) {
	ru, en := readLocale(t, "ru"), readLocale(t, "en")
	for key := range ru {
		if en[key] == nil {
			t.Errorf("en lacks %s", key)
		}
	}
	for key := range en {
		if ru[key] == nil {
			t.Errorf("ru lacks %s", key)
		}
	}
	argument := regexp.MustCompile(`\{\{\.(\w+)\}\}`)
	names := func(forms map[string]string) []string {
		set := map[string]bool{}
		for _, text := range forms {
			for _, m := range argument.FindAllStringSubmatch(text, -1) {
				set[m[1]] = true
			}
		}
		return slices.Sorted(maps.Keys(set))
	}
	for key := range ru {
		if got, want := names(en[key]), names(ru[key]); !slices.Equal(got, want) {
			t.Errorf("%s: en names %v, ru names %v", key, got, want)
		}
	}
}

func TestPluralFormsAreThoseOfTheLanguage(t *testing.T) {
	want := map[string][]string{"ru": {"few", "many", "one"}, "en": {"one", "other"}}
	for lang, forms := range want {
		for key, texts := range readLocale(t, lang) {
			if got := slices.Sorted(maps.Keys(texts)); !slices.Equal(got, []string{""}) && !slices.Equal(got, forms) {
				t.Errorf("%s: %s has forms %v, want %v", lang, key, got, forms)
			}
			for form, text := range texts {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s: %s %s is empty", lang, key, form)
				}
			}
		}
	}
}

// Russian sentences hold no English ones and the reverse: a sentence pasted
// into the wrong file.
func TestSentencesAreInTheirLanguage(t *testing.T) {
	cyrillic := regexp.MustCompile(`[а-яА-ЯёЁ]`)
	for key, texts := range readLocale(t, "ru") {
		for _, text := range texts {
			if !cyrillic.MatchString(text) && key != "frame.other-language" {
				t.Errorf("ru: %s: %q", key, text)
			}
		}
	}
	for key, texts := range readLocale(t, "en") {
		for _, text := range texts {
			if cyrillic.MatchString(text) && key != "frame.other-language" {
				t.Errorf("en: %s: %q", key, text)
			}
		}
	}
}

var (
	calledKey  = regexp.MustCompile(`\b(?:t|rich)\s+"([^"]+)"`)
	calledWord = regexp.MustCompile(`\bword\s+"([^"]+)"`)
	printWord  = regexp.MustCompile(`\bword\s+\(print\s+"([^"]+)\."`)
	goKey      = regexp.MustCompile(`\bs\.(?:say|plain|rich)\("([^"]+)"`)
	goWord     = regexp.MustCompile(`\bs\.word\("([^"]+)"`)
)

// TestEveryKeyIsUsedAndKnown compares the keys that templates and code call
// with those that exist. Families of words are called by their first part.
func TestEveryKeyIsUsedAndKnown(t *testing.T) {
	known := readLocale(t, "ru")
	called, families := map[string]string{}, map[string]bool{"fault": true, "wait": true}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".html" {
			return err
		}
		b, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		page := filepath.Base(filepath.Dir(path))
		for _, m := range calledKey.FindAllStringSubmatch(string(b), -1) {
			key := m[1]
			if strings.HasPrefix(key, ".") {
				if key == ".title" && path == "layout/frame.html" {
					continue // called for each page below
				}
				key = page + key
			}
			called[key] = path
		}
		for _, re := range []*regexp.Regexp{calledWord, printWord} {
			for _, m := range re.FindAllStringSubmatch(string(b), -1) {
				families[m[1]] = true
			}
		}
		if filepath.Base(path) == "page.html" && !strings.Contains(string(b), `{{define "title"}}`) {
			called[page+".title"] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range goKey.FindAllStringSubmatch(string(b), -1) {
			called[m[1]] = name
		}
		for _, m := range goWord.FindAllStringSubmatch(string(b), -1) {
			families[m[1]] = true
		}
	}
	for key, where := range called {
		if known[key] == nil && !strings.HasSuffix(key, ".") {
			t.Errorf("%s calls %s, which does not exist", where, key)
		}
	}
	for key := range known {
		used := called[key] != ""
		for f := range families {
			used = used || strings.HasPrefix(key, f+".")
		}
		if !used {
			t.Errorf("nobody calls %s", key)
		}
	}
}

// TestEveryWireNameHasAWord holds the families against the names that can
// come in.
func TestEveryWireNameHasAWord(t *testing.T) {
	levels := []string{"simplified", "standard", "verified"}
	ways := append(slices.Clone(allMethods), "profile", "checks", "letter", "second_contact", "second_factor", "sign_in_again", "unlock", "use_now")
	reasons := []string{"level_too_low", "method_refused", "confirmation_too_old", "authentication_too_weak", "locked_by_citizen"}
	data := []string{"family_name", "given_name", "patronymic", "sex", "birth_date", "birth_place", "citizenship", "snils", "document_number", "issued_on", "issuer", "department_code"}
	var papers []string
	for _, d := range civil.DocumentTypes() {
		papers = append(papers, d.String())
	}
	rows := []string{}
	for _, d := range data {
		rows = append(rows, strings.ReplaceAll(d, "_", "-"))
	}
	families := map[string][]string{
		"level": levels, "demand": levels, "account.opens": levels, "account.ahead": levels[1:],
		"method.name": allMethods, "method.short": allMethods, "method.by": allMethods, "method.who": allMethods, "method.need": allMethods,
		"method.where": allMethods, "method.time": allMethods, "method.price": allMethods, "method.act": allMethods, "method.live": allMethods,
		"way.name": ways, "way.text": ways, "way.act": ways, "refusal.heading": reasons, "refusal.text": reasons,
		"document": papers, "sex": {"f", "m"}, "data": data, "compare": append(rows, "face", "genuine"), "answer": {"yes", "later", "no"},
		"check.pension": {"todo", "sent", "delayed", "agreed", "refused"}, "check.interior": {"todo", "sent", "delayed", "agreed", "refused"},
		"check.tax": {"todo", "sent", "delayed", "found", "not_found", "agreed", "refused"}, "registry": {"pension", "interior", "tax"},
		"checks.heading": {"running", "agreed", "refused", "ended", "overdue"},
		"post":           {"ordered", "accepted", "printed", "handed_over", "in_transit", "arrived", "delivered", "returned"},
		"letter.heading": {"live", "expired", "citizen", "returned", "tries", "replaced", "fallen", "post_refused", "recalled"},
		"letter.text":    {"expired", "citizen", "returned", "tries", "replaced", "fallen"},
		"error.title":    {"server", "not_found", "expired", "too_many", "bad_request", "forbidden", "unavailable"},
		"claim":          {"name", "birth_date", "birth_place", "sex", "citizenship", "snils", "inn", "phone", "email", "address", "document", "documents", "level", "id"},
	}
	known := readLocale(t, "ru")
	for family, names := range families {
		for _, n := range names {
			if known[family+"."+n] == nil {
				t.Errorf("no word for %s.%s", family, n)
			}
		}
	}
	for id := range fieldKinds {
		if known["field."+id] == nil {
			t.Errorf("no label for field %s", id)
		}
		if fieldKinds[id].hint && known["field."+id+".hint"] == nil {
			t.Errorf("no hint for field %s", id)
		}
	}
}
