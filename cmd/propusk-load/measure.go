package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/propusk/propusk/idp/authn/password"
)

// A result is one kind, measured.
type result struct {
	name      string
	ops       int
	spent     time.Duration // on the clock
	latencies []time.Duration
	provider  time.Duration // processor time of all operations
	stores    time.Duration
	signature time.Duration // of one, the mean of before and after
	hash      time.Duration // of one password, likewise, if the kind has one
	helpers   time.Duration // of provider, what its children used: they hash passwords and do nothing else
}

func (r result) percentile(p float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[min(int(float64(len(r.latencies))*p), len(r.latencies)-1)]
}

// signatures is the cost of one operation.
func (r result) signatures() float64 {
	if r.ops == 0 || r.signature == 0 {
		return 0
	}
	return float64(r.provider+r.stores) / float64(r.ops) / float64(r.signature)
}

// beside is the cost of one operation without the password hash in it. Where the provider hashes in processes of
// their own, the operating system keeps the two apart; else it is the difference of two large numbers.
func (r result) beside() float64 {
	if r.ops == 0 || r.signature == 0 {
		return 0
	}
	hash := r.hash
	if r.helpers > 0 {
		hash = r.helpers / time.Duration(r.ops)
	}
	return r.signatures() - float64(hash)/float64(r.signature)
}

// A meter knows whose processor time counts, and what a password hash costs here.
type meter struct {
	provider int
	stores   []int
	hash     password.Params
	admitted int // hashes at once
}

// calibrate measures the yardsticks of a kind.
func (m meter) calibrate(ctx context.Context, k kind) (one, hash time.Duration, err error) {
	if one, err = signature(); err == nil && k.hashes {
		hash, err = passwordHash(ctx, m.hash)
	}
	return one, hash, err
}

// idle tells how much processor time a second provider and stores take with nothing to do.
func (m meter) idle(ctx context.Context) (provider, stores time.Duration, err error) {
	const seconds = 5
	p1, s1, err := m.read()
	if err != nil {
		return 0, 0, err
	}
	select {
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	case <-time.After(seconds * time.Second):
	}
	p2, s2, err := m.read()
	return (p2 - p1) / seconds, (s2 - s1) / seconds, err
}

// below tells what the provider's children used.
func (m meter) below() (time.Duration, error) {
	if m.provider == 0 {
		return 0, nil
	}
	all, err := tree("/proc", m.provider)
	if err != nil {
		return 0, err
	}
	own, err := readProcess("/proc", m.provider)
	return all - own.self, err
}

func (m meter) read() (provider, stores time.Duration, err error) {
	if m.provider != 0 {
		if provider, err = tree("/proc", m.provider); err != nil {
			return 0, 0, err
		}
	}
	for _, pid := range m.stores {
		one, err := tree("/proc", pid)
		if err != nil {
			return 0, 0, err
		}
		stores += one
	}
	return provider, stores, nil
}

// bounds say when a measurement ends: whichever comes first.
type bounds struct {
	workers  int
	duration time.Duration
	count    int // 0: no bound
}

// ready makes the operations of all workers, outside the measurement.
func (k kind) ready(ctx context.Context, t *target, workers int) (ops []func(context.Context) error, err error) {
	if k.hashes {
		// A few keep the hashes that are admitted busy; more would only wait, and on a slow machine too long.
		workers = min(workers, 8)
	}
	ops = make([]func(context.Context) error, workers)
	for i := range ops {
		if ops[i], err = k.prepare(ctx, t, i); err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
	}
	return ops, nil
}

// measure runs one kind in a closed loop between two calibrations.
func measure(ctx context.Context, k kind, ops []func(context.Context) error, m meter, b bounds) (result, error) {
	out := result{name: k.name}
	before, hash, err := m.calibrate(ctx, k)
	if err != nil {
		return out, err
	}
	provider, stores, err := m.read()
	if err != nil {
		return out, err
	}
	helpers, err := m.below()
	if err != nil {
		return out, err
	}
	began := time.Now()
	if out.latencies, err = loop(ctx, ops, b); err != nil {
		return out, fmt.Errorf("%s: %w", k.name, err)
	}
	out.spent = time.Since(began)
	provider2, stores2, err := m.read()
	if err != nil {
		return out, err
	}
	helpers2, err := m.below()
	if err != nil {
		return out, err
	}
	after, hash2, err := m.calibrate(ctx, k)
	if err != nil {
		return out, err
	}
	out.ops, out.provider, out.stores = len(out.latencies), provider2-provider, stores2-stores
	out.signature, out.hash = (before+after)/2, (hash+hash2)/2
	if k.hashes {
		out.helpers = max(helpers2-helpers, 0)
	}
	slices.Sort(out.latencies)
	return out, nil
}

// loop lets every worker begin its next operation when the last has ended. The first failure ends it: a
// measurement of failures would look fast.
func loop(ctx context.Context, ops []func(context.Context) error, b bounds) ([]time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		all   []time.Duration
		errs  []error
		begun atomic.Int64
		end   = time.Now().Add(b.duration)
	)
	for _, op := range ops {
		wait.Go(func() {
			var mine []time.Duration
			var failed error
			for failed == nil && ctx.Err() == nil && time.Now().Before(end) && (b.count == 0 || begun.Add(1) <= int64(b.count)) {
				start := time.Now()
				if failed = op(ctx); failed == nil {
					mine = append(mine, time.Since(start))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			if failed != nil && ctx.Err() == nil {
				errs = append(errs, failed)
				cancel()
			}
		})
	}
	wait.Wait()
	return all, errors.Join(errs...)
}
