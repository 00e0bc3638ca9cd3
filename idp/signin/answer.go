package signin

import (
	"context"
	"net/url"
	"strings"

	"github.com/propusk/propusk/idp/session"
)

// An Answerer ends requests of one door. It is called once for a request: with an Answer and the session
// that signed in, or with a Fail, where the session may be nil.
type Answerer interface {
	Answer(ctx context.Context, r *Request, s Step, signed *session.Session) (Reply, error)
}

// A Reply is what the browser is told at the end: to go to an address, or to post a form there.
type Reply struct {
	Redirect string  // 303 to here, or the form's action
	Form     []Field // set: form_post
	Origin   string  // of Redirect, for form-action
}

// A Field is one field of a form that is posted.
type Field struct{ Name, Value string }

// own answers requests of our own pages: the browser goes on to the page it wanted.
type own struct{ home string }

func (o own) Answer(_ context.Context, r *Request, s Step, _ *session.Session) (Reply, error) {
	if s.Kind != Answer || !OwnPath(r.Return) {
		return Reply{Redirect: o.home}, nil
	}
	return Reply{Redirect: r.Return}, nil
}

// OwnPath tells whether a path leads to a page of ours and nowhere else: browsers read "//host" and
// "/\host" as other sites.
func OwnPath(p string) bool {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") {
		return false
	}
	u, err := url.Parse(p)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
}

func origin(address string) string {
	u, err := url.Parse(address)
	if address == "" || err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
