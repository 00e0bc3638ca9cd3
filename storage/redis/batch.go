package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/transient"
)

var (
	// admit looks at all meters before it counts at any. Of each meter: what is free, its window, its pauses
	// as one text. The answer is 0 and what each counted, or the place of the one that refused and how long.
	admit = redis.NewScript(`
		local now = tonumber(ARGV[1])
		local met = {}
		for i, key in ipairs(KEYS) do
			local f = redis.call('HMGET', key, 'd', 'r', 't')
			local free, window, pauses = tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i]), ARGV[3*i+1]
			local d, r, t = tonumber(f[1] or 0), tonumber(f[2] or 0), tonumber(f[3] or 0)
			local fresh = d <= now
			if fresh then d, r, t = now + window, 0, 0 end
			r = r + 1
			local turn = false
			if r > free then
				if pauses == '' then return {i, string.format('%.0f', d - now)} end
				if t > now then return {i, string.format('%.0f', t - now)} end
				local n = r - free
				for pause in string.gmatch(pauses, '%d+') do
					turn = now + tonumber(pause)
					n = n - 1
					if n == 0 then break end
				end
			end
			met[i] = {fresh, string.format('%.0f', d), r, turn, window}
		end
		local out = {0}
		for i, m in ipairs(met) do
			if m[1] then
				redis.call('DEL', KEYS[i])
				redis.call('HSET', KEYS[i], 'd', m[2], 'r', m[3])
				redis.call('PEXPIRE', KEYS[i], math.floor(m[5] / 1000) + 60000)
			else
				redis.call('HSET', KEYS[i], 'r', m[3])
			end
			if m[4] then redis.call('HSET', KEYS[i], 't', string.format('%.0f', m[4])) end
			out[2*i] = m[3]
			out[2*i+1] = m[2]
		end
		return out`)
	// release forgets a counter without hits: the next hit begins anew.
	release = redis.NewScript(`
		local f = redis.call('HMGET', KEYS[1], 'd', 'r')
		if not f[1] or tonumber(f[1]) <= tonumber(ARGV[1]) then return 0 end
		local left = tonumber(f[2]) - tonumber(ARGV[2])
		if left <= 0 then return redis.call('DEL', KEYS[1]) end
		redis.call('HSET', KEYS[1], 'r', left)
		if ARGV[3] == '1' then redis.call('HDEL', KEYS[1], 't') end
		return 1`)
)

// Admit counts a hit at every meter or at none (transient.Store). A cluster has the meters on different
// servers, which no script sees at once: there they are asked in turn, and give the hits back when a later
// one refuses.
func (t *Transients) Admit(ctx context.Context, kind string, meters []transient.Meter, now time.Time) ([]transient.Tally, *transient.Refusal, error) {
	if _, ok := t.client.(*redis.ClusterClient); !ok || len(meters) < 2 {
		return t.admit(ctx, kind, meters, now)
	}
	var out []transient.Tally
	var back []transient.Change
	for i, m := range meters {
		one, refused, err := t.admit(ctx, kind, []transient.Meter{m}, now)
		if err == nil && refused == nil {
			out = append(out, one...)
			back = append(back, transient.Change{Do: transient.Release, Kind: kind, ID: m.ID, Hits: 1, Turn: one[0].Sum > m.Free})
			continue
		}
		for _, failed := range t.Write(ctx, now, back...) {
			if err == nil {
				err = failed
			}
		}
		if err != nil {
			return nil, nil, err
		}
		refused.Meter = i
		return nil, refused, nil
	}
	return out, nil, nil
}

func (t *Transients) admit(ctx context.Context, kind string, meters []transient.Meter, now time.Time) ([]transient.Tally, *transient.Refusal, error) {
	keys, args := make([]string, len(meters)), make([]any, 1, 1+3*len(meters))
	args[0] = now.UnixMicro()
	for i, m := range meters {
		keys[i] = t.key("count|"+kind, m.ID)
		args = append(args, m.Free, m.Window.Microseconds(), ladder(m.Pauses))
	}
	f, err := admit.Run(ctx, t.client, keys, args...).Slice()
	if err != nil {
		return nil, nil, failed("admit", err)
	}
	number := func(i int) int64 {
		if err != nil || i >= len(f) {
			return 0
		}
		var n int64
		n, err = strconv.ParseInt(fmt.Sprint(f[i]), 10, 64)
		return n
	}
	if n := number(0); n != 0 {
		return nil, &transient.Refusal{Meter: int(n) - 1, Wait: time.Duration(number(1)) * time.Microsecond}, failed("admit", err)
	}
	out := make([]transient.Tally, len(meters))
	for i := range out {
		out[i] = transient.Tally{Sum: int(number(1 + 2*i)), Ends: time.UnixMicro(number(2 + 2*i)).UTC()}
	}
	return out, nil, failed("admit", err)
}

func ladder(pauses []time.Duration) string {
	if len(pauses) == 0 {
		return ""
	}
	b := make([]byte, 0, 10*len(pauses))
	for _, p := range pauses {
		b = append(strconv.AppendInt(b, p.Microseconds(), 10), ' ')
	}
	return string(b)
}

// Write makes several changes in one trip; in a cluster one to each server (transient.Store).
func (t *Transients) Write(ctx context.Context, now time.Time, changes ...transient.Change) []error {
	out := make([]error, len(changes))
	if len(changes) == 0 {
		return out
	}
	pipe := t.client.Pipeline()
	cmds := make([]redis.Cmder, len(changes))
	for i, c := range changes {
		cmds[i] = t.change(ctx, pipe, c, now, (*redis.Script).EvalSha)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	for i, c := range changes {
		if err := cmds[i].Err(); err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") {
			// Redis was started anew since the scripts were loaded: Run sends them again.
			cmds[i] = t.change(ctx, t.client, c, now, (*redis.Script).Run)
		}
		out[i] = outcome(c.Do, cmds[i])
	}
	return out
}

// change sends one change. run is a script's way to run.
func (t *Transients) change(ctx context.Context, to redis.Cmdable, c transient.Change, now time.Time,
	run func(*redis.Script, context.Context, redis.Scripter, []string, ...any) *redis.Cmd) redis.Cmder {
	keys := []string{t.key(c.Kind, c.ID)}
	switch c.Do {
	case transient.Put, transient.Create:
		script := put
		if c.Do == transient.Create {
			script = create
		}
		return run(script, ctx, to, keys, now.UnixMicro(), c.Value, c.Deadline.UnixMicro(), rand.Int64N(1<<50), garbage(now, c.Deadline))
	case transient.Replace:
		return run(replace, ctx, to, keys, now.UnixMicro(), c.Value, c.Deadline.UnixMicro(), c.Revision, garbage(now, c.Deadline))
	case transient.Release:
		turn := 0
		if c.Turn {
			turn = 1
		}
		return run(release, ctx, to, []string{t.key("count|"+c.Kind, c.ID)}, now.UnixMicro(), c.Hits, turn)
	default:
		return to.Del(ctx, keys[0])
	}
}

// outcome is the error of a change.
func outcome(v transient.Verb, cmd redis.Cmder) error {
	if err := cmd.Err(); err != nil {
		return failed("write", err)
	}
	scripted, ok := cmd.(*redis.Cmd)
	if !ok {
		return nil
	}
	switch n, _ := scripted.Int(); {
	case v == transient.Create && n == 0:
		return fmt.Errorf("redis: create: %w", fault.Exists)
	case v == transient.Replace && n < 0:
		return fmt.Errorf("redis: replace: %w", fault.NotFound)
	case v == transient.Replace && n == 0:
		return fmt.Errorf("redis: replace: %w", fault.Conflict)
	}
	return nil
}
