package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Hash is a SHA-256. It is written in hexadecimal.
type Hash [sha256.Size]byte

// String writes h in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes h in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return errors.New("a hash has 64 hexadecimal digits")
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Checkpoint is a signed statement about one segment of the chain: these facts, by their last link, and no others.
type Checkpoint struct {
	Number uint64 `json:"number"` // from 1, without gaps
	First  uint64 `json:"first"`  // position of the segment's first fact
	Last   uint64 `json:"last"`   // and of its last one
	Link   Hash   `json:"link"`   // of the last fact; it stands for all before it
	// Previous is the SHA-256 of the statement of the checkpoint before, zero for the first.
	Previous Hash      `json:"previous"`
	From     time.Time `json:"from"`   // when the earliest of the facts happened, UTC
	To       time.Time `json:"to"`     // and the latest
	Opened   time.Time `json:"opened"` // when the first of them was sealed
	Signed   time.Time `json:"signed"` // when this was signed
	// Open: the segment still grows. The open checkpoint is the chain's head, and is signed anew with each slice.
	Open      bool   `json:"open,omitempty"`
	Key       string `json:"key"` // KeyID of the key that signed it
	Signature []byte `json:"signature"`
}

// Statement is the text that is signed. docs/audit.md describes it, so that anybody can check a signature
// with tools of their own.
func (p Checkpoint) Statement() []byte {
	state := "closed"
	if p.Open {
		state = "open"
	}
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
	return fmt.Appendf(nil, "usher audit checkpoint v1\nnumber: %d\nstate: %s\nfirst: %d\nlast: %d\nlink: %s\nprevious: %s\nfrom: %s\nto: %s\nopened: %s\nsigned: %s\nkey: %s\n",
		p.Number, state, p.First, p.Last, p.Link, p.Previous, at(p.From), at(p.To), at(p.Opened), at(p.Signed), p.Key)
}

// Facts is how many facts the segment has.
func (p Checkpoint) Facts() uint64 {
	if p.Number == 0 {
		return 0
	}
	return p.Last - p.First + 1
}

func (p Checkpoint) digest() Hash {
	if p.Number == 0 {
		return Hash{}
	}
	return sha256.Sum256(p.Statement())
}

// sign states when and by which key, and signs.
func (c *Chain) sign(p Checkpoint, at time.Time, open bool) Checkpoint {
	p.Signed, p.Open, p.Key = at, open, c.keyID
	p.Signature = ed25519.Sign(c.o.Key, p.Statement())
	return p
}

// check returns an error that continues "the checkpoint N" when the checkpoint was not signed by one of the keys.
func (p Checkpoint) check(keys []ed25519.PublicKey) error {
	for _, key := range keys {
		if KeyID(key) != p.Key {
			continue
		}
		if !ed25519.Verify(key, p.Statement(), p.Signature) {
			return errors.New("was changed after it was signed")
		}
		return nil
	}
	return fmt.Errorf("was signed with the key %.16q, which is not the one given", p.Key)
}

// KeyID names a public key: the first eight bytes of its SHA-256, in hexadecimal.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

const pemType = "PUBLIC KEY"

// MarshalKey writes a public key as PEM (RFC 8410), as openssl and others read it.
func MarshalKey(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("write the public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// ParseKeys reads the Ed25519 public keys of a PEM text; at least one must stand in it.
func ParseKeys(text []byte) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		key, ok := parsed.(ed25519.PublicKey)
		if err != nil || !ok || block.Type != pemType {
			return nil, errors.New("read the public key: a PEM block in it is no Ed25519 public key, as `usher audit key` prints it")
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("read the public key: there is no PEM block in it; `usher audit key` prints one")
	}
	return keys, nil
}
