package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Fields of a sealed fact beside those of a change. Their numbers go on in the same row.
const (
	fieldShut       = iota + fieldDetail + 1 // the personal values, encrypted under the person's key
	fieldCommitment                          // hash of the personal values and a secret salt
	fieldPartsHash                           // hash of the persons in the parts
	fieldErased                              // empty: the person had been erased before the fact was sealed
)

// Sealed is a fact as it stands in the chain.
type Sealed struct {
	Position uint64 // from 1, without gaps
	Link     Hash
	ID       uuid.UUID
	// Body is the fact in its canonical form; the link covers it as it is, ciphertext included, so that
	// destroying a key changes no link.
	Body []byte
}

// linkOf binds a fact to the one before it (the zero Hash for the first):
//
//	SHA-256("usher audit link v1\n", previous link, position as 8 bytes big-endian, id, body)
func linkOf(previous Hash, position uint64, id uuid.UUID, body []byte) Hash {
	h := sha256.New()
	h.Write([]byte("usher audit link v1\n"))
	h.Write(previous[:])
	h.Write(store.Uint64(position))
	h.Write(id[:])
	h.Write(body)
	return Hash(h.Sum(nil))
}

// contents is what a body says.
type contents struct {
	Change
	commitment []byte
	partsHash  []byte
}

// body renders a fact for the chain. What it says must not change any more.
func (k contents) body() ([]byte, error) {
	data, err := encode(k.Change)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		number byte
		value  []byte
	}{{fieldShut, k.Shut}, {fieldCommitment, k.commitment}, {fieldPartsHash, k.partsHash}} {
		if len(f.value) > 0 {
			data = store.AppendField(data, f.number, f.value)
		}
	}
	if k.Erased {
		data = store.AppendField(data, fieldErased, "")
	}
	return data, nil
}

// open reads a body. It keeps nothing of the slice.
func (s Sealed) open() (contents, error) {
	k := contents{Change: Change{ID: s.ID}}
	err := eachField(s.Body, func(number byte, value []byte) (bool, error) {
		switch number {
		case fieldShut:
			k.Shut = append([]byte(nil), value...)
		case fieldCommitment:
			k.commitment = append([]byte(nil), value...)
		case fieldPartsHash:
			k.partsHash = append([]byte(nil), value...)
		case fieldErased:
			k.Erased = true
		default:
			return k.read(number, value)
		}
		return true, nil
	})
	if err == nil && k.Act == "" {
		err = errors.New("no act")
	}
	if err != nil {
		return contents{}, fmt.Errorf("read the sealed fact %s: %w", s.ID, err)
	}
	return k, nil
}

// row is what stands under the position.
func (s Sealed) row() []byte {
	row := make([]byte, 0, len(s.Link)+len(s.ID)+len(s.Body))
	return append(append(append(row, s.Link[:]...), s.ID[:]...), s.Body...)
}

// parseRow reads what row wrote. It keeps nothing of the slices.
func parseRow(key, row []byte) (Sealed, error) {
	if len(key) != 8 || len(row) < sha256.Size+16 {
		return Sealed{}, errors.New("read a sealed fact: it is cut off")
	}
	return Sealed{
		Position: binary.BigEndian.Uint64(key), Link: Hash(row[:sha256.Size]), ID: uuid.UUID(row[sha256.Size : sha256.Size+16]),
		Body: append([]byte(nil), row[sha256.Size+16:]...),
	}, nil
}

// sealedAt returns the fact at a position, or store.ErrNotFound.
func sealedAt(r store.Reader, position uint64) (Sealed, error) {
	key := store.Uint64(position)
	row, err := r.Get(sealedTable, key)
	if err != nil {
		return Sealed{}, fmt.Errorf("read the fact at position %d: %w", position, err)
	}
	return parseRow(key, row)
}

// placeOf returns the position of a sealed fact, or store.ErrNotFound.
func placeOf(r store.Reader, id uuid.UUID) (uint64, error) {
	place, err := r.Get(placeTable, id[:])
	if err != nil {
		return 0, err
	}
	return store.ParseUint64(place)
}

// partsHash sums up the persons of a fact's parts: SHA-256 over all of them, 16 bytes each, in order.
// next returns the packed persons of part n.
func partsHash(parts int, next func(n int) ([]byte, error)) ([]byte, error) {
	h := sha256.New()
	for n := range parts {
		packed, err := next(n)
		if err != nil {
			return nil, err
		}
		h.Write(packed)
	}
	return h.Sum(nil), nil
}
