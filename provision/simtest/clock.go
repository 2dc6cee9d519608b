package simtest

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
)

// epoch is what a bubble's first moment (the year 2000) is moved to, so that dates look like dates.
const epoch = 229_248 * time.Hour // to 2026-02-25

// clock is the time as Usher reads it. Its waits run on the bubble's clock, which only goes forward; what
// it shows may jump.
type clock struct{ skew time.Duration }

// vendorNow is the time of the world outside, which never jumps.
func vendorNow() time.Time {
	return time.Now().Add(epoch).UTC() //nolint:forbidigo // the bubble's clock, which the simulator moves
}

func (c *clock) now() time.Time { return vendorNow().Add(c.skew) }

// ids makes UUIDv7 of the given clock that are the same for the same seed.
func ids(seed uint64, now func() time.Time) func() uuid.UUID {
	var mu sync.Mutex // a worker whose timer went off is not ordered after the one before it
	n := uint64(0)
	r := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // repeatable on purpose
	return func() uuid.UUID {
		mu.Lock()
		defer mu.Unlock()
		n++
		var id uuid.UUID
		ms := uint64(max(now().UnixMilli(), 0))
		binary.BigEndian.PutUint64(id[:8], ms<<16|0x7000|n&0xfff)
		binary.BigEndian.PutUint64(id[8:], r.Uint64()&^(3<<62)|1<<63)
		return id
	}
}
