// Package certificate lets citizens show who they are with a qualified certificate: by a statement that they
// sign, or by the certificate that their browser presents.
//
//	statement made ──signed file sent──▶ signature and certificate judged ──▶ confirmation
//	                                              ▲
//	TLS handshake ──certificate presented─────────┘──▶ holder, for sign-in
//
// What is judged, in this order: that the file is a signature by one signer over exactly the statement; that
// keys and algorithms are strong; that the certificate is valid, meant for this use, qualified, and issued
// below a root that is accredited; that it is this citizen's, by SNILS and name; that it is not revoked.
// Whatever fails is a Refusal with a Reason, for which pages have words.
//
// Everything is judged at the time of receipt. The time inside a signature is what the signer's computer
// said and proves nothing; and nobody signed before the statement was made, since it carries a number that
// nobody knew before.
//
// RSA and ECDSA are computed here. GOST R 34.10-2012 is asked of a Gost, such as the installed OpenSSL.
package certificate
