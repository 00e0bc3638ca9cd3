package frame

import (
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
)

var (
	// ErrForm reports a form that no page of ours sends: a field twice, text that is not UTF-8.
	ErrForm = fmt.Errorf("frame: not a form of ours: %w", fault.Invalid)
	// ErrCross reports a form that another site sent.
	ErrCross = fmt.Errorf("frame: sent by another site: %w", fault.Denied)
	// errTooLarge reports more than any page of ours sends.
	errTooLarge = fmt.Errorf("frame: the form is too large: %w", fault.Invalid)
)

const (
	maxForm  = 64 << 10
	maxField = 4 << 10
)

var cross = http.NewCrossOriginProtection()

// guard stands before every page: cross-site forms, oversized, doubled and broken input end here, so that
// handlers see one right text for each name.
func (f *Frame) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		edge.Route(r.Context(), c.Path())
		protect(c.Response().Header(), "")
		if err := cross.Check(r); err != nil {
			return fmt.Errorf("%w: %w", ErrCross, err)
		}
		if err := single(c.QueryParams()); err != nil {
			return err
		}
		if r.Method != http.MethodPost {
			return next(c)
		}
		t, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
		if limit := f.c.Uploads[c.Path()]; limit > 0 && err == nil && t == echo.MIMEMultipartForm {
			if err := upload(c, limit); err != nil {
				return err
			}
			defer func() { _ = r.MultipartForm.RemoveAll() }()
			return next(c)
		}
		if r.ContentLength != 0 && (err != nil || t != echo.MIMEApplicationForm) {
			return ErrForm
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				return errTooLarge
			}
			return ErrForm
		}
		if err := single(r.PostForm); err != nil {
			return err
		}
		return next(c)
	}
}

// upload reads a form with a file, within memory. What is too big is left unread, and the page says so.
func upload(c echo.Context, limit int64) error {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, limit+maxForm)
	if err := r.ParseMultipartForm(limit + maxForm); err != nil {
		var large *http.MaxBytesError
		if !errors.As(err, &large) {
			return ErrForm
		}
		c.Set(keyOversized, true)
		r.PostForm, r.MultipartForm = url.Values{}, &multipart.Form{}
		return nil
	}
	for name, files := range r.MultipartForm.File {
		if len(files) > 1 || !utf8.ValidString(name) {
			return ErrForm
		}
	}
	r.PostForm = r.MultipartForm.Value
	return single(r.PostForm)
}

// Oversized tells whether more was sent than the route takes.
func Oversized(c echo.Context) bool { return c.Get(keyOversized) != nil }

// single refuses a name given twice, since two readers might choose differently, and text that is not
// text.
func single(v url.Values) error {
	for name, values := range v {
		if len(values) > 1 || !utf8.ValidString(name) || !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
			return ErrForm
		}
		if len(values[0]) > maxField {
			if name == "tx" && len(values[0]) <= maxForm {
				continue // a sealed request holds what the party sent
			}
			return errTooLarge
		}
	}
	return nil
}

// Field is what was typed into a field of the posted form.
func Field(c echo.Context, name string) string { return c.Request().PostForm.Get(name) }
