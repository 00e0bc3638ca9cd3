package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/edge"
)

// CertificateListener is the handler of the listener at which browsers present certificates. The handshake has
// shown that the browser holds the key; here the certificate is judged, and the browser sent back with an
// outcome. It shows no page and keeps no cookie: every word is said at the provider's own address.
//
// Its connections serve one request each, so that the next try shakes hands anew and may present another
// certificate.
func (d *Door) CertificateListener() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		edge.Route(ctx, "/")
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Connection", "close")
		if r.Method != http.MethodGet {
			h.Set("Allow", http.MethodGet)
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		to, err := d.meet(r)
		if err != nil {
			edge.Cause(ctx, err)
			h.Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("Сейчас проверить сертификат не получается. Попробуйте позже. Номер запроса: " + edge.RequestID(ctx) +
				"\nThe certificate cannot be checked now. Try later. Request: " + edge.RequestID(ctx) + "\n"))
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
}

// meet judges what the browser presents and says where it goes on. Without an invitation that is the
// beginning.
func (d *Door) meet(r *http.Request) (string, error) {
	ctx := r.Context()
	invitation := r.URL.Query().Get("invitation")
	if r.URL.Path != "/" || invitation == "" || r.TLS == nil {
		return d.issuer() + "/", nil
	}
	in, code, err := d.Certificates.Meet(ctx, invitation, r.TLS.PeerCertificates, edge.Network(ctx), edge.RequestID(ctx))
	if errors.Is(err, certificate.ErrOver) {
		edge.Cause(ctx, err)
		return d.issuer() + "/", nil
	}
	if err != nil {
		return "", err
	}
	if in.Tx != "" {
		return d.issuer() + "/login/certificate/return?" + url.Values{"tx": {in.Tx}, "code": {code}}.Encode(), nil
	}
	return d.issuer() + "/account/confirm/signature/return?" + url.Values{"code": {code}}.Encode(), nil
}
