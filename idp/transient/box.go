package transient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// A Box keeps values of one type under one kind, sealed: what lies in the store is read by nobody and
// does not open under another id. A value keeps the deadline that it was made with.
type Box[T any] struct {
	store  Store
	sealer Sealer
	kind   string
	now    func() time.Time
}

// NewBox makes a box. The kind separates it from other boxes in the same store; now is the movable clock.
func NewBox[T any](store Store, sealer Sealer, kind string, now func() time.Time) *Box[T] {
	return &Box[T]{store: store, sealer: sealer, kind: kind, now: now}
}

const boxPurpose seal.Purpose = "transient"

// changes is how often Change tries against others. Every round somebody wins, so only a crowd on one
// value uses them up.
const changes = 50

// kept is what is sealed. The deadline is inside, for Change writes it again.
type kept[T any] struct {
	Deadline time.Time `json:"deadline"`
	Value    T         `json:"value"`
}

// Create keeps a new value until the deadline; fault.Exists if one is there.
func (b *Box[T]) Create(ctx context.Context, id string, v T, deadline time.Time) error {
	sealed, err := b.seal(id, kept[T]{deadline, v})
	if err != nil {
		return err
	}
	return b.wrap("create", b.store.Create(ctx, b.kind, id, sealed, b.now(), deadline))
}

// Put keeps a value until the deadline, whatever was there.
func (b *Box[T]) Put(ctx context.Context, id string, v T, deadline time.Time) error {
	sealed, err := b.seal(id, kept[T]{deadline, v})
	if err != nil {
		return err
	}
	return b.wrap("put", b.store.Put(ctx, b.kind, id, sealed, b.now(), deadline))
}

// Load returns a value; fault.NotFound when absent or past its deadline.
func (b *Box[T]) Load(ctx context.Context, id string) (T, error) {
	var zero T
	sealed, _, err := b.store.Get(ctx, b.kind, id, b.now())
	if err != nil {
		return zero, b.wrap("load", err)
	}
	k, err := b.open(id, sealed)
	return k.Value, err
}

// Change applies f to the value and keeps the result until the same deadline. When another changed it
// meanwhile f runs again on a fresh copy, so it must be pure. An error of f leaves the value as it was
// and is returned as it is. fault.NotFound when absent or past its deadline.
func (b *Box[T]) Change(ctx context.Context, id string, f func(*T) error) (T, error) {
	return b.ChangeUntil(ctx, id, time.Time{}, f)
}

// ChangeUntil is Change that also puts the deadline off, if until is later.
func (b *Box[T]) ChangeUntil(ctx context.Context, id string, until time.Time, f func(*T) error) (T, error) {
	var zero T
	for range changes {
		now := b.now()
		sealed, revision, err := b.store.Get(ctx, b.kind, id, now)
		if err != nil {
			return zero, b.wrap("change", err)
		}
		k, err := b.open(id, sealed)
		if err != nil {
			return zero, err
		}
		if err := f(&k.Value); err != nil {
			return zero, err
		}
		if until.After(k.Deadline) {
			k.Deadline = until
		}
		if sealed, err = b.seal(id, k); err != nil {
			return zero, err
		}
		err = b.store.Replace(ctx, b.kind, id, revision, sealed, now, k.Deadline)
		if err == nil {
			return k.Value, nil
		}
		if !errors.Is(err, fault.Conflict) {
			return zero, b.wrap("change", err)
		}
	}
	return zero, fmt.Errorf("transient: change %s: %w", b.kind, fault.Conflict)
}

// A Mark is the state that a value was seen in. The zero Mark is that of nothing.
type Mark struct {
	there    bool
	revision int64
}

// See returns a value and the mark of its state, or the zero value and the zero Mark.
func (b *Box[T]) See(ctx context.Context, id string) (T, Mark, error) {
	var zero T
	sealed, revision, err := b.store.Get(ctx, b.kind, id, b.now())
	if errors.Is(err, fault.NotFound) {
		return zero, Mark{}, nil
	}
	if err != nil {
		return zero, Mark{}, b.wrap("see", err)
	}
	k, err := b.open(id, sealed)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return zero, Mark{}, err
	}
	return k.Value, Mark{true, revision}, nil // what does not open is written over
}

// Save keeps a value until the deadline if the state is still the marked one; otherwise fault.Conflict, and
// nothing is kept. What has to be written also goes in the same trip, whatever becomes of the value.
func (b *Box[T]) Save(ctx context.Context, id string, v T, m Mark, deadline time.Time, also ...Change) error {
	sealed, err := b.seal(id, kept[T]{deadline, v})
	if err != nil {
		return err
	}
	c := Change{Do: Create, Kind: b.kind, ID: id, Value: sealed, Deadline: deadline}
	if m.there {
		c.Do, c.Revision = Replace, m.revision
	}
	errs := b.store.Write(ctx, b.now(), append(also[:len(also):len(also)], c)...)
	last := len(errs) - 1
	if errors.Is(errs[last], fault.Exists) || errors.Is(errs[last], fault.NotFound) {
		errs[last] = fmt.Errorf("%w: %w", fault.Conflict, errs[last])
	}
	return b.wrap("save", errors.Join(errs...))
}

// Take returns the value and removes it; of parallel calls one gets it, the others fault.NotFound.
func (b *Box[T]) Take(ctx context.Context, id string) (T, error) {
	var zero T
	sealed, err := b.store.Take(ctx, b.kind, id, b.now())
	if err != nil {
		return zero, b.wrap("take", err)
	}
	k, err := b.open(id, sealed)
	return k.Value, err
}

// Delete removes a value; absent is no error.
func (b *Box[T]) Delete(ctx context.Context, id string) error {
	return b.wrap("delete", b.store.Delete(ctx, b.kind, id))
}

func (b *Box[T]) aad(id string) []byte { return []byte(b.kind + "|" + id) }

func (b *Box[T]) seal(id string, k kept[T]) ([]byte, error) {
	plain, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("transient: encode %s: %w", b.kind, err)
	}
	return b.sealer.AppendSeal(nil, boxPurpose, plain, b.aad(id)), nil
}

// open treats what does not open as absent: its key is gone, and so it is over.
func (b *Box[T]) open(id string, sealed []byte) (kept[T], error) {
	var k kept[T]
	plain, err := b.sealer.OpenBytes(boxPurpose, sealed, b.aad(id))
	if err != nil {
		return k, fmt.Errorf("transient: open %s: %w", b.kind, fault.NotFound)
	}
	if err := json.Unmarshal(plain, &k); err != nil {
		return kept[T]{}, fmt.Errorf("transient: %s has another shape: %w", b.kind, fault.NotFound)
	}
	return k, nil
}

func (b *Box[T]) wrap(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("transient: %s %s: %w", verb, b.kind, err)
}
