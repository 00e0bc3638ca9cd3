package authority

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"golang.org/x/crypto/ocsp"
)

// The modes of lists and responders.
const (
	OK   = "ok"
	Down = "down"
)

// ErrMode reports a mode that there is not.
var ErrMode = errors.New("authority: mode is ok or down")

// Mode tells how lists and responders behave.
func (o *Office) Mode(ctx context.Context) (string, error) {
	mode := OK
	row := o.db.QueryRowContext(ctx, `SELECT coalesce(max(mode), 'ok') FROM authority_mode`)
	return mode, row.Scan(&mode)
}

// SetMode changes it.
func (o *Office) SetMode(ctx context.Context, mode string) error {
	if mode != OK && mode != Down {
		return ErrMode
	}
	_, err := o.db.ExecContext(ctx, `INSERT INTO authority_mode (one, mode) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET mode = excluded.mode`, mode)
	return err
}

// Mount serves what the public asks of an authority: its certificates, its lists, its responder. Nobody
// shows a token here.
func (o *Office) Mount(mux *http.ServeMux) {
	serve := func(kind string, make func(*http.Request, *tree) ([]byte, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			t := o.trees[r.PathValue("tree")]
			mode, err := o.Mode(r.Context())
			switch {
			case t == nil:
				http.NotFound(w, r)
				return
			case err != nil || mode == Down:
				http.Error(w, "down", http.StatusServiceUnavailable)
				return
			}
			body, err := make(r, t)
			if err != nil {
				http.Error(w, "no", http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(body)
		}
	}
	const list = "application/pkix-crl"
	mux.HandleFunc("GET /ca/{tree}/root.crl", serve(list, func(r *http.Request, t *tree) ([]byte, error) { return o.list(r.Context(), t, t.root) }))
	mux.HandleFunc("GET /ca/{tree}/issuing.crl", serve(list, func(r *http.Request, t *tree) ([]byte, error) { return o.list(r.Context(), t, t.issuing) }))
	mux.HandleFunc("GET /ca/{tree}/root.cer", serve("application/pkix-cert", func(_ *http.Request, t *tree) ([]byte, error) { return t.root.cert.Raw, nil }))
	mux.HandleFunc("GET /ca/{tree}/issuing.cer", serve("application/pkix-cert", func(_ *http.Request, t *tree) ([]byte, error) { return t.issuing.cert.Raw, nil }))
	mux.HandleFunc("POST /ca/{tree}/ocsp", serve("application/ocsp-response", o.answer))
}

// list makes the revocation list of an authority. Roots revoke nobody here.
func (o *Office) list(ctx context.Context, t *tree, by *signer) ([]byte, error) {
	now := time.Now()
	template := &x509.RevocationList{Number: big.NewInt(now.UnixMilli()), ThisUpdate: now.Add(-time.Minute), NextUpdate: now.Add(time.Hour)}
	if by == t.issuing {
		rows, err := o.db.QueryContext(ctx, `SELECT serial, revoked FROM certificate WHERE tree = ? AND revoked > 0`, t.name)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var serial string
			var at int64
			if err := rows.Scan(&serial, &at); err != nil {
				return nil, err
			}
			n, _ := new(big.Int).SetString(serial, 16)
			template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: time.UnixMicro(at).UTC()})
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	if by.key != nil {
		return x509.CreateRevocationList(rand.Reader, template, by.cert, by.key)
	}
	stand, err := newEC()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, stripped(by.cert), stand)
	if err != nil {
		return nil, err
	}
	return regost(ctx, der, 1, nil, by.file)
}

// answer answers an OCSP question about one certificate.
func (o *Office) answer(r *http.Request, t *tree) ([]byte, error) {
	ctx := r.Context()
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<10))
	if err != nil {
		return nil, err
	}
	q, err := ocsp.ParseRequest(body)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	out := ocsp.Response{Status: ocsp.Unknown, SerialNumber: q.SerialNumber, ThisUpdate: now.Add(-time.Minute), NextUpdate: now.Add(5 * time.Minute)}
	by := t.issuing
	if q.SerialNumber.Cmp(t.issuing.cert.SerialNumber) == 0 {
		by, out.Status = t.root, ocsp.Good
	} else if c, err := o.Certificate(ctx, q.SerialNumber.Text(16)); err == nil && c.Tree == t.name {
		if out.Status = ocsp.Good; !c.Revoked.IsZero() {
			out.Status, out.RevokedAt = ocsp.Revoked, c.Revoked
		}
	}
	if by.key != nil {
		return ocsp.CreateResponse(by.cert, by.cert, out, by.key)
	}
	stand, err := newEC()
	if err != nil {
		return nil, err
	}
	der, err := ocsp.CreateResponse(by.cert, by.cert, out, stand)
	if err != nil {
		return nil, err
	}
	return regostAnswer(ctx, der, by.file)
}

// regostAnswer signs the inner part of an OCSP answer anew.
func regostAnswer(ctx context.Context, der []byte, keyFile string) ([]byte, error) {
	type inner struct {
		Kind asn1.ObjectIdentifier
		Body []byte
	}
	var outer struct {
		Status   asn1.Enumerated
		Response inner `asn1:"explicit,tag:0"`
	}
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, fmt.Errorf("authority: answer: %w", err)
	}
	var err error
	if outer.Response.Body, err = regost(ctx, outer.Response.Body, -5, nil, keyFile); err != nil {
		return nil, err
	}
	return asn1.Marshal(outer)
}
