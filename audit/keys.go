package audit

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// The tables of this package. Keys are a change's id, unless said otherwise; part tables append the
// part's number, the person index puts the person's id in front.
const (
	outboxTable      = "audit.outbox"
	urgentTable      = "audit.outbox-urgent" // the outbox of changes that take access away
	outboxPartsTable = "audit.outbox-parts"
	cursorTable      = "audit.cursors"
	factTable        = "audit.facts" // facts that wait to be sealed
	factPartsTable   = "audit.fact-parts"
	personTable      = "audit.persons"

	sealedTable     = "audit.sealed"      // position -> link, id, body: the chain
	placeTable      = "audit.places"      // -> position of a sealed fact
	appTable        = "audit.apps"        // app, id of a sealed fact -> nothing
	headTable       = "audit.head"        // headKey -> the open checkpoint; baseKey -> what was pruned
	checkpointTable = "audit.checkpoints" // number -> a signed checkpoint
	personKeyTable  = "audit.person-keys" // person -> the key of the personal values, sealed by the box
	erasedTable     = "audit.erased"      // person -> when and by which fact the person was erased
)

// partKey sorts the parts of one change by their number.
func partKey(change uuid.UUID, n int) []byte {
	key := make([]byte, 20)
	copy(key, change[:])
	binary.BigEndian.PutUint32(key[16:], uint32(n)) // #nosec G115 -- n was checked against MaxParts
	return key
}

// personKey sorts the changes of one person by time.
func personKey(person, change uuid.UUID) []byte {
	key := make([]byte, 32)
	copy(key, person[:])
	copy(key[16:], change[:])
	return key
}

// timeKey is the lowest id that a UUIDv7 of time t or later can have (RFC 9562
// section 5.7: the first 48 bits are the milliseconds of the Unix time).
func timeKey(t time.Time) []byte {
	key := make([]byte, 16)
	ms := max(t.UnixMilli(), 0)
	binary.BigEndian.PutUint64(key, uint64(ms)<<16) // #nosec G115 -- not negative
	return key
}

// packIDs writes ids one after the other, 16 bytes each.
func packIDs(ids []uuid.UUID) []byte {
	return appendPacked(make([]byte, 0, 16*len(ids)), ids)
}

func appendPacked(packed []byte, ids []uuid.UUID) []byte {
	for i := range ids {
		packed = append(packed, ids[i][:]...)
	}
	return packed
}

// packedHas reports whether a person is among packed ids.
func packedHas(packed []byte, person uuid.UUID) bool {
	for ; len(packed) >= 16; packed = packed[16:] {
		if uuid.UUID(packed[:16]) == person {
			return true
		}
	}
	return false
}

func unpackIDs(packed []byte) []uuid.UUID {
	ids := make([]uuid.UUID, len(packed)/16)
	for i := range ids {
		copy(ids[i][:], packed[16*i:])
	}
	return ids
}

// appKey sorts the sealed facts of one app by time.
func appKey(app string, change uuid.UUID) []byte {
	return append(appPrefix(app), change[:]...)
}

func appPrefix(app string) []byte { return store.Key([]byte(app)) }
