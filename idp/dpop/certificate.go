package dpop

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
)

// Certificate gives the thumbprint of the certificate that the other side of a connection holds, by which
// tokens are bound to it (x5t#S256, RFC 8705 section 3.1), or "". The chain plays no part: what counts is
// that the same key made both connections, and TLS has proved that it is held.
func Certificate(c *tls.ConnectionState) string {
	if c == nil || len(c.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(c.PeerCertificates[0].Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
