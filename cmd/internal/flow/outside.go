package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// outside is what a person learns outside of the browser: messages, letters, the code app.
func (r *Runner) outside(ctx context.Context, command string, args []string) error {
	who := url.QueryEscape(args[0])
	switch command {
	case "told":
		return r.await(ctx, func() error {
			list, err := r.list(ctx, "/api/messages?to="+who)
			if err != nil {
				return err
			}
			for _, m := range list {
				if strings.Contains(fold(text(m, "subject")+" "+text(m, "text")), fold(args[1])) {
					return nil
				}
			}
			return fmt.Errorf("no message to %s says it; there are %d", args[0], len(list))
		})
	case "message":
		return r.await(ctx, func() error {
			list, err := r.list(ctx, "/api/messages?to="+who)
			if err != nil {
				return err
			}
			for _, m := range list {
				id := text(m, "id")
				value := text(m, "code")
				if value == "" {
					value = text(m, "link")
				}
				if value == "" || r.used[id] {
					continue
				}
				r.used[id] = true
				r.vars[args[1]] = value
				return nil
			}
			return fmt.Errorf("no new message with a code or a link to %s; there are %d", args[0], len(list))
		})
	case "letter":
		return r.await(ctx, func() error {
			list, err := r.list(ctx, "/api/letters?to="+who)
			if err != nil {
				return err
			}
			if len(list) == 0 || text(list[0], "code") == "" {
				return fmt.Errorf("no letter to %s", args[0])
			}
			r.vars[args[1]] = text(list[0], "code")
			return nil
		})
	case "post":
		list, err := r.list(ctx, "/api/letters?to="+who)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("no letter to %s", args[0])
		}
		_, err = r.world(ctx, http.MethodPost, "/api/letters/"+url.PathEscape(text(list[0], "id"))+"/status", `{"status":"`+args[1]+`"}`)
		return err
	default: // totp
		body, err := r.world(ctx, http.MethodGet, "/api/totp?phone="+who, "")
		if err != nil {
			return err
		}
		var answer struct{ Code string }
		if err := json.Unmarshal(body, &answer); err != nil {
			return err
		}
		r.vars[args[1]] = answer.Code
		return nil
	}
}

// await repeats f for ten seconds until it succeeds.
func (r *Runner) await(ctx context.Context, f func() error) error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(150 * time.Millisecond) {
		err := f()
		if err == nil || time.Now().After(end) || ctx.Err() != nil {
			return err
		}
	}
}

// list reads an array, bare or as the only array member of an object.
func (r *Runner) list(ctx context.Context, path string) ([]map[string]any, error) {
	body, err := r.world(ctx, http.MethodGet, path, "")
	if err != nil {
		return nil, err
	}
	var bare []map[string]any
	if json.Unmarshal(body, &bare) == nil {
		return bare, nil
	}
	var wrapped map[string][]map[string]any
	if err := json.Unmarshal(body, &wrapped); err != nil {
		return nil, fmt.Errorf("%s answers %s: %w", path, body, err)
	}
	for _, l := range wrapped {
		return l, nil
	}
	return nil, nil
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

func (r *Runner) world(ctx context.Context, method, path, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.Sites["world"]+path, bytes.NewBufferString(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s answers %d: %s", method, path, resp.StatusCode, out)
	}
	return out, nil
}
