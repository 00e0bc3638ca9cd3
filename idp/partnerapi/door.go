// Package partnerapi is the door of programs: banks, and whoever else is registered as a partner, under
// /partner/v1.
//
// Every route stands behind one guard, and is mounted by its kind of partner:
//
//	d.read(g, "/confirmations/:reference", partner.Bank, d.showConfirmation)
//	d.act(g, "/confirmations", partner.Bank, d.confirm)
//
// The guard proves the partner (token, scope, key), counts its calls, and for act asks for an idempotency key,
// gives a repeat its stored answer and refuses a key that belongs to another request. The handler gets a
// *call: the partner, the body's bytes and a partner.Once, which it hands to the domain to keep the answer with
// the effect. A handler returns its answer or its error; problems.go turns errors into problem+json (RFC 9457).
//
// A new group of routes is a file of its own here, its desk in Config, and a file in openapi/, which describes
// it: a test holds the two together.
package partnerapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/propusk/propusk/idp/account"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/dpop"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/shift"
	"github.com/propusk/propusk/idp/transient"
)

// Root is where all routes of the door begin.
const Root = "/partner/v1"

// A Token is an access token of a partner, opened by whoever made it.
type Token struct {
	Partner partner.ID
	Scopes  []string
	// Key (a thumbprint, DPoP) or Certificate (x5t#S256) is what it is bound to.
	Key, Certificate string
}

// Config is everything the door needs.
type Config struct {
	Issuer string // without a slash at its end
	// Open reads an access token; fault.Denied if it is none, or was taken back.
	Open     func(ctx context.Context, token string) (*Token, error)
	Proofs   *dpop.Verifier
	Partners *partner.Cache
	Answers  interface {
		PartnerAnswer(ctx context.Context, id partner.ID, key string) (*partner.Answer, error)
	}
	Transients transient.Store
	Ring       *seal.Ring
	Bank       *bank.Desk
	Letters    *confirm.Mail
	Visits     *confirm.Visits
	Shifts     *shift.Desk
	// Factor judges the code of an operator's app.
	Factor interface {
		TOTP(ctx context.Context, id account.ID, code string) (*account.Account, error)
	}
	Keep partner.Answers // for effects that are the same when done twice
	Now  func() time.Time
	Log  *slog.Logger
}

// A Door serves partners.
type Door struct {
	Config
	limits      *limit.Keeper
	description []byte
}

// New makes the door. It fails on a description that does not parse.
func New(c Config) (*Door, error) {
	text, err := describe(c.Issuer)
	if err != nil {
		return nil, fmt.Errorf("partnerapi: description: %w", err)
	}
	return &Door{Config: c, limits: &limit.Keeper{Store: c.Transients, Digest: c.Ring, Now: c.Now}, description: text}, nil
}

// Mount hangs the door's routes: the whole map of it.
func (d *Door) Mount(e *echo.Echo) {
	pages := e.HTTPErrorHandler
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if path := c.Request().URL.Path; path == Root || strings.HasPrefix(path, Root+"/") {
			d.problem(err, c)
			return
		}
		pages(err, c)
	}
	g := e.Group(Root, named)
	g.GET("/openapi.json", d.showDescription)
	d.mountBank(g)
	d.mountLetters(g)
	d.mountCentre(g)
}

// named tells the edge the route, for the log line and the metrics.
func named(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		edge.Route(c.Request().Context(), c.Path())
		return next(c)
	}
}

// A call is a request of a partner that has been proved.
type call struct {
	echo.Context
	partner *partner.Partner
	body    []byte       // act only
	once    partner.Once // act only: for the transaction of the effect
}

// An answer is what a call gets; body is marshalled as JSON.
type answer struct {
	status   int
	location string // of what was made
	body     any
}

type handler func(ctx context.Context, c *call) (*answer, error)

// read mounts a call that changes nothing.
func (d *Door) read(g *echo.Group, path string, kind partner.Kind, h handler) {
	g.GET(path, func(c echo.Context) error {
		p, err := d.prove(c, kind)
		if err != nil {
			return err
		}
		a, err := h(c.Request().Context(), &call{Context: c, partner: p})
		if err != nil {
			return err
		}
		return write(c, a.status, a.location, a.body)
	})
}

const (
	longestBody = 64 << 10
	hourly      = 3600 // calls that change something, of a partner that has no number of its own
)

// act mounts a call that changes something, once for each idempotency key.
func (d *Door) act(g *echo.Group, path string, kind partner.Kind, h handler) {
	g.POST(path, func(c echo.Context) error {
		p, err := d.prove(c, kind)
		if err != nil {
			return err
		}
		in := &call{Context: c, partner: p}
		if err := d.readBody(in); err != nil {
			return err
		}
		ctx := c.Request().Context()
		if told, err := d.told(ctx, in); told != nil || err != nil {
			return d.repeat(c, told, err)
		}
		free := p.Hourly
		if free == 0 {
			free = hourly
		}
		if _, err := d.limits.Take(ctx, limit.Rule{Name: "partner calls", Free: free, Window: time.Hour}, string(p.ID)); err != nil {
			return err
		}
		a, err := h(ctx, in)
		if errors.Is(err, partner.ErrAnswered) || errors.Is(err, fault.Exists) {
			// Another node, or the request before this one, was quicker with the same key.
			if told, again := d.told(ctx, in); told != nil || again != nil {
				return d.repeat(c, told, again)
			}
		}
		if err != nil {
			return err
		}
		return write(c, a.status, a.location, a.body)
	})
}

// readBody reads the body whole and the idempotency key, and digests the two.
func (d *Door) readBody(in *call) error {
	r := in.Request()
	if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(t), "application/json") {
		return refuse(http.StatusUnsupportedMediaType, "content_type", "the content type is not application/json")
	}
	key, err := keyOf(r.Header)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(in.Response(), r.Body, longestBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than 64 KB")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "body", "the body did not arrive whole")
	}
	var plain bytes.Buffer
	if !utf8.Valid(body) || json.Compact(&plain, body) != nil {
		return refuse(http.StatusBadRequest, "body", "the body is not JSON in UTF-8")
	}
	in.body = body
	digest, err := d.Ring.KeyedHash(requestKind, r.Method+" "+r.URL.Path+"\n"+plain.String(), []byte(key))
	if err != nil {
		return fmt.Errorf("partnerapi: digest: %w", err)
	}
	in.once = partner.Once{Partner: in.partner.ID, Key: key, Fingerprint: append(binary.BigEndian.AppendUint32(nil, digest.KeyID), digest.Digest...)}
	return nil
}

const requestKind = "partner request"

var keyForm = regexp.MustCompile(`^[!-~]{8,128}$`)

// keyOf reads the idempotency key (draft-ietf-httpapi-idempotency-key-header): a structured string, or the
// same without its quotes.
func keyOf(h http.Header) (string, error) {
	values := h.Values("Idempotency-Key")
	if len(values) != 1 {
		return "", refuse(http.StatusBadRequest, "idempotency_key", "there is not exactly one Idempotency-Key")
	}
	key := strings.TrimSpace(values[0])
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	if !keyForm.MatchString(key) {
		return "", refuse(http.StatusBadRequest, "idempotency_key", "Idempotency-Key is 8 to 128 visible characters")
	}
	return key, nil
}

// told returns what was answered to the key before, or nil. Another request under it is ErrOtherRequest.
func (d *Door) told(ctx context.Context, in *call) (*partner.Answer, error) {
	a, err := d.Answers.PartnerAnswer(ctx, in.once.Partner, in.once.Key)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("partnerapi: stored answer: %w", err)
	}
	same := slices.Equal(a.Fingerprint, in.once.Fingerprint)
	if !same && len(a.Fingerprint) > 4 { // the index key may have changed since
		var plain bytes.Buffer
		if err := json.Compact(&plain, in.body); err != nil {
			return nil, fmt.Errorf("partnerapi: stored answer: %w", err)
		}
		digest := seal.IndexDigest{KeyID: binary.BigEndian.Uint32(a.Fingerprint), Digest: a.Fingerprint[4:]}
		r := in.Request()
		same, err = d.Ring.CheckKeyedHash(digest, requestKind, r.Method+" "+r.URL.Path+"\n"+plain.String(), []byte(in.once.Key))
		if err != nil {
			return nil, fmt.Errorf("partnerapi: stored answer: %w", err)
		}
	}
	if !same {
		return nil, partner.ErrOtherRequest
	}
	return a, nil
}

func (d *Door) repeat(c echo.Context, a *partner.Answer, err error) error {
	if err != nil {
		return err
	}
	c.Response().Header().Set("Idempotency-Replayed", "true")
	return write(c, a.Status, "", a.Body)
}

func write(c echo.Context, status int, location string, body any) error {
	if location != "" {
		c.Response().Header().Set("Location", location)
	}
	return c.JSON(status, body)
}

// parse reads a body into a form, strictly: what the form does not know is a mistake of the sender.
func parse(body []byte, into any) error {
	in := json.NewDecoder(bytes.NewReader(body))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return refuse(http.StatusBadRequest, "body", "a member of the body is of another type than the description says")
		}
		return refuse(http.StatusBadRequest, "body", "the body has a member that the description does not know, or is no object")
	}
	return nil
}
