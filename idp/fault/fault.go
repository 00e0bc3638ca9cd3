// Package fault holds the few kinds of failure that any layer may test for.
//
// Every package declares its own errors, in its own words, and wraps one of
// these kinds:
//
//	var ErrNotStandard = fmt.Errorf("confirm: level is below standard: %w", fault.Denied)
//
// A door turns kinds into statuses and sentences, in one table, and looks for
// the package's own sentinel only where it has something more exact to say.
package fault

//lint:file-ignore ST1012 the package's name says that these are errors: fault.NotFound

import (
	"errors"
	"strings"
	"time"
)

// The kinds. Test them with errors.Is; never by == or by text.
var (
	// NotFound: what was asked for is not there, or not for this asker.
	NotFound = errors.New("not found")
	// Exists: it is there already, and the new one would be a second.
	Exists = errors.New("already exists")
	// Conflict: it changed meanwhile; the caller may read again and retry.
	Conflict = errors.New("conflict")
	// Denied: understood, and not allowed.
	Denied = errors.New("denied")
	// Invalid: the input itself is wrong; the same input will fail again.
	Invalid = errors.New("invalid")
	// Limited: too often or too much; see RetryAfter for when.
	Limited = errors.New("limited")
	// Expired: it was good once, and its time is over.
	Expired = errors.New("expired")
	// Unavailable: somebody we depend on does not answer; later may do.
	Unavailable = errors.New("unavailable")
)

// A Field is one wrong field of a form: the field's name, and a stable code
// for which the pages have a sentence. It never holds what was typed.
type Field struct {
	Name string `json:"name"`
	Code string `json:"code"`
}

// Fields is all that is wrong with a form, in the order of the form. It is an
// error of the kind Invalid.
type Fields []Field

// Add appends a wrong field. The first code given for a field is the one
// shown, so check the coarse rules before the fine ones.
func (f *Fields) Add(name, code string) { *f = append(*f, Field{name, code}) }

// Err returns f as an error, or nil when nothing is wrong.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Code returns the first code given for the named field, or "".
func (f Fields) Code(name string) string {
	for _, x := range f {
		if x.Name == name {
			return x.Code
		}
	}
	return ""
}

// Error names the fields and codes, and so is safe to log.
func (f Fields) Error() string {
	parts := make([]string, len(f))
	for i, x := range f {
		parts[i] = x.Name + ": " + x.Code
	}
	return "wrong fields: " + strings.Join(parts, ", ")
}

// Is makes Fields an error of the kind Invalid.
func (f Fields) Is(target error) bool { return target == Invalid }

// RetryAfter is an error of the kind Limited that knows when to come again.
type RetryAfter struct {
	// Err is the package's own error, and may be nil.
	Err error
	// After is how long to wait, counted from now.
	After time.Duration
}

func (r RetryAfter) Error() string {
	if r.Err == nil {
		return Limited.Error()
	}
	return r.Err.Error()
}

// Unwrap gives both the cause and the kind.
func (r RetryAfter) Unwrap() []error {
	if r.Err == nil {
		return []error{Limited}
	}
	return []error{r.Err, Limited}
}

// Wait returns how long err asks to wait, if it says so.
func Wait(err error) (time.Duration, bool) {
	var r RetryAfter
	if errors.As(err, &r) {
		return r.After, true
	}
	return 0, false
}
