// Package relyingparty signs people in at Propusk, on the client library
// github.com/zitadel/oidc/v3/pkg/client/rp. It is written to be copied by whoever connects
// a site of their own: nothing in it knows more than the provider's issuer.
//
// A party is made once and mounted on a mux:
//
//	GET  /login                    asks the provider for a code (PKCE S256, state, nonce)
//	GET  /callback/<client_id>     redeems the code and opens the party's own session
//	GET  /logout                   ends it here and at the provider
//	POST /backchannel-logout       the provider ends it, without any browser
//	GET  /me                       what is known of this browser, as JSON
//
// The party's session lies in this process's memory and the browser holds only its
// name. Every five minutes the next request asks userinfo again, so that a
// level that fell, or a session ended elsewhere, is felt here too.
//
// How sure the provider is stands in the claims account_level, account_level_rank and
// confirmations. They are judged by the party's Judge, never read from acr.
package relyingparty
