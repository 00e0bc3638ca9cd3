package redis

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage/storagetest/servers"
)

func TestDataSourceNamesOneServerSentinelsOrACluster(t *testing.T) {
	for _, c := range []struct {
		dsn, user, password, master, prefix string
		addrs                               []string
		db                                  int
		tls                                 bool
	}{
		{dsn: "redis://localhost", prefix: "propusk:", addrs: []string{"localhost:6379"}},
		{dsn: "redis://u:p%40ss@h:1/3?prefix=a:", user: "u", password: "p@ss", prefix: "a:", addrs: []string{"h:1"}, db: 3},
		{dsn: "rediss://:secret@a:1,b:2,c?master=m", password: "secret", master: "m", prefix: "propusk:", addrs: []string{"a:1", "b:2", "c:6379"}, tls: true},
		{dsn: "redis://[::1]:7,[::2]", prefix: "propusk:", addrs: []string{"[::1]:7", "[::2]:6379"}},
	} {
		opt, prefix, err := parse(c.dsn)
		if err != nil {
			t.Errorf("parse(%q): %v", c.dsn, err)
			continue
		}
		if opt.Username != c.user || opt.Password != c.password || opt.MasterName != c.master || prefix != c.prefix ||
			!slices.Equal(opt.Addrs, c.addrs) || opt.DB != c.db || (opt.TLSConfig != nil) != c.tls {
			t.Errorf("parse(%q): got %+v with prefix %q", c.dsn, opt, prefix)
		}
	}
	for _, dsn := range []string{"", "redis:", "http://h", "redis:///0", "redis://h/zero", "redis://h?timeout=1"} {
		if _, _, err := parse(dsn); !errors.Is(err, fault.Invalid) {
			t.Errorf("parse(%q): got %v, want fault.Invalid", dsn, err)
		}
	}
}

func TestGarbageGoesByItself(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, servers.StartRedis(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Now()
	if err := s.Put(ctx, "k", "i", nil, now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Count(ctx, "k", "i", 1, now, time.Minute); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]time.Duration{s.key("k", "i"): time.Hour + time.Minute, s.key("count|k", "i"): 2 * time.Minute} {
		left, err := s.client.PTTL(ctx, key).Result()
		if err != nil || left > want || left < want-10*time.Second {
			t.Errorf("Redis forgets %s after %v, %v; want a minute after the deadline, %v", key, left, err, want)
		}
	}
}
