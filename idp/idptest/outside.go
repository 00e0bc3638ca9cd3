package idptest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/propusk/propusk/examples/simulators"
	"github.com/propusk/propusk/examples/simulators/gateway"
)

// OutsideToken is what the provider shows at the APIs of the outside world.
const OutsideToken = "a token of the test"

// An Outside is the outside world: registries, post, SMS gateway, mail server, clock.
type Outside struct {
	Clock       *simulators.Clock
	APIURL      string // of registries, post and gateway
	WorldURL    string // of the World API
	SMTPAddress string
	t           testing.TB
}

// StartOutside starts an outside world, which ends with the test. Letters move only by MoveLetter.
func StartOutside(t testing.TB) *Outside {
	t.Helper()
	dir := t.TempDir()
	clock, err := simulators.OpenClock(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ls [3]net.Listener
	for i := range ls {
		if ls[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	o := &Outside{
		Clock: clock, WorldURL: "http://" + ls[0].Addr().String(), APIURL: "http://" + ls[1].Addr().String(), SMTPAddress: ls[2].Addr().String(), t: t,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- simulators.Run(ctx, simulators.Config{
			World: ls[:1], API: ls[1:2], SMTP: ls[2:], PublicURL: o.WorldURL, Dir: dir, Token: OutsideToken, Clock: clock,
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Errorf("idptest: the outside world ended badly: %v", err)
		}
	})
	return o
}

// call speaks to the World API.
func (o *Outside) call(method, path string, body, into any) {
	o.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		o.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, o.WorldURL+path, bytes.NewReader(text))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		o.t.Fatalf("idptest: %s %s: %s", method, path, resp.Status)
	}
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			o.t.Fatal(err)
		}
	}
}

// Messages are what came to a phone or mailbox, the newest first.
func (o *Outside) Messages(to string) (out []gateway.Message) {
	o.t.Helper()
	o.call(http.MethodGet, "/api/messages?to="+url.QueryEscape(to), nil, &out)
	return out
}

// patience is how long helpers wait for what jobs do.
const patience = 20 * time.Second

// Message waits until more than seen messages have come to somebody, and returns the newest.
func (o *Outside) Message(to string, seen int) gateway.Message {
	o.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ms := o.Messages(to); len(ms) > seen {
			return ms[0]
		}
	}
	o.t.Fatalf("idptest: no message %d within %v", seen+1, patience)
	return gateway.Message{}
}

// A Letter is a registered letter at the post.
type Letter struct {
	ID     string `json:"id"`
	Track  string `json:"track"`
	Status string `json:"status"`
	Code   string `json:"code"`
}

// Letters are the registered letters to the holder of a phone.
func (o *Outside) Letters(phone string) (out []Letter) {
	o.t.Helper()
	o.call(http.MethodGet, "/api/letters?to="+url.QueryEscape(phone), nil, &out)
	return out
}

// MoveLetter moves a letter to a status.
func (o *Outside) MoveLetter(id, status string) {
	o.t.Helper()
	o.call(http.MethodPost, "/api/letters/"+url.PathEscape(id)+"/status", map[string]string{"status": status}, nil)
}

// SetRegistry changes how a registry behaves: ok, slow, down or refuse.
func (o *Outside) SetRegistry(name, mode string, delay time.Duration) {
	o.t.Helper()
	o.call(http.MethodPut, "/api/registries/"+name, map[string]string{"mode": mode, "delay": fmt.Sprint(delay)}, nil)
}

// Enter makes a person known to the registries.
func (o *Outside) Enter(p simulators.Person) {
	o.t.Helper()
	o.call(http.MethodPost, "/api/people", p, nil)
}

// Tell puts a notice about a person into a registry's feed: document_annulled of interior, person_deceased of
// pension. An id that was told before tells the same again.
func (o *Outside) Tell(registry, kind, id, snils string) {
	o.t.Helper()
	o.call(http.MethodPost, "/api/registries/"+registry+"/notices", map[string]string{"kind": kind, "id": id, "snils": snils}, nil)
}
