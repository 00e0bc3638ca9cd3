// Command quickstart signs somebody in at a running demo and says what Propusk is sure of.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

func main() {
	key := make([]byte, 32)
	rand.Read(key)
	cookies := httphelper.NewCookieHandler(key, key, httphelper.WithUnsecure()) // http on this machine
	party, err := rp.NewRelyingPartyOIDC(context.Background(),
		"http://localhost:8080", "sandbox", "", "http://localhost:9999/callback", []string{"openid", "profile"},
		rp.WithPKCE(cookies), rp.WithVerifierOpts(rp.WithSupportedSigningAlgorithms("ES256")))
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/{$}", rp.AuthURLHandler(rand.Text, party))
	http.Handle("/callback", rp.CodeExchangeHandler(rp.UserinfoCallback(welcome), party))
	log.Println("open http://localhost:9999")
	log.Fatal(http.ListenAndServe("localhost:9999", nil))
}

func welcome(w http.ResponseWriter, _ *http.Request, _ *oidc.Tokens[*oidc.IDTokenClaims], _ string, _ rp.RelyingParty, who *oidc.UserInfo) {
	if rank, _ := who.Claims["account_level_rank"].(float64); rank < 3 {
		http.Error(w, fmt.Sprintf("%s, confirm your identity first: your account is %v.", who.Name, who.Claims["account_level"]), http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "Welcome, %s. Confirmed by: %v\n", who.Name, who.Claims["confirmations"])
}
