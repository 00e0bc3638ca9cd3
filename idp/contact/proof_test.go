package contact

import (
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func sent(deaf bool) *Proof {
	p := &Proof{Kind: account.Phone, Value: "+79000000041", Deaf: deaf}
	p.Send(noon)
	return p
}

func wrong(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

func TestCodeProvesWithSpacesAndHyphens(t *testing.T) {
	p := sent(false)
	if err := p.Enter(" "+p.Code[:3]+" - "+p.Code[3:], noon, noon); err != nil || p.Proved.IsZero() {
		t.Fatalf("Enter(right code in groups) = %v, proved %v", err, p.Proved)
	}
}

func TestFifthWrongCodeSpendsTheTries(t *testing.T) {
	p := sent(false)
	for i := range MaxTries - 1 {
		if err := p.Enter(wrong(p.Code), noon, noon); !errors.Is(err, ErrCode) {
			t.Fatalf("wrong code %d = %v, want ErrCode", i+1, err)
		}
	}
	if err := p.Enter(wrong(p.Code), noon, noon); !errors.Is(err, ErrCodeSpent) {
		t.Fatalf("fifth wrong code = %v, want ErrCodeSpent", err)
	}
	if err := p.Enter(p.Code, noon, noon); !errors.Is(err, ErrCodeSpent) || !p.Proved.IsZero() {
		t.Fatalf("right code after five wrong ones = %v, want ErrCodeSpent", err)
	}
}

func TestCodeLivesThreeHundredSeconds(t *testing.T) {
	p := sent(false)
	if err := p.Enter(p.Code, noon.Add(300*time.Second), noon); !errors.Is(err, ErrCodeOver) {
		t.Fatalf("code after 300 s = %v, want ErrCodeOver", err)
	}
	if err := p.Enter(p.Code, noon.Add(299*time.Second), noon); err != nil {
		t.Fatalf("code after 299 s = %v", err)
	}
}

func TestNewCodeVoidsTheOldOneAndItsTries(t *testing.T) {
	p := sent(false)
	old := p.Code
	for p.Left() > 0 {
		p.Enter(wrong(p.Code), noon, noon)
	}
	for p.Send(noon); p.Code == old; p.Send(noon) {
	}
	if err := p.Enter(old, noon, noon); !errors.Is(err, ErrCode) {
		t.Fatalf("old code = %v, want ErrCode", err)
	}
	if err := p.Enter(p.Code, noon, noon); err != nil {
		t.Fatalf("new code = %v", err)
	}
}

func TestDeafProofBehavesLikeAnyOtherAndHearsNothing(t *testing.T) {
	deaf, other := sent(true), sent(false)
	for i := range MaxTries + 1 {
		got, want := deaf.Enter(deaf.Code, noon, noon), other.Enter(wrong(other.Code), noon, noon)
		if !errors.Is(got, want) {
			t.Errorf("try %d: deaf proof answers %v, a wrong code %v", i+1, got, want)
		}
	}
	if !deaf.Proved.IsZero() {
		t.Error("a deaf proof was proved")
	}
}
