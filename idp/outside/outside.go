// Package outside speaks JSON over HTTP with those Propusk depends on: registries, post, SMS gateway.
//
// It trusts none of them. A call has a deadline and an answer a size; redirects are not followed, since
// the bearer token must not travel; what is not the agreed answer is Trouble, with a code that a page has
// words for. Personal data goes out in bodies only, never in addresses, and never comes back in errors.
package outside

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// The codes of Trouble.
const (
	Slow       = "slow"       // no answer within the deadline
	Down       = "down"       // not reachable, or says itself that it cannot answer now
	Incoherent = "incoherent" // an answer that is not the agreed one
	Rejected   = "rejected"   // it refuses our question: our mistake or theirs, not the citizen's
)

// Trouble is an error of the kind Unavailable: the other side did not do its part.
type Trouble struct {
	Code   string
	Status int // of HTTP; 0: none came
	Err    error
}

func (t *Trouble) Error() string {
	if t.Err != nil {
		return fmt.Sprintf("outside: %s: %v", t.Code, t.Err)
	}
	return fmt.Sprintf("outside: %s: status %d", t.Code, t.Status)
}

// Unwrap gives the kind.
func (t *Trouble) Unwrap() error { return fault.Unavailable }

// CodeOf gives the code of the Trouble in err; any other error is Down.
func CodeOf(err error) string {
	var t *Trouble
	if errors.As(err, &t) {
		return t.Code
	}
	return Down
}

// Config is one place outside.
type Config struct {
	// Base is its address, such as "https://pension.example/api"; paths are appended.
	Base string
	// Token is the bearer token; empty sends none.
	Token string
	// Timeout bounds a call in all; 0 means ten seconds.
	Timeout time.Duration
	// MaxAnswer bounds an answer's body; 0 means 64 KiB.
	MaxAnswer int64
	// Transport, if set, replaces the default: TLS roots, client certificates.
	Transport http.RoundTripper
}

// A Client talks to one place.
type Client struct {
	config Config
	http   *http.Client
}

// New makes a client.
func New(c Config) *Client {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.MaxAnswer == 0 {
		c.MaxAnswer = 64 << 10
	}
	c.Base = strings.TrimSuffix(c.Base, "/")
	if c.Transport == nil {
		c.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     time.Minute,
			ForceAttemptHTTP2:   true,
		}
	}
	return &Client{config: c, http: &http.Client{
		Transport:     c.Transport,
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Post sends in and reads the answer into out. Statuses in want are answers; 404 is fault.NotFound.
func (c *Client) Post(ctx context.Context, path string, in, out any, want ...int) (int, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return 0, fmt.Errorf("outside: encode a question: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, body, out, want)
}

// Get reads an answer into out.
func (c *Client) Get(ctx context.Context, path string, out any, want ...int) (int, error) {
	return c.do(ctx, http.MethodGet, path, nil, out, want)
}

func (c *Client) do(ctx context.Context, method, path string, body []byte, out any, want []int) (int, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.config.Base+path, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("outside: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.config.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.config.Token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return 0, trouble(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, c.config.MaxAnswer+1))
	if err != nil {
		return answer.StatusCode, trouble(err)
	}
	if err := judge(answer.StatusCode, want); err != nil {
		return answer.StatusCode, err
	}
	if int64(len(text)) > c.config.MaxAnswer {
		return answer.StatusCode, &Trouble{Incoherent, answer.StatusCode, errors.New("the answer is too long")}
	}
	if out != nil && json.Unmarshal(text, out) != nil { // the cause could quote the answer
		return answer.StatusCode, &Trouble{Incoherent, answer.StatusCode, errors.New("the answer is not the agreed JSON")}
	}
	return answer.StatusCode, nil
}

// judge sorts statuses.
func judge(status int, want []int) error {
	for _, w := range want {
		if status == w {
			return nil
		}
	}
	switch {
	case status == http.StatusNotFound:
		return fmt.Errorf("outside: %w", fault.NotFound)
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return &Trouble{Code: Down, Status: status}
	case status >= 400:
		return &Trouble{Code: Rejected, Status: status}
	}
	return &Trouble{Code: Incoherent, Status: status}
}

// trouble sorts what went wrong before an answer was whole.
func trouble(err error) error {
	var late net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) && late.Timeout() {
		return &Trouble{Slow, 0, errors.New("no answer in time")}
	}
	return &Trouble{Down, 0, err}
}
