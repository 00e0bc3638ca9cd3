package voting

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

func TestOnlyAVisitGivesAVote(t *testing.T) {
	for _, c := range []struct {
		rank    int
		methods []string
		want    string
	}{
		{1, nil, relyingparty.LevelTooLow},
		{2, nil, relyingparty.LevelTooLow},
		{3, []string{"mail_code"}, relyingparty.MethodRefused},
		{3, []string{"bank", "qualified_signature", "electronic_card"}, relyingparty.MethodRefused},
		{3, []string{"service_center"}, ""},
		{3, []string{"mail_code", "service_center"}, ""},
	} {
		claims := relyingparty.Claims{Rank: c.rank}
		for _, m := range c.methods {
			claims.Confirmations = append(claims.Confirmations, relyingparty.Confirmation{Method: m})
		}
		if got := Judge(claims); got.Reason != c.want || got.Allowed != (c.want == "") {
			t.Errorf("Judge(rank %d, %v) = %+v, want reason %q", c.rank, c.methods, got, c.want)
		}
	}
}

func TestOnePersonOneVote(t *testing.T) {
	provider := providertest.New(t)
	site := providertest.Serve(t, func(ctx context.Context, l net.Listener, address string) error {
		return Run(ctx, Config{Listeners: []net.Listener{l}, PublicURL: address, Issuer: provider.Issuer(), ClientSecret: providertest.Secret})
	})
	vote := func(browser *http.Client, choice string) string {
		resp, err := browser.PostForm(site+"/initiatives/trees", url.Values{"choice": {choice}})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	signIn := func(claims map[string]any) *http.Client {
		provider.SignIn(claims)
		browser := providertest.Browser(t)
		resp, err := browser.Get(site + "/login")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return browser
	}
	first := signIn(providertest.Person("1", "verified", "service_center"))
	vote(first, "for")
	if body := vote(first, "against"); !strings.Contains(body, "Вы проголосовали за") {
		t.Error("a second vote replaced the first")
	}
	// The same person in another browser is still the same person.
	vote(signIn(providertest.Person("1", "verified", "service_center")), "for")
	vote(signIn(providertest.Person("2", "verified", "mail_code")), "for")
	body := vote(signIn(providertest.Person("3", "verified", "service_center")), "against")
	if !strings.Contains(body, `id="votes-for">1<`) || !strings.Contains(body, `id="votes-against">1<`) {
		t.Error("want one vote for and one against")
	}
}
