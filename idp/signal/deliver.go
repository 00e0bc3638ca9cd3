package signal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/rp"
)

// GiveUp is how long a delivery is tried. A party that was down for longer has its sessions end by
// themselves, or at the next userinfo.
const GiveUp = 24 * time.Hour

// A Courier delivers logout tokens.
type Courier struct {
	Store   Store
	Parties interface {
		Party(ctx context.Context, id rp.ID) (*rp.Party, error)
	}
	// Sign makes the logout token of a delivery; oidc.Door.LogoutToken is one. It is made anew at every
	// attempt, since it lives two minutes.
	Sign   func(d Delivery, p *rp.Party) (string, error)
	Client *http.Client // of NewClient
	Wall   func() time.Time
	Logger *slog.Logger
}

// Handlers are the jobs of this package.
func (c *Courier) Handlers() job.Handlers { return job.Handlers{JobLogout: c.Deliver} }

// Deliver makes one attempt (OpenID Connect Back-Channel Logout 1.0 section 2.5). An error has it tried
// again. A party that answers 400 has understood and refuses: it is not asked a second time.
func (c *Courier) Deliver(ctx context.Context, ref string) error {
	d, err := c.Store.Delivery(ctx, ref)
	if errors.Is(err, fault.NotFound) {
		return fmt.Errorf("signal: delivery %s is gone: %w", ref, job.ErrGiveUp)
	}
	if err != nil {
		return fmt.Errorf("signal: load delivery %s: %w", ref, err)
	}
	if !d.Done.IsZero() {
		return nil
	}
	p, err := c.Parties.Party(ctx, d.Client)
	if errors.Is(err, fault.NotFound) || err == nil && p.Backchannel == "" {
		return c.Store.DeliveryDone(ctx, d.ID, c.Wall()) // nobody listens any more
	}
	if err != nil {
		return fmt.Errorf("signal: party of delivery %s: %w", ref, err)
	}
	if c.Wall().Sub(d.Created) > GiveUp {
		return fmt.Errorf("signal: %s did not take a logout token for a day: %w", p.ID, job.ErrGiveUp)
	}
	token, err := c.Sign(*d, p)
	if err != nil {
		return fmt.Errorf("signal: sign delivery %s: %w", ref, err)
	}
	status, err := c.post(ctx, p.Backchannel, token)
	switch {
	case err != nil:
		return fmt.Errorf("signal: deliver %s to %s: %w", ref, p.ID, err)
	case status == http.StatusBadRequest:
		if c.Logger != nil {
			c.Logger.WarnContext(ctx, "logout token refused", "client", string(p.ID), "delivery", d.ID)
		}
	case status < 200 || status > 299:
		return fmt.Errorf("signal: deliver %s: %s answered %d", ref, p.ID, status)
	}
	return c.Store.DeliveryDone(ctx, d.ID, c.Wall())
}

func (c *Courier) post(ctx context.Context, address, token string) (int, error) {
	form := url.Values{"logout_token": {token}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Client.Do(r)
	if err != nil {
		return 0, scrub(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // so that the connection can be used again
	return resp.StatusCode, nil
}

// scrub takes the address, which net/http quotes, out of an error that is kept with the job.
func scrub(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// ErrAddress reports an address that we do not connect to.
var ErrAddress = fmt.Errorf("signal: not an address of the open network: %w", fault.Denied)

// NewClient makes the client that posts to addresses parties have registered. It follows no redirects,
// waits no longer than a job may last, and connects only to the open network unless private is set: else
// a registration would reach into our own (server-side request forgery). The address is judged after
// its name was resolved, so a name that changes its mind gains nothing. A proxy is not used.
func NewClient(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !private {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			a, err := netip.ParseAddrPort(address)
			if err != nil || !open(a.Addr().Unmap()) {
				return ErrAddress
			}
			return nil
		}
	}
	return &http.Client{
		Timeout: 15 * time.Second,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// closed are ranges that IsGlobalUnicast lets pass, and that lead into somebody's own network.
var closed = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
}

func open(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range closed {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
