package simulators

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/propusk/propusk/examples/simulators/authority"
	"github.com/propusk/propusk/examples/simulators/gateway"
	"github.com/propusk/propusk/examples/site"
)

// What somebody asks an authority for. Who is named by phone, by the number of a seeded person or by SNILS.
type certificateOrder struct {
	Phone     string    `json:"phone"`
	Number    int       `json:"number"`
	SNILS     string    `json:"snils"`
	Kind      string    `json:"kind"`
	Algorithm string    `json:"algorithm"`
	Authority string    `json:"authority"`
	From      time.Time `json:"valid_from"`
	Until     time.Time `json:"valid_until"`
}

// issue finds the person in the registries, as an authority would, and makes the certificate.
func (w *world) issue(ctx context.Context, of certificateOrder) (authority.Certificate, error) {
	if of.Number > 0 {
		of.Phone = fmt.Sprintf("+790000000%02d", of.Number)
	}
	people, err := w.people.People(ctx)
	if err != nil {
		return authority.Certificate{}, err
	}
	for _, p := range people {
		if (of.Phone == "" || p.Phone == "" || gateway.Recipient(p.Phone) != gateway.Recipient(of.Phone)) && (of.SNILS == "" || p.SNILS != onlyDigits(of.SNILS)) {
			continue
		}
		return w.authority.Issue(ctx, authority.Order{
			SNILS: p.SNILS, FamilyName: p.FamilyName, GivenName: p.GivenName, Patronymic: p.Patronymic,
			Kind: of.Kind, Algorithm: of.Algorithm, Tree: of.Authority, From: of.From, Until: of.Until,
		})
	}
	return authority.Certificate{}, errUnknown
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func (w *world) apiCertificates(r *http.Request) (int, any, error) {
	all, err := w.authority.Certificates(r.Context())
	for i := range all {
		all[i].Key = ""
	}
	return http.StatusOK, all, err
}

func (w *world) apiIssue(r *http.Request) (int, any, error) {
	var of certificateOrder
	if err := take(r, &of); err != nil {
		return 0, nil, err
	}
	c, err := w.issue(r.Context(), of)
	if err != nil {
		return 0, nil, err
	}
	c.Password = authority.Password
	c.PKCS12, err = w.authority.Token(r.Context(), c)
	return http.StatusCreated, c, err
}

func (w *world) apiRevoke(r *http.Request) (int, any, error) {
	c, err := w.authority.Revoke(r.Context(), r.PathValue("serial"))
	c.Key = ""
	return http.StatusOK, c, err
}

// apiSign signs as the holder of a certificate would, with the tool that they have.
func (w *world) apiSign(r *http.Request) (int, any, error) {
	var body struct {
		Content  []byte `json:"content"` // base64
		Attached bool   `json:"attached"`
	}
	if err := take(r, &body); err != nil {
		return 0, nil, err
	}
	c, err := w.authority.Certificate(r.Context(), r.PathValue("serial"))
	if err != nil {
		return 0, nil, err
	}
	cms, err := w.authority.Sign(r.Context(), c, body.Content, !body.Attached)
	return http.StatusOK, map[string][]byte{"cms": cms}, err
}

func (w *world) apiAuthority(r *http.Request) (int, any, error) {
	mode, err := w.authority.Mode(r.Context())
	return http.StatusOK, map[string]any{"mode": mode, "gost": w.authority.HasGOST()}, err
}

func (w *world) apiSetAuthority(r *http.Request) (int, any, error) {
	var body struct {
		Mode string `json:"mode"`
	}
	if err := take(r, &body); err != nil {
		return 0, nil, err
	}
	if err := w.authority.SetMode(r.Context(), body.Mode); err != nil {
		return 0, nil, err
	}
	return w.apiAuthority(r)
}

type certificatesView struct {
	Certificates []authority.Certificate
	People       []Person
	Mode         string
	GOST         bool
	Password     string
}

func (w *world) certificatesPage(rw http.ResponseWriter, r *http.Request) (err error) {
	v := certificatesView{GOST: w.authority.HasGOST(), Password: authority.Password}
	if v.Certificates, err = w.authority.Certificates(r.Context()); err != nil {
		return err
	}
	if v.People, err = w.people.People(r.Context()); err != nil {
		return err
	}
	if v.Mode, err = w.authority.Mode(r.Context()); err != nil {
		return err
	}
	w.site.Render(rw, r, http.StatusOK, "certificates", v)
	return nil
}

func (w *world) issueCertificate(rw http.ResponseWriter, r *http.Request) error {
	of := certificateOrder{SNILS: r.PostFormValue("snils"), Kind: r.PostFormValue("kind"), Algorithm: r.PostFormValue("algorithm")}
	switch r.PostFormValue("state") {
	case "expired":
		of.Until = time.Now().Add(-time.Hour)
		of.From = of.Until.Add(-24 * time.Hour)
	case "early":
		of.From = time.Now().Add(24 * time.Hour)
	case "stranger":
		of.Authority = authority.Stranger
	}
	if _, err := w.issue(r.Context(), of); err != nil {
		return err
	}
	http.Redirect(rw, r, "/certificates#issued", http.StatusSeeOther)
	return nil
}

func (w *world) revokeCertificate(rw http.ResponseWriter, r *http.Request) error {
	if _, err := w.authority.Revoke(r.Context(), r.PathValue("serial")); err != nil {
		return err
	}
	http.Redirect(rw, r, "/certificates#issued", http.StatusSeeOther)
	return nil
}

func (w *world) setAuthorityMode(rw http.ResponseWriter, r *http.Request) error {
	if err := w.authority.SetMode(r.Context(), r.PostFormValue("mode")); err != nil {
		return err
	}
	http.Redirect(rw, r, "/certificates", http.StatusSeeOther)
	return nil
}

// certificateFile hands out what is on the token: token.p12, certificate.pem or key.pem.
func (w *world) certificateFile(rw http.ResponseWriter, r *http.Request) error {
	c, err := w.authority.Certificate(r.Context(), r.PathValue("serial"))
	if err != nil {
		return err
	}
	var body []byte
	switch name := r.PathValue("file"); name {
	case "token.p12":
		if body, err = w.authority.Token(r.Context(), c); err != nil {
			return err
		}
	case "certificate.pem":
		body = []byte(c.Certificate + c.Chain)
	case "key.pem":
		body = []byte(c.Key)
	default:
		return errUnknown
	}
	return download(rw, r.PathValue("file"), body)
}

// signFile signs a file with a certificate's key and gives the signature back, as a signing program does.
func (w *world) signFile(rw http.ResponseWriter, r *http.Request) error {
	c, err := w.authority.Certificate(r.Context(), r.PathValue("serial"))
	if err != nil {
		return err
	}
	file, header, err := r.FormFile("file")
	if err != nil {
		w.site.Message(rw, r, http.StatusBadRequest, site.Message{
			Title: w.site.Say(r, "certificates.no_file"), Text: []string{w.site.Say(r, "certificates.no_file.text")},
			Actions: []site.Action{{Name: w.site.Say(r, "move.back"), Href: "/certificates"}},
		})
		return nil
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	signed, err := w.authority.Sign(r.Context(), c, content, r.PostFormValue("attached") == "")
	if err != nil {
		return err
	}
	return download(rw, header.Filename+".p7s", signed)
}

func download(rw http.ResponseWriter, name string, body []byte) error {
	rw.Header().Set("Content-Type", "application/octet-stream")
	rw.Header().Set("Content-Disposition", "attachment; filename="+strconv.QuoteToASCII(name))
	_, err := rw.Write(body)
	return err
}

// notIssued tells whether a page of certificates failed for want of something, not by a fault.
func notIssued(err error) bool {
	return errors.Is(err, authority.ErrOrder) || errors.Is(err, authority.ErrNoGost) || errors.Is(err, authority.ErrMode)
}
