package secrets

import (
	"errors"
	"fmt"
)

// format is the first byte of everything sealed; what follows is the key's id, the
// nonce, the ciphertext and its tag.
const format = 1

var (
	// ErrOtherKey means that a value was sealed with a key that the key file does not hold.
	ErrOtherKey = errors.New("the key file does not hold the key")
	// ErrTampered means that a sealed value is not what was sealed under that record
	// key: it was changed, cut, or moved there from another record.
	ErrTampered = errors.New("the sealed value was changed or belongs to another record")
)

// Box seals values for rest and opens them again, with AES-256-GCM. It is safe for
// concurrent use.
type Box struct{ ring *Keyring }

// NewBox returns a box that seals with the first key of ring and opens with all.
func NewBox(ring *Keyring) *Box { return &Box{ring: ring} }

// Seal encrypts plain for the record that stands under recordKey. Equal values seal
// differently each time. The record key is bound to the result, not kept in it: only Open
// with the same one succeeds, so that a sealed value cannot be moved to another record.
func (b *Box) Seal(recordKey string, plain []byte) []byte {
	id := b.ring.current
	head := append([]byte{format}, id[:]...)
	return b.ring.ciphers[id].Seal(head, nil, plain, additional(head, recordKey)) //nolint:gosec // the cipher draws the nonce, see newCipher
}

// Open decrypts what Seal made for recordKey. It fails with ErrOtherKey or ErrTampered;
// the text names the record and the key file, never the value.
func (b *Box) Open(recordKey string, sealed []byte) ([]byte, error) {
	id, err := b.sealedBy(sealed)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", recordKey, err)
	}
	aead, ok := b.ring.ciphers[id]
	if !ok {
		return nil, fmt.Errorf("opening %s: it was sealed with key %s, and %w (%s): give the key file that belongs to this data", recordKey, id, ErrOtherKey, b.ring.path)
	}
	head, body := sealed[:1+keyIDBytes], sealed[1+keyIDBytes:]
	plain, err := aead.Open(nil, nil, body, additional(head, recordKey))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", recordKey, ErrTampered)
	}
	return plain, nil
}

// Current reports whether sealed was sealed with the key that seals now.
func (b *Box) Current(sealed []byte) bool {
	id, err := b.sealedBy(sealed)
	return err == nil && id == b.ring.current
}

func (b *Box) sealedBy(sealed []byte) (keyID, error) {
	if len(sealed) < 1+keyIDBytes {
		return keyID{}, ErrTampered
	}
	if sealed[0] != format {
		return keyID{}, fmt.Errorf("it has format %d, and this version of Usher knows format %d: %w", sealed[0], format, ErrTampered)
	}
	return keyID(sealed[1 : 1+keyIDBytes]), nil
}

// additional is what the tag covers besides the value. The head has a fixed length, so
// no two pairs of head and record key run together into one.
func additional(head []byte, recordKey string) []byte {
	return append(append([]byte("usher sealed record\x00"), head[:1+keyIDBytes]...), recordKey...)
}
