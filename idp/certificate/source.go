package certificate

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
	"golang.org/x/sync/singleflight"
)

// The bounds of what authorities are asked.
const (
	maxList    = 16 << 20
	maxAnswer  = 64 << 10
	maxSources = 4               // addresses tried for one certificate
	maxLists   = 64              // lists kept
	maxAnswers = 4096            // answers kept
	askFor     = 5 * time.Second // one address
	askAll     = 15 * time.Second
	// listAge is how old a kept list may be before the authority is asked whether there is a newer one, and
	// askAgain how soon one that did not answer well is asked again.
	listAge  = time.Minute
	askAgain = 10 * time.Second
)

// A Watch asks authorities whether certificates are revoked. It keeps what they signed: a list is asked
// for anew once a minute, and while an authority does not answer, what it signed before goes on counting for
// as long as it says itself. Revocations seen once are not forgotten by an authority that falls silent.
type Watch struct {
	Client *http.Client // nil: http.DefaultTransport's; redirects are never followed
	Gost   Gost
	Wall   func() time.Time

	mu      sync.Mutex
	lists   map[string]*keptList   // by address and issuer
	answers map[string]*keptAnswer // by issuer and serial number
	flight  singleflight.Group
}

type keptList struct {
	*revocationList // nil: none was ever good
	next            time.Time
	etag, edited    string
	err             error // of the last attempt, if it brought nothing
}

type keptAnswer struct {
	der     []byte
	until   time.Time
	revoked *Refusal
}

// Check says of every certificate of a path but the anchor whether it is revoked: nil, Revoked, or
// RevocationUnknown with what came of each address.
func (w *Watch) Check(ctx context.Context, p *path) error {
	ctx, cancel := context.WithTimeout(ctx, askAll)
	defer cancel()
	var unknown []error
	for i, c := range p.certs[:len(p.certs)-1] {
		err := w.one(ctx, p.anchor, c, p.certs[i+1])
		switch {
		case err == nil:
		case refused(err, Revoked):
			return err
		default:
			unknown = append(unknown, err)
		}
	}
	if len(unknown) > 0 {
		return &Refusal{Reason: RevocationUnknown, Cause: errors.Join(unknown...)}
	}
	return nil
}

// one asks about one certificate: the responders first, since they answer as of now, then the lists. One
// good word is enough; whoever calls it revoked is believed at once.
func (w *Watch) one(ctx context.Context, a *Anchor, c, issuer *x509.Certificate) error {
	var errs []error
	responders, lists := a.OCSP, a.CRLs
	if a.Follow {
		responders, lists = slices.Concat(responders, c.OCSPServer), slices.Concat(lists, c.CRLDistributionPoints)
	}
	for _, address := range first(responders) {
		err := w.askOne(ctx, address, c, issuer)
		if err == nil || refused(err, Revoked) {
			return err
		}
		errs = append(errs, err)
	}
	for _, address := range first(lists) {
		err := w.lookUp(ctx, address, c, issuer)
		if err == nil || refused(err, Revoked) {
			return err
		}
		errs = append(errs, err)
	}
	if err := w.remembered(ctx, c, issuer); err == nil || refused(err, Revoked) {
		return err
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("nobody to ask"))
	}
	return errors.Join(errs...)
}

func first(addresses []string) []string {
	out := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return !fetchable(a) })
	return out[:min(len(out), maxSources)]
}

// askOne asks a responder about one certificate.
func (w *Watch) askOne(ctx context.Context, address string, c, issuer *x509.Certificate) error {
	question, err := ocsp.CreateRequest(c, issuer, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(question))
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	res, err := w.do(req, maxAnswer)
	if err != nil {
		return err
	}
	until, err := judgeAnswer(ctx, w.Gost, res.body, c, issuer, w.Wall())
	var revoked *Refusal
	if refused(err, Revoked) {
		errors.As(err, &revoked)
	}
	if err == nil || revoked != nil {
		w.remember(c, issuer, keptAnswer{res.body, until, revoked})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}

func (w *Watch) remember(c, issuer *x509.Certificate, k keptAnswer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answers == nil {
		w.answers = map[string]*keptAnswer{}
	}
	if len(w.answers) >= maxAnswers {
		now := w.Wall()
		maps.DeleteFunc(w.answers, func(_ string, k *keptAnswer) bool { return k.revoked == nil && !now.Before(k.until) })
	}
	if len(w.answers) >= maxAnswers {
		clear(w.answers)
	}
	w.answers[keyOf(issuer)+Serial(c)] = &k
}

// remembered judges by the last answer that was signed about a certificate.
func (w *Watch) remembered(ctx context.Context, c, issuer *x509.Certificate) error {
	w.mu.Lock()
	k := w.answers[keyOf(issuer)+Serial(c)]
	w.mu.Unlock()
	switch {
	case k == nil:
		return errUnknown
	case k.revoked != nil:
		return k.revoked
	}
	_, err := judgeAnswer(ctx, w.Gost, k.der, c, issuer, w.Wall())
	return err
}

// lookUp looks a certificate up in the list at an address.
func (w *Watch) lookUp(ctx context.Context, address string, c, issuer *x509.Certificate) error {
	list, err := w.list(ctx, address, issuer)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if err := list.judge(c, issuer, w.Wall()); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}

func (w *Watch) list(ctx context.Context, address string, issuer *x509.Certificate) (*revocationList, error) {
	key := keyOf(issuer) + " " + address
	w.mu.Lock()
	kept := w.lists[key]
	w.mu.Unlock()
	if kept == nil {
		kept = &keptList{}
	}
	if w.Wall().Before(kept.next) {
		return kept.revocationList, kept.unusable()
	}
	brought, _, _ := w.flight.Do(key, func() (any, error) {
		next, err := w.fetch(context.WithoutCancel(ctx), address, issuer, kept)
		if err != nil { // judge looks whether what is kept still counts
			again := askAgain
			if errors.Is(err, errForeign) {
				again = listAge
			}
			next = &keptList{kept.revocationList, w.Wall().Add(again), kept.etag, kept.edited, err}
		}
		w.keep(key, next)
		return next, nil
	})
	kept = brought.(*keptList)
	return kept.revocationList, kept.unusable()
}

func (k *keptList) unusable() error {
	if k.revocationList == nil {
		return k.err
	}
	return nil
}

func (w *Watch) keep(key string, k *keptList) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lists == nil {
		w.lists = map[string]*keptList{}
	}
	if _, there := w.lists[key]; !there && len(w.lists) >= maxLists {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(w.lists)), func(a, b string) int { return w.lists[a].next.Compare(w.lists[b].next) })
		delete(w.lists, oldest)
	}
	w.lists[key] = k
}

// fetch brings a list, or the word that the kept one has not changed. A list that is older than the kept
// one is not taken: somebody on the way would undo a revocation with it.
func (w *Watch) fetch(ctx context.Context, address string, issuer *x509.Certificate, kept *keptList) (*keptList, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if kept.revocationList != nil {
		for name, value := range map[string]string{"If-None-Match": kept.etag, "If-Modified-Since": kept.edited} {
			if value != "" {
				req.Header.Set(name, value)
			}
		}
	}
	next := w.Wall().Add(listAge)
	res, err := w.do(req, maxList)
	if err != nil {
		return nil, err
	}
	if res.unchanged {
		if kept.revocationList == nil {
			return nil, errStale
		}
		return &keptList{kept.revocationList, next, kept.etag, kept.edited, nil}, nil
	}
	list, err := readList(ctx, w.Gost, res.body, issuer)
	if err != nil {
		return nil, err
	}
	if kept.revocationList != nil && list.from.Before(kept.from) {
		return nil, errStale
	}
	return &keptList{list, next, res.etag, res.edited, nil}, nil
}

type response struct {
	body         []byte
	etag, edited string
	unchanged    bool
}

// do makes a call that is bounded in time and size and follows no redirect. Its errors name the address,
// which stands on the trust list or in a certificate of an authority.
func (w *Watch) do(req *http.Request, limit int64) (*response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), askFor)
	defer cancel()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if w.Client != nil {
		client.Transport = w.Client.Transport
	}
	res, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotModified {
		return &response{unchanged: true}, nil
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", strings.SplitN(req.URL.String(), "?", 2)[0], res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes", req.URL.Host, limit)
	}
	return &response{body: body, etag: res.Header.Get("ETag"), edited: res.Header.Get("Last-Modified")}, nil
}
