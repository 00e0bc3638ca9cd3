// Package oidc is the OpenID Connect door: it turns protocol messages into calls of the domain, and the
// domain's answers into protocol messages.
//
//	/oauth2/authorize                  authorize.go   a request, checked and led to its answer
//	/oauth2/token                      token.go       codes, refresh tokens, a party's own credentials
//	/oauth2/userinfo                   userinfo.go    the claims behind an access token
//	/oauth2/introspect, revoke         tokens.go      what a token is worth; giving one back
//	/oauth2/logout                     logout.go      a party asks for the end of the session
//	/oauth2/why/<id>                   why.go         the exact reason of a refusal, for its party
//	/oauth2/jwks, /.well-known/…       discovery.go   bytes made once
//
// State lives in the tokens (design.md 3). A code is the sealed content of a grant that is not yet written;
// redeeming it writes the grant, once. An opaque access token is the sealed name of its grant. What can be
// revoked stands in the grant's row, and every use of a token reads it.
//
// The protocol library parses and dispatches the requests of token, introspection and revocation, and does
// no more (DESIGN.md); its types do not leave this package.
package oidc
