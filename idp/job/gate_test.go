package job

import (
	"errors"
	"testing"
)

func TestGateLetsSoManyPassAndSendsTheOthersAway(t *testing.T) {
	g, inside, out := NewGate(2), make(chan bool), make(chan bool)
	done := make(chan error)
	for range 2 {
		go func() { done <- g.Pass(func() error { inside <- true; <-out; return nil }) }()
		<-inside
	}
	var again Again
	if err := g.Pass(func() error { t.Error("a third passed"); return nil }); !errors.As(err, &again) || again.After != GatePause {
		t.Errorf("the third: %v", err)
	}
	close(out)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := g.Pass(func() error { return nil }); err != nil {
		t.Errorf("after the others left: %v", err)
	}
	if err := Gate(nil).Pass(func() error { return nil }); err != nil {
		t.Errorf("no gate: %v", err)
	}
}
