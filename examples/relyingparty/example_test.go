package relyingparty_test

import (
	"context"
	"embed"
	"net"
	"net/http"

	"github.com/propusk/propusk/examples/relyingparty"
)

// A site's own pages: pages/*.html, site.html, words.json and icon.svg.
var pages embed.FS

// A shop that lets in people whose data the registries have confirmed.
func ExampleNew() {
	serve := func(ctx context.Context, listener net.Listener, secret string) error {
		party, err := relyingparty.New(relyingparty.Config{
			PublicURL: "https://shop.example", Issuer: "http://localhost:8080",
			ClientID: "shop", ClientSecret: secret, Scopes: []string{"openid", "profile"},
			Listeners: []net.Listener{listener},
		}, relyingparty.Look{Class: "Site--tax", Files: pages}, func(c relyingparty.Claims) relyingparty.Decision {
			if c.Rank < relyingparty.RankStandard {
				return relyingparty.Refuse(relyingparty.LevelTooLow)
			}
			return relyingparty.Allow()
		})
		if err != nil {
			return err
		}
		routes := http.NewServeMux()
		routes.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
			session := party.Session(r)
			if session == nil {
				http.Redirect(w, r, "/login", http.StatusSeeOther)
				return
			}
			party.Site().Render(w, r, http.StatusOK, "home", session.Claims)
		})
		return party.Serve(ctx, routes)
	}
	_ = serve
}
