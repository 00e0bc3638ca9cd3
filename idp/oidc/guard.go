package oidc

import (
	"errors"
	"net/http"
	"strings"
)

// guard stands before the protocol library and refuses what it would let pass: other methods, other kinds
// of body, anything in the address (credentials in a query end up in logs), doubled parameters (RFC 6749
// section 3.2), bodies and tokens without end. Behind it, every answer is kept out of caches, and a 401
// says how to authenticate.
func (d *Door) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noStore(w.Header())
		refuse := func(status int, why string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"error":"invalid_request","error_description":"` + why + `"}` + "\n"))
		}
		t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		switch {
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			refuse(http.StatusMethodNotAllowed, "the method is not POST")
			return
		case !strings.EqualFold(strings.TrimSpace(t), "application/x-www-form-urlencoded"):
			refuse(http.StatusUnsupportedMediaType, "the content type is not application/x-www-form-urlencoded")
			return
		case r.URL.RawQuery != "":
			refuse(http.StatusBadRequest, "parameters belong into the body")
			return
		case len(r.Header.Values("Authorization")) > 1:
			refuse(http.StatusBadRequest, "Authorization is given twice")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if err := r.ParseForm(); err != nil {
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				refuse(http.StatusRequestEntityTooLarge, "the body is too large")
				return
			}
			refuse(http.StatusBadRequest, "the body is in a wrong encoding")
			return
		}
		if !clean(r.PostForm) {
			refuse(http.StatusBadRequest, "the body is in a wrong encoding")
			return
		}
		for _, values := range r.PostForm {
			if len(values) > 1 {
				refuse(http.StatusBadRequest, "a parameter is given twice")
				return
			}
			if len(values[0]) > maxJWT {
				refuse(http.StatusBadRequest, "a parameter is too long")
				return
			}
		}
		ways := proofs(r)
		if ways > 1 {
			refuse(http.StatusBadRequest, "the client authenticates in two ways")
			return
		}
		w = &challenger{ResponseWriter: w, issuer: d.Issuer}
		if ways == 0 && r.URL.Path == "/oauth2/introspect" {
			// RFC 7662 section 2.3. The library calls it a malformed request.
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"introspection is for clients that prove themselves"}` + "\n"))
			return
		}
		next.ServeHTTP(w, d.remember(w, r))
	})
}

// proofs counts the ways in which a request authenticates its client; more than one is refused (RFC 6749
// section 2.3), with or without a client_id beside them.
func proofs(r *http.Request) int {
	n := 0
	if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Basic") {
		n++
	}
	for _, name := range []string{"client_secret", "client_assertion"} {
		if r.PostForm.Get(name) != "" {
			n++
		}
	}
	return n
}

// A challenger adds to a 401 the header that it must have (RFC 6749 section 5.2), and to a 429 when to
// come again.
type challenger struct {
	http.ResponseWriter
	issuer string
}

func (w *challenger) WriteHeader(status int) {
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="`+w.issuer+`", charset="UTF-8"`)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "60")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap gives the writer underneath, for http.ResponseController.
func (w *challenger) Unwrap() http.ResponseWriter { return w.ResponseWriter }
