package session

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/seal"
)

// cookiePurpose seals the reference to a session that a browser carries.
const cookiePurpose seal.Purpose = "session"

// Cookies read and write the two cookies of a browser (design.md 4): the sealed reference to its session,
// and the browser's secret, which binds pages in progress and the session itself to this browser.
//
// The reference opens only beside the secret it was written with. A secret is replaced at every sign-in,
// so that one planted before it opens nothing after; the replaced one travels behind the new one, and
// serves only requests that were opened under it in other tabs.
type Cookies struct {
	Secure bool   // under TLS: the __Host- prefix
	Port   string // without TLS: part of the names, since cookies know no ports
	Ring   *seal.Ring
	// Staff reads and writes the operator console's pair instead of the citizens'.
	Staff bool
}

// ForStaff gives the operator console's cookies.
func (c Cookies) ForStaff() Cookies { c.Staff = true; return c }

func (c Cookies) name(what string) string {
	if c.Staff {
		what = "operator-" + what
	}
	if c.Secure {
		return "__Host-propusk-" + what
	}
	return "propusk-" + what + "-" + c.Port
}

// Read returns the session that the browser refers to, or "", and the browser's secret, or "".
func (c Cookies) Read(r *http.Request) (ID, string) {
	b, err := r.Cookie(c.name("browser"))
	if err != nil || !validSecret(b.Value) {
		return "", ""
	}
	s, err := r.Cookie(c.name("session"))
	if err != nil {
		return "", b.Value
	}
	id, err := c.Ring.Open(cookiePurpose, s.Value, HashBrowser(b.Value))
	if err != nil {
		return "", b.Value
	}
	return ID(id), b.Value
}

// Write gives the browser its session and its new secret, as Begin or Renew made them. A foreign
// computer's cookies end with the browser. left is how long the session may still last.
func (c Cookies) Write(w http.ResponseWriter, s *Session, secret string, left time.Duration) {
	keep := int(left / time.Second)
	if s.Kind == Foreign || s.Kind == Operator {
		keep = 0
	}
	c.WriteBrowser(w, secret, s.Kind == Foreign)
	c.set(w, "session", c.Ring.Seal(cookiePurpose, []byte(s.ID), HashBrowser(secret)), keep)
}

// WriteBrowser gives the browser a secret before anybody signs in. A passing one ends with the browser.
func (c Cookies) WriteBrowser(w http.ResponseWriter, secret string, passing bool) {
	keep := int(365 * 24 * time.Hour / time.Second)
	if passing {
		keep = 0
	}
	c.set(w, "browser", secret, keep)
}

// Clear takes the session from the browser; the secret stays.
func (c Cookies) Clear(w http.ResponseWriter) { c.set(w, "session", "", -1) }

func (c Cookies) set(w http.ResponseWriter, what, value string, keep int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.name(what), Value: value, Path: "/", MaxAge: keep,
		Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

const secretSize = 43 // 32 bytes in base64url

// NewBrowser draws a browser's secret. old is the one it replaces, or "".
func NewBrowser(old string) string {
	fresh := random(32)
	if old == "" {
		return fresh
	}
	return fresh + "." + old[:secretSize]
}

func validSecret(s string) bool {
	first, old, two := strings.Cut(s, ".")
	return len(first) == secretSize && (!two || len(old) == secretSize)
}

// HashBrowser is what the store and sealed values keep of a browser's secret.
func HashBrowser(secret string) []byte {
	first, _, _ := strings.Cut(secret, ".")
	h := sha256.Sum256([]byte(first))
	return h[:]
}

// SameBrowser tells, in constant time, whether the hash is of the browser's present secret.
func SameBrowser(secret string, hash []byte) bool {
	return secret != "" && subtle.ConstantTimeCompare(HashBrowser(secret), hash) == 1
}

// OnceBrowser is SameBrowser, or the same of the secret replaced last.
func OnceBrowser(secret string, hash []byte) bool {
	_, old, two := strings.Cut(secret, ".")
	return SameBrowser(secret, hash) || two && SameBrowser(old, hash)
}
