package redis

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/transient"
	"github.com/propusk/propusk/storage/storagetest/servers"
)

var now = time.Date(2026, time.March, 14, 12, 30, 15, 123_456_000, time.UTC)

func TestScriptsAreSentAgainToARedisThatForgotThem(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, servers.StartRedis(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	meters := []transient.Meter{{ID: "m", Free: 5, Window: time.Minute}}
	changes := []transient.Change{
		{Do: transient.Release, Kind: "k", ID: "m", Hits: 1},
		{Do: transient.Create, Kind: "k", ID: "v", Value: []byte("1"), Deadline: now.Add(time.Minute)},
	}
	for round := range 2 {
		if err := s.client.ScriptFlush(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		if tallies, _, err := s.Admit(ctx, "k", meters, now); err != nil || tallies[0].Sum != 1 {
			t.Errorf("round %d: Admit: got %+v, %v; want the first hit", round, tallies, err)
		}
		if err := s.client.ScriptFlush(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		errs := s.Write(ctx, now, changes...)
		if errs[0] != nil || errors.Is(errs[1], fault.Exists) != (round == 1) {
			t.Errorf("round %d: Write: got %v", round, errs)
		}
	}
}

// cluster starts a cluster of one server that has all slots; scripts over several of them are refused by it
// as by many.
func cluster(t *testing.T) *Transients {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		servers.StartRedis(t) // says so, or fails where nothing may be skipped
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := exec.CommandContext(t.Context(), program, "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes",
		"--cluster-port", fmt.Sprint(port+1), "--save", "", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context is done by then
	dsn := fmt.Sprintf("redis://127.0.0.1:%d", port)
	var s *Transients
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if s, err = Open(t.Context(), dsn, Options{}); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	err = s.client.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err()
	_ = s.Close()
	for end := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if s, err = Open(t.Context(), fmt.Sprintf("%s,127.0.0.1:%d", dsn, port), Options{}); err != nil {
			err = nil
			continue
		}
		if s.Put(t.Context(), "k", "up", nil, now, now.Add(time.Minute)) == nil {
			t.Cleanup(func() { _ = s.Close() })
			return s
		}
		_ = s.Close()
	}
	t.Fatalf("the cluster does not come up: %v", err)
	return nil
}

func TestInAClusterMetersAreAskedInTurnAndGiveBack(t *testing.T) {
	s := cluster(t)
	ctx := t.Context()
	wide := transient.Meter{ID: "wide", Free: 5, Window: time.Minute}
	slow := transient.Meter{ID: "slow", Free: 1, Window: time.Minute, Pauses: []time.Duration{5 * time.Second}}
	narrow := transient.Meter{ID: "narrow", Free: 1, Window: time.Minute}
	tallies, refused, err := s.Admit(ctx, "k", []transient.Meter{wide, slow, narrow}, now)
	if err != nil || refused != nil || len(tallies) != 3 || tallies[2].Sum != 1 {
		t.Fatalf("the first: got %+v, %+v, %v", tallies, refused, err)
	}
	if _, refused, err = s.Admit(ctx, "k", []transient.Meter{wide, slow, narrow}, now); err != nil || refused == nil || refused.Meter != 2 || refused.Wait != time.Minute {
		t.Errorf("the second: got %+v, %v; want a refusal of the last", refused, err)
	}
	for id, want := range map[string]int{"wide": 1, "slow": 1, "narrow": 1} {
		if n, _, err := s.Count(ctx, "k", id, 0, now, time.Minute); err != nil || n != want {
			t.Errorf("%s: got %d, %v; want %d", id, n, err, want)
		}
	}
	if tallies, refused, err = s.Admit(ctx, "k", []transient.Meter{slow}, now); err != nil || refused != nil || tallies[0].Sum != 2 {
		t.Errorf("the turn was not given back: got %+v, %+v, %v", tallies, refused, err)
	}
	errs := s.Write(ctx, now, transient.Change{Do: transient.Release, Kind: "k", ID: "wide", Hits: 1},
		transient.Change{Do: transient.Put, Kind: "k", ID: "v", Value: []byte("1"), Deadline: now.Add(time.Minute)})
	if err := errors.Join(errs...); err != nil {
		t.Errorf("Write over several servers: %v", err)
	}
	if v, _, err := s.Get(ctx, "k", "v", now); err != nil || string(v) != "1" {
		t.Errorf("Get: got %q, %v", v, err)
	}
}
