package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Box wraps the keys of persons for rest: secrets.Box is one. Seal binds the record's name to the
// result, Open fails for any other, Current says whether the newest key of the ring sealed it.
type Box interface {
	Seal(recordKey string, plain []byte) []byte
	Open(recordKey string, sealed []byte) ([]byte, error)
	Current(sealed []byte) bool
}

// Options are what a Chain is made of.
type Options struct {
	Store store.Store
	Box   Box
	// Key signs checkpoints. Whoever has it can sign another history: it belongs into the vault.
	Key ed25519.PrivateKey

	Now    func() time.Time
	NewID  func() uuid.UUID // UUIDv7 whose time is that of Now; IDs makes them
	Logger *slog.Logger

	// Every is how often Run looks for facts to seal; 0: two seconds.
	Every time.Duration
	// Pause is how long Run lets go of the store after a full slice; 0: 50 milliseconds.
	Pause time.Duration
	// Slice is how many facts one transaction seals at most; 0: 100.
	Slice int
	// Segment is how many facts a checkpoint closes; 0: 10,000. A new day (UTC) closes one too.
	Segment int
}

// Chain is the sealed history: facts in the order in which they were sealed, each bound to the one before it by
// a hash, in segments that end in signed checkpoints. There is one Chain for a store. It is safe for
// concurrent use; sealing, pruning and erasing take turns.
type Chain struct {
	o     Options
	keyID string
	turn  sync.Mutex
}

// New returns the chain that o.Store holds. It reads and writes nothing yet.
func New(o Options) *Chain {
	if o.Every == 0 {
		o.Every = 2 * time.Second
	}
	if o.Pause == 0 {
		o.Pause = 50 * time.Millisecond
	}
	if o.Slice == 0 {
		o.Slice = 100
	}
	if o.Segment == 0 {
		o.Segment = 10_000
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Chain{o: o, keyID: KeyID(o.PublicKey())}
}

// PublicKey is what verifies the checkpoints that Key signs.
func (o Options) PublicKey() ed25519.PublicKey {
	public, _ := o.Key.Public().(ed25519.PublicKey) // an ed25519.PrivateKey has no other
	return public
}

// PublicKey is what an auditor needs, beside an export, to verify it.
func (c *Chain) PublicKey() ed25519.PublicKey { return c.o.PublicKey() }

var (
	headKey = []byte("head")
	baseKey = []byte("base")
)

// base says what was pruned.
type base struct {
	Checkpoint Checkpoint `json:"checkpoint"` // the last of those whose facts were removed
	Fact       uuid.UUID  `json:"fact"`       // the audit.pruned that says so
}

// readHead returns the open checkpoint, and its bytes to compare with later. Before the first fact it is zero and the bytes are nil.
func readHead(r store.Reader) (Checkpoint, []byte, error) {
	return readJSON[Checkpoint](r, headTable, headKey, "the head of the audit chain")
}

func readBase(r store.Reader) (base, error) {
	b, _, err := readJSON[base](r, headTable, baseKey, "what was pruned of the audit chain")
	return b, err
}

func readCheckpoint(r store.Reader, number uint64) (Checkpoint, error) {
	cp, raw, err := readJSON[Checkpoint](r, checkpointTable, store.Uint64(number), fmt.Sprintf("checkpoint %d", number))
	if err == nil && raw == nil {
		err = fmt.Errorf("read checkpoint %d: %w", number, store.ErrNotFound)
	}
	return cp, err
}

// readJSON reads a value; what is not there is zero, with nil bytes.
func readJSON[T any](r store.Reader, table string, key []byte, what string) (T, []byte, error) {
	var v T
	raw, err := r.Get(table, key)
	if errors.Is(err, store.ErrNotFound) {
		return v, nil, nil
	}
	if err == nil {
		raw = append([]byte(nil), raw...)
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		return v, nil, fmt.Errorf("read %s: %w", what, err)
	}
	return v, raw, nil
}

func putJSON(tx store.Tx, table string, key []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Put(table, key, raw)
}

// view runs fn on a snapshot and says what was being done when it fails.
func (c *Chain) view(ctx context.Context, doing string, fn func(store.Reader) error) error {
	if err := c.o.Store.View(ctx, fn); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func (c *Chain) now() time.Time { return c.o.Now().UTC().Truncate(time.Millisecond) }
