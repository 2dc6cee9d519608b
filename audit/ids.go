package audit

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"github.com/google/uuid"
)

// IDs returns a source of UUIDv7 that carry the milliseconds of now, so that ids
// and times of changes agree also under an injected clock. Within one source ids rise
// strictly, as long as the clock does not go back. It is safe for concurrent use.
func IDs(now func() time.Time) func() uuid.UUID {
	var (
		mu   sync.Mutex
		last uint64 // milliseconds and the 12 bits below them, as one number
	)
	return func() uuid.UUID {
		var id uuid.UUID
		_, _ = rand.Read(id[8:]) // never fails (crypto/rand)

		ms := uint64(max(now().UnixMilli(), 0)) // #nosec G115 -- not negative
		mu.Lock()
		next := ms << 12
		// The 12 bits after the time count up within one millisecond (RFC 9562 section 6.2,
		// method 1). A burst beyond 4096 runs into the next millisecond; a clock that goes back
		// restarts the count.
		if next <= last && last-next < 1<<16 {
			next = last + 1
		}
		last = next
		mu.Unlock()

		binary.BigEndian.PutUint64(id[:8], next>>12<<16|0x7000|next&0xfff)
		id[8] = id[8]&0x3f | 0x80
		return id
	}
}
