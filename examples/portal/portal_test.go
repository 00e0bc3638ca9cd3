package portal

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/propusk/propusk/examples/relyingparty"
	"github.com/propusk/propusk/examples/relyingparty/providertest"
)

func TestThePortalLetsInEveryLevel(t *testing.T) {
	for rank := 1; rank <= 3; rank++ {
		if got := Judge(relyingparty.Claims{Rank: rank}); !got.Allowed {
			t.Errorf("Judge(rank %d) = %+v", rank, got)
		}
	}
}

func TestTheCatalogueIsWhole(t *testing.T) {
	c, err := readCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	categories, levels, seen := map[string]bool{}, map[string]int{}, map[string]bool{}
	for _, category := range c.Categories {
		categories[category.ID] = true
	}
	for _, s := range c.Services {
		levels[s.Needs]++
		if seen[s.ID] || !categories[s.Category] {
			t.Errorf("service %s is doubled or in no category", s.ID)
		}
		seen[s.ID] = true
		for _, text := range []string{s.Name.RU, s.Name.EN, s.Text.RU, s.Text.EN, s.Authority.RU, s.Authority.EN, s.Cost.RU, s.Cost.EN, s.Term.RU, s.Term.EN} {
			if text == "" {
				t.Errorf("service %s lacks a text", s.ID)
			}
		}
	}
	if len(c.Services) < 12 || levels["simplified"] == 0 || levels["standard"] == 0 || levels["verified"] == 0 {
		t.Errorf("%d services, by level %v", len(c.Services), levels)
	}
}

func TestSearchFindsByWordsInBothLanguages(t *testing.T) {
	c, err := readCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{"врач": "doctor", "ШТРАФЫ": "fines", "паспорта": "passport", "travel passport": "passport", "налоговая предприниматель": "business"} {
		found := false
		for _, s := range c.Search(query) {
			found = found || s.ID == want
		}
		if !found {
			t.Errorf("Search(%q) lacks %s", query, want)
		}
	}
	for _, query := range []string{"", "   ", "<script>", "йцукен"} {
		if found := c.Search(query); len(found) != 0 {
			t.Errorf("Search(%q) = %d services", query, len(found))
		}
	}
}

func body(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestALockedServiceShowsTheWayUp(t *testing.T) {
	provider := providertest.New(t)
	portal := providertest.Serve(t, func(ctx context.Context, l net.Listener, address string) error {
		return Run(ctx, Config{Listeners: []net.Listener{l}, PublicURL: address, Issuer: provider.Issuer(), ClientSecret: providertest.Secret})
	})
	browser := providertest.Browser(t)
	page := func(path string) string {
		resp, err := browser.Get(portal + path)
		return body(t, resp, err)
	}
	provider.SignIn(providertest.Person("1", "simplified"))
	page("/login")
	if got := page("/services/passport"); !strings.Contains(got, "level_too_low") || strings.Contains(got, "/account/confirm") || strings.Contains(got, `method="post"`) {
		t.Error("simplified: want the locked page with the way to the account")
	}
	resp, err := browser.PostForm(portal+"/services/passport", url.Values{"phone": {"+79000000041"}})
	body(t, resp, err)
	if got := page("/applications"); !strings.Contains(got, "Заявлений пока нет") {
		t.Error("a locked service took an application")
	}
	provider.SignIn(providertest.Person("1", "standard"))
	page("/login")
	if got := page("/services/passport"); !strings.Contains(got, `href="`+provider.Issuer()+`/account/confirm"`) {
		t.Error("standard: want the way to a confirmation")
	}
	if got := page("/services/doctor"); !strings.Contains(got, `value="&#43;7 900 000-00-41"`) || !strings.Contains(got, `value="anna@example.org"`) {
		t.Error("the open service's form is not filled from the claims")
	}
	resp, err = browser.PostForm(portal+"/services/doctor", url.Values{"email": {"<b>x"}, "note": {"болит зуб"}})
	if got := body(t, resp, err); resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got, "Проверьте адрес почты") || !strings.Contains(got, "болит зуб") || strings.Contains(got, "<b>x") {
		t.Error("a wrong address: want the field named and the rest kept")
	}
	resp, err = browser.PostForm(portal+"/services/doctor", url.Values{"phone": {"8 900 000 00 41"}})
	if got := body(t, resp, err); !strings.Contains(got, "Запись к врачу") || !strings.Contains(got, "-0001") {
		t.Error("the application is not listed")
	}
}
