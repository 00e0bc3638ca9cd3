package flow

import (
	"context"
	"io"
	"net/http"

	"github.com/chromedp/cdproto/network"
)

// fetchWith gets an address with cookies taken from a window.
func fetchWith(ctx context.Context, client *http.Client, address string, cookies []*network.Cookie) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	for _, c := range cookies {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
