package seal

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// A WrappedKey is a key of the keyring as the store has it.
type WrappedKey struct {
	ID                    uint32
	Use                   Use
	Wrapped               []byte
	CreatedAt, UsableFrom time.Time
	RetiredAt             time.Time // zero: not retired
}

// Store keeps the keyring. Its methods are atomic and safe for concurrent use.
type Store interface {
	// Keys returns every key, retired or not, in any order.
	Keys(ctx context.Context) ([]WrappedKey, error)
	// AddKey adds a key, or returns an error that is fault.Exists if the id is
	// taken: of two nodes that add one id, one succeeds.
	AddKey(ctx context.Context, k WrappedKey) error
	// RetireKey sets RetiredAt, or returns an error that is fault.NotFound.
	RetireKey(ctx context.Context, id uint32, at time.Time) error
}

// Options of a keyring.
type Options struct {
	// Wall is the clock that strangers share.
	Wall func() time.Time
	// Poll is how often the store is read for keys of other nodes: 5 s.
	Poll time.Duration
	// Delay is how long a new key is only read before it is used: 2 min. It
	// must be many times Poll, or a node seals what another cannot open.
	Delay time.Duration
	// Uses are the uses to have keys for; all, if empty.
	Uses []Use
	// Logger hears of keys added and of a store that does not answer.
	Logger *slog.Logger
}

// Keyring is the Ring of an installation: kept in the store, shared by all
// nodes, rotated without a break.
//
//	Rotate             + Delay                        Retire
//	  | readable, unused | newest: seals, signs  ...  | as if it had never been
type Keyring struct {
	*Ring
	store  Store
	master *Master
	opt    Options

	mu       sync.Mutex // one reload at a time; guards what follows
	shown    string     // what the last reload saw
	onChange []func()
	version  atomic.Uint64
}

const keyringPurpose Purpose = "keyring"

// ErrLastKey refuses to retire the key that is in use.
var ErrLastKey = fmt.Errorf("seal: no other usable key of this use: %w", fault.Conflict)

// OpenKeyring reads the keys of the store, and makes the first of every use
// that has none; these are usable at once, since there is nothing older. Two
// nodes that start together agree: each first key has its fixed id, and the
// node that comes second takes the other's.
func OpenKeyring(ctx context.Context, store Store, master *Master, opt Options) (*Keyring, error) {
	if opt.Poll <= 0 {
		opt.Poll = 5 * time.Second
	}
	if opt.Delay <= 0 {
		opt.Delay = 2 * time.Minute
	}
	if len(opt.Uses) == 0 {
		opt.Uses = Uses()
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	k := &Keyring{Ring: NewRing(opt.Wall), store: store, master: master, opt: opt}
	if err := k.Reload(ctx); err != nil {
		return nil, err
	}
	made := false
	for i, use := range Uses() {
		if !slices.Contains(opt.Uses, use) || k.now.Load().check([]Use{use}) == nil {
			continue
		}
		made = true
		if err := k.add(ctx, uint32(i+1), use, 0); err != nil && !errors.Is(err, fault.Exists) {
			return nil, err
		}
	}
	if made {
		if err := k.Reload(ctx); err != nil {
			return nil, err
		}
	}
	if slices.Contains(opt.Uses, UseSignLetters) {
		if err := k.firstLetters(ctx); err != nil {
			return nil, err
		}
	}
	if err := k.now.Load().check(opt.Uses); err != nil {
		return nil, err
	}
	return k, nil
}

// firstLetters makes the key for letters if there is none. It has no fixed id; of two nodes that start
// together one takes the next free id, and the other then finds it.
func (k *Keyring) firstLetters(ctx context.Context) error {
	for range 10 {
		if err := k.Reload(ctx); err != nil {
			return err
		}
		if k.now.Load().check([]Use{UseSignLetters}) == nil {
			return nil
		}
		id, err := k.free(ctx)
		if err != nil {
			return err
		}
		if err := k.add(ctx, id, UseSignLetters, 0); err != nil && !errors.Is(err, fault.Exists) {
			return err
		}
	}
	return fmt.Errorf("seal: first key for %s: %w", UseSignLetters, fault.Conflict)
}

// free is the next id that no key has; the ids up to len(Uses()) are for first keys.
func (k *Keyring) free(ctx context.Context) (uint32, error) {
	rows, err := k.store.Keys(ctx)
	if err != nil {
		return 0, fmt.Errorf("seal: read the keys: %w", err)
	}
	id := uint32(len(Uses()))
	for _, row := range rows {
		id = max(id, row.ID)
	}
	return id + 1, nil
}

// add draws a key and stores it.
func (k *Keyring) add(ctx context.Context, id uint32, use Use, delay time.Duration) error {
	at := k.wall().UTC()
	key, err := NewKey(id, use, at, at.Add(delay))
	if err != nil {
		return err
	}
	err = k.store.AddKey(ctx, WrappedKey{
		ID: id, Use: use, Wrapped: k.master.Wrap(keyringPurpose, key.Secret, keyAAD(id, use)),
		CreatedAt: key.CreatedAt, UsableFrom: key.UsableFrom,
	})
	if err != nil {
		return fmt.Errorf("seal: add key %d for %s: %w", id, use, err)
	}
	k.opt.Logger.InfoContext(ctx, "key added", "key", id, "use", string(use), "usable_from", key.UsableFrom)
	return nil
}

// keyAAD binds a wrapped key to its row: a signing key put in the place of a
// sealing one does not unwrap.
func keyAAD(id uint32, use Use) []byte {
	return append(binary.BigEndian.AppendUint32(nil, id), use...)
}

// Reload reads the store now. It is called by Run, and after a change.
func (k *Keyring) Reload(ctx context.Context) error {
	k.mu.Lock()
	changed, err := k.reload(ctx)
	hooks := k.onChange
	k.mu.Unlock()
	if err != nil {
		return fmt.Errorf("seal: load the keyring: %w", err)
	}
	if changed {
		for _, f := range hooks {
			f()
		}
	}
	return nil
}

// known are the uses that this program has.
var known = map[Use]bool{UseSeal: true, UseIndex: true, UseSignES256: true, UseSignRS256: true, UseSignLetters: true}

func (k *Keyring) reload(ctx context.Context) (changed bool, err error) {
	rows, err := k.store.Keys(ctx)
	if err != nil {
		return false, err
	}
	slices.SortFunc(rows, func(a, b WrappedKey) int { return cmp.Compare(a.ID, b.ID) })
	at := k.wall()
	var live []Key
	shown := ""
	for _, row := range rows {
		if !known[row.Use] {
			continue // a newer program beside us has a use for it
		}
		key := Key{ID: row.ID, Use: row.Use, CreatedAt: row.CreatedAt, UsableFrom: row.UsableFrom, RetiredAt: row.RetiredAt}
		if key.retired(at) {
			continue
		}
		shown += fmt.Sprintf("%d %s %d %d;", key.ID, key.Use, key.UsableFrom.UnixNano(), key.RetiredAt.Unix())
		live = append(live, key)
	}
	if shown == k.shown && k.version.Load() > 0 {
		return false, nil
	}
	wrapped := map[uint32][]byte{}
	for _, row := range rows {
		wrapped[row.ID] = row.Wrapped
	}
	for i := range live {
		id, use := live[i].ID, live[i].Use
		if live[i].Secret, err = k.master.Unwrap(keyringPurpose, wrapped[id], keyAAD(id, use)); err != nil {
			return false, fmt.Errorf("key %d for %s does not unwrap; is this the right master key file? %w", id, use, err)
		}
	}
	next, err := newKeys(live)
	if err != nil {
		return false, err
	}
	k.now.Store(next)
	k.shown = shown
	k.version.Add(1)
	return true, nil
}

// Run keeps the keyring fresh until ctx ends. A store that does not answer is
// told to the log; the keys at hand stay in use.
func (k *Keyring) Run(ctx context.Context) error {
	tick := time.NewTicker(k.opt.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := k.Reload(ctx); err != nil && ctx.Err() == nil {
				k.opt.Logger.WarnContext(ctx, "keyring not read", "error", err)
			}
		}
	}
}

// Version grows whenever the set of keys changes: what was built from them,
// such as the JWKS, is built anew.
func (k *Keyring) Version() uint64 { return k.version.Load() }

// OnChange calls f after every change of the set of keys.
func (k *Keyring) OnChange(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.onChange = append(k.onChange[:len(k.onChange):len(k.onChange)], f)
}

// Rotate adds a key, which takes over from the others after Delay, and returns
// its id. The others go on opening and verifying until they are retired.
func (k *Keyring) Rotate(ctx context.Context, use Use) (uint32, error) {
	return k.RotateAfter(ctx, use, k.opt.Delay)
}

// RotateAfter is Rotate for keys whose readers are further away than the other
// nodes: a printer is sent its new key by hand.
func (k *Keyring) RotateAfter(ctx context.Context, use Use, delay time.Duration) (uint32, error) {
	for range 10 {
		id, err := k.free(ctx)
		if err != nil {
			return 0, fmt.Errorf("seal: rotate %s: %w", use, err)
		}
		if err := k.add(ctx, id, use, max(delay, k.opt.Delay)); errors.Is(err, fault.Exists) {
			continue // another node took this id
		} else if err != nil {
			return 0, err
		}
		return id, k.Reload(ctx)
	}
	return 0, fmt.Errorf("seal: rotate %s: %w", use, fault.Conflict)
}

// Retire makes a key void from the time at, at every node. Values sealed and
// tokens signed with it are void then; so it comes after the longest of their
// lives. The last usable key of a use is not retired.
func (k *Keyring) Retire(ctx context.Context, id uint32, at time.Time) error {
	rows, err := k.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("seal: retire key %d: %w", id, err)
	}
	var use Use
	for _, row := range rows {
		if row.ID == id {
			use = row.Use
		}
	}
	if use == "" {
		return fmt.Errorf("seal: retire key %d: %w", id, fault.NotFound)
	}
	another := false
	for _, row := range rows {
		another = another || row.ID != id && row.Use == use && row.RetiredAt.IsZero() && !row.UsableFrom.After(at)
	}
	if !another {
		return ErrLastKey
	}
	if err := k.store.RetireKey(ctx, id, at); err != nil {
		return fmt.Errorf("seal: retire key %d: %w", id, err)
	}
	return k.Reload(ctx)
}
