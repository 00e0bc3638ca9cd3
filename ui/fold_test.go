package ui

import (
	"errors"
	"html/template"
	"strings"
	"testing"
)

func TestWhatNeverChangesIsWrittenIntoTheTemplates(t *testing.T) {
	calls := 0
	sentences := map[string]string{"plain": "Войти", "sharp": `a < "b" & 'c'`}
	say := func(key string, _ ...any) string { calls++; return sentences[key] }
	parsed := func() *template.Template {
		return template.Must(template.New("x").Funcs(template.FuncMap{"t": say}).Parse(
			`{{define "part"}}[{{t "sharp"}}]{{end}}<p title="{{t "sharp"}}">{{t "plain"}}</p>{{if .}}<i>{{t "plain"}}</i>{{else}}{{t "sharp"}}{{end}}` +
				`{{range .}}{{t "plain" "Count" .}}{{t .}}{{end}}{{template "part"}}`))
	}
	show := func(p *template.Template) string {
		t.Helper()
		var b strings.Builder
		if err := p.Execute(&b, []string{"plain"}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := show(parsed())
	if calls != 6 {
		t.Fatalf("calls unfolded: got %d, want 6", calls)
	}
	folded := parsed()
	err := fold(folded, func(name string, args []string) (string, bool, error) {
		if name != "t" || len(args) != 1 {
			return "", false, nil
		}
		return sentences[args[0]], true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	calls = 0
	if got := show(folded); got != want || calls != 2 {
		t.Errorf("folded: got %q with %d calls, want %q with 2", got, calls, want)
	}
	missing := errors.New("missing")
	if err := fold(parsed(), func(string, []string) (string, bool, error) { return "", true, missing }); !errors.Is(err, missing) {
		t.Errorf("a sentence that is missing: got %v", err)
	}
}
