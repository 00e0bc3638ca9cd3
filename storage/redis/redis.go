// Package redis keeps Transients in Redis: a single server, one found through sentinels, or a cluster.
//
// A value is a hash of three fields, v the value, r its revision, d its deadline in microseconds; a counter
// has its sum for a revision, and as t when its next turn comes. Every step is one command or one script on
// one key, so each is atomic and one round trip; only Admit goes over several keys. Deadlines are
// compared with the now that comes with the call, as everywhere; Redis' own expiry only removes garbage,
// a minute late, since its clock is not ours.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/transient"
)

// Options of a connection.
type Options struct {
	Conns   int             // connections kept to each server: 10 for each processor
	Observe func(op string) // hears of every round trip
}

// Transients is a transient.Store.
type Transients struct {
	client redis.UniversalClient
	prefix string
}

var _ transient.Store = (*Transients)(nil)

// ErrDSN says that a data source is written wrongly. It is not quoted, for it may hold a password.
var ErrDSN = fmt.Errorf("redis: want redis://[user:password@]host:port[,host:port…][/db][?master=name&prefix=text]: %w", fault.Invalid)

// Open connects. Several hosts are a cluster, or with ?master=name sentinels; rediss:// is TLS; ?prefix=
// goes before every key ("propusk:").
func Open(ctx context.Context, dsn string, o Options) (*Transients, error) {
	opt, prefix, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	opt.PoolSize = o.Conns
	// A script that counts or takes must not run twice because an answer was lost.
	opt.MaxRetries = -1
	opt.ContextTimeoutEnabled = true
	opt.DisableIdentity = true
	opt.ReadBufferSize, opt.WriteBufferSize = 8<<10, 8<<10
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	// The library would write to standard error what it also returns.
	quiet.Do(func() { redis.SetLogger(silence{}) })
	t := &Transients{client: redis.NewUniversalClient(opt), prefix: prefix}
	for _, s := range scripts {
		if err := s.Load(ctx, t.client).Err(); err != nil {
			_ = t.client.Close()
			return nil, failed("connect", err)
		}
	}
	if o.Observe != nil {
		t.client.AddHook(hook{o.Observe})
	}
	return t, nil
}

var quiet sync.Once

// silence is the library's logger; it has one for the whole program.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// parse reads the data source. The hosts are cut out first: net/url wants one.
func parse(dsn string) (*redis.UniversalOptions, string, error) {
	scheme, rest, ok := strings.Cut(dsn, "://")
	if !ok || scheme != "redis" && scheme != "rediss" {
		return nil, "", ErrDSN
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	authority, path := rest[:end], rest[end:]
	hosts := authority[strings.LastIndex(authority, "@")+1:]
	user := strings.TrimSuffix(authority, hosts)
	u, err := url.Parse(scheme + "://" + user + "host" + path)
	if err != nil || hosts == "" {
		return nil, "", ErrDSN
	}
	opt := &redis.UniversalOptions{Username: u.User.Username()}
	opt.Password, _ = u.User.Password()
	for h := range strings.SplitSeq(hosts, ",") {
		if _, _, err := net.SplitHostPort(h); err != nil {
			h = net.JoinHostPort(strings.Trim(h, "[]"), "6379")
		}
		opt.Addrs = append(opt.Addrs, h)
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if opt.DB, err = strconv.Atoi(db); err != nil {
			return nil, "", ErrDSN
		}
	}
	if scheme == "rediss" {
		host, _, _ := net.SplitHostPort(opt.Addrs[0])
		opt.TLSConfig = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	prefix := "propusk:"
	for k, v := range u.Query() {
		switch k {
		case "master":
			opt.MasterName = v[0]
		case "prefix":
			prefix = v[0]
		default:
			return nil, "", fmt.Errorf("redis: unknown setting %q of the data source: %w", k, fault.Invalid)
		}
	}
	return opt, prefix, nil
}

// hook tells of every round trip.
type hook struct{ observe func(op string) }

func (h hook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.observe(cmd.Name())
		return next(ctx, cmd)
	}
}

func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h.observe("pipeline")
		return next(ctx, cmds)
	}
}

// Close closes all connections.
func (t *Transients) Close() error { return t.client.Close() }

// Ping tells whether Redis answers.
func (t *Transients) Ping(ctx context.Context) error {
	if err := t.client.Ping(ctx).Err(); err != nil {
		return failed("ping", err)
	}
	return nil
}

// The scripts. KEYS[1] is the key; ARGV[1] always now, numbers are whole and below 2^53, so that Lua's
// floating point holds them. A revision begins at random: who read a value before it was taken must not
// replace the one made after.
var (
	put = redis.NewScript(`
		redis.call('DEL', KEYS[1])
		redis.call('HSET', KEYS[1], 'v', ARGV[2], 'd', ARGV[3], 'r', ARGV[4])
		redis.call('PEXPIRE', KEYS[1], ARGV[5])
		return 1`)
	create = redis.NewScript(`
		local d = redis.call('HGET', KEYS[1], 'd')
		if d and tonumber(d) > tonumber(ARGV[1]) then return 0 end
		redis.call('DEL', KEYS[1])
		redis.call('HSET', KEYS[1], 'v', ARGV[2], 'd', ARGV[3], 'r', ARGV[4])
		redis.call('PEXPIRE', KEYS[1], ARGV[5])
		return 1`)
	replace = redis.NewScript(`
		local f = redis.call('HMGET', KEYS[1], 'd', 'r')
		if not f[1] or tonumber(f[1]) <= tonumber(ARGV[1]) then return -1 end
		if f[2] ~= ARGV[4] then return 0 end
		redis.call('HSET', KEYS[1], 'v', ARGV[2], 'd', ARGV[3])
		redis.call('HINCRBY', KEYS[1], 'r', 1)
		redis.call('PEXPIRE', KEYS[1], ARGV[5])
		return 1`)
	take = redis.NewScript(`
		local f = redis.call('HMGET', KEYS[1], 'd', 'v')
		redis.call('DEL', KEYS[1])
		if not f[1] or tonumber(f[1]) <= tonumber(ARGV[1]) then return false end
		return f[2]`)
	count = redis.NewScript(`
		local d = redis.call('HGET', KEYS[1], 'd')
		if not d or tonumber(d) <= tonumber(ARGV[1]) then
			redis.call('DEL', KEYS[1])
			d = ARGV[3]
			redis.call('HSET', KEYS[1], 'd', d, 'r', 0)
			redis.call('PEXPIRE', KEYS[1], ARGV[4])
		end
		local n = redis.call('HINCRBY', KEYS[1], 'r', ARGV[2])
		if n < 0 then
			redis.call('HSET', KEYS[1], 'r', 0)
			n = 0
		end
		return {n, d}`)
	scripts = []*redis.Script{put, create, replace, take, count, admit, release}
)

func (t *Transients) key(kind, id string) string { return t.prefix + kind + ":" + id }

// garbage is when Redis may forget: what is left by our clock and a minute, in milliseconds.
func garbage(now, deadline time.Time) int64 { return max(deadline.Sub(now), 0).Milliseconds() + 60_000 }

// Put keeps a value, whatever was there (transient.Store).
func (t *Transients) Put(ctx context.Context, kind, id string, value []byte, now, deadline time.Time) error {
	err := put.Run(ctx, t.client, []string{t.key(kind, id)}, now.UnixMicro(), value, deadline.UnixMicro(), rand.Int64N(1<<50), garbage(now, deadline)).Err()
	return failed("put", err)
}

// Create keeps a value if nothing alive is there (transient.Store).
func (t *Transients) Create(ctx context.Context, kind, id string, value []byte, now, deadline time.Time) error {
	n, err := create.Run(ctx, t.client, []string{t.key(kind, id)}, now.UnixMicro(), value, deadline.UnixMicro(), rand.Int64N(1<<50), garbage(now, deadline)).Int()
	if err == nil && n == 0 {
		return fmt.Errorf("redis: create: %w", fault.Exists)
	}
	return failed("create", err)
}

// Get returns a value and its revision (transient.Store).
func (t *Transients) Get(ctx context.Context, kind, id string, now time.Time) ([]byte, int64, error) {
	f, err := t.client.HMGet(ctx, t.key(kind, id), "v", "d", "r").Result()
	if err != nil {
		return nil, 0, failed("get", err)
	}
	v, _ := f[0].(string)
	d, _ := f[1].(string)
	r, _ := f[2].(string)
	deadline, _ := strconv.ParseInt(d, 10, 64)
	if deadline <= now.UnixMicro() {
		return nil, 0, fmt.Errorf("redis: get: %w", fault.NotFound)
	}
	revision, err := strconv.ParseInt(r, 10, 64)
	return []byte(v), revision, failed("get", err)
}

// Replace keeps a value if the revision is still the one given (transient.Store).
func (t *Transients) Replace(ctx context.Context, kind, id string, revision int64, value []byte, now, deadline time.Time) error {
	n, err := replace.Run(ctx, t.client, []string{t.key(kind, id)}, now.UnixMicro(), value, deadline.UnixMicro(), revision, garbage(now, deadline)).Int()
	switch {
	case err != nil:
		return failed("replace", err)
	case n < 0:
		return fmt.Errorf("redis: replace: %w", fault.NotFound)
	case n == 0:
		return fmt.Errorf("redis: replace: %w", fault.Conflict)
	}
	return nil
}

// Take returns a value and removes it (transient.Store).
func (t *Transients) Take(ctx context.Context, kind, id string, now time.Time) ([]byte, error) {
	v, err := take.Run(ctx, t.client, []string{t.key(kind, id)}, now.UnixMicro()).Text()
	if err != nil {
		return nil, failed("take", err)
	}
	return []byte(v), nil
}

// Delete removes a value (transient.Store).
func (t *Transients) Delete(ctx context.Context, kind, id string) error {
	return failed("delete", t.client.Del(ctx, t.key(kind, id)).Err())
}

// Count adds to a counter (transient.Store).
func (t *Transients) Count(ctx context.Context, kind, id string, add int, now time.Time, window time.Duration) (int, time.Time, error) {
	key, deadline := t.key("count|"+kind, id), now.Add(window)
	var f []any
	var err error
	if add == 0 {
		f, err = t.client.HMGet(ctx, key, "r", "d").Result()
	} else {
		f, err = count.Run(ctx, t.client, []string{key}, now.UnixMicro(), add, deadline.UnixMicro(), garbage(now, deadline)).Slice()
	}
	if err != nil {
		return 0, time.Time{}, failed("count", err)
	}
	ends, _ := strconv.ParseInt(fmt.Sprint(f[1]), 10, 64)
	if ends <= now.UnixMicro() && add == 0 {
		return 0, deadline, nil
	}
	sum, err := strconv.Atoi(fmt.Sprint(f[0]))
	return sum, time.UnixMicro(ends).UTC(), failed("count", err)
}

// failed makes Redis' silence fault.NotFound and its failures fault.Unavailable.
func failed(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return fmt.Errorf("redis: %s: %w", what, fault.NotFound)
	}
	return fmt.Errorf("redis: %s: %w: %w", what, fault.Unavailable, err)
}
