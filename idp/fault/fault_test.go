package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

func Example() {
	errTaken := fmt.Errorf("account: contact is taken: %w", fault.Exists)
	err := fmt.Errorf("register: %w", errTaken)
	fmt.Println(errors.Is(err, fault.Exists), errors.Is(err, fault.Denied))
	// Output: true false
}

func ExampleFields() {
	var wrong fault.Fields
	wrong.Add("snils", "snils.check")
	wrong.Add("birth_date", "date.none")
	err := wrong.Err()
	fmt.Println(errors.Is(err, fault.Invalid), wrong.Code("snils"))
	fmt.Println(err)
	// Output:
	// true snils.check
	// wrong fields: snils: snils.check, birth_date: date.none
}

func TestNoWrongFieldsIsNoError(t *testing.T) {
	var wrong fault.Fields
	if err := wrong.Err(); err != nil {
		t.Fatalf("Err() = %v, want nil", err)
	}
	if got := wrong.Code("snils"); got != "" {
		t.Fatalf("Code = %q, want empty", got)
	}
}

func TestFirstCodeOfAFieldIsShown(t *testing.T) {
	var wrong fault.Fields
	wrong.Add("password", "password.short")
	wrong.Add("password", "password.digit")
	if got := wrong.Code("password"); got != "password.short" {
		t.Fatalf("Code = %q, want password.short", got)
	}
}

func TestRetryAfterIsLimitedAndKeepsItsCause(t *testing.T) {
	cause := errors.New("signin: too many tries")
	err := fmt.Errorf("sign in: %w", fault.RetryAfter{Err: cause, After: time.Minute})
	if !errors.Is(err, fault.Limited) || !errors.Is(err, cause) {
		t.Fatalf("%v is not both Limited and its cause", err)
	}
	if got, ok := fault.Wait(err); !ok || got != time.Minute {
		t.Fatalf("Wait = %v, %v, want 1m, true", got, ok)
	}
	if !errors.Is(fault.RetryAfter{After: time.Second}, fault.Limited) {
		t.Fatal("RetryAfter without a cause is not Limited")
	}
	if _, ok := fault.Wait(fault.Denied); ok {
		t.Fatal("Wait found a time in an error that has none")
	}
}
