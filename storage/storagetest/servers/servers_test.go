package servers

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPrivateServersAnswerAndEnd(t *testing.T) {
	for name, run := range map[string]func(context.Context, string, Durability) (*Server, error){
		"PostgreSQL": Postgres, "Redis": Redis,
	} {
		t.Run(name, func(t *testing.T) {
			// Not t.TempDir: its parents are closed to the user under which PostgreSQL runs.
			dir, err := os.MkdirTemp("", "propusk-servers-*")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			s, err := run(t.Context(), dir, Fast)
			if errors.Is(err, ErrMissing) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			c, err := net.DialTimeout("tcp", u.Host, time.Second)
			if err != nil {
				t.Fatalf("a started server does not answer: %v", err)
			}
			c.Close()
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			if c, err := net.DialTimeout("tcp", u.Host, time.Second); err == nil {
				c.Close()
				t.Error("a stopped server still answers")
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*", "log")); err != nil || len(left) != 1 {
				t.Errorf("the log of a server whose place was given: %v, %v", left, err)
			}
		})
	}
}
