package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// openDetail names the members of a change's detail that are not personal: states, counts, ids of ours, names of
// attributes, groups, roles and rules. An auditor reads them also after the person was erased. Every other member
// of a change of one person is taken for personal.
var openDetail = map[string]bool{
	"attributes": true, "active": true, "added": true, "removed": true, "pending": true, "expired": true,
	"joined": true, "left": true, "source": true, "hold": true, "kind": true, "reason": true, "text": true,
	"action": true, "state": true, "role": true, "licence": true, "changed": true, "roleBefore": true, "licenceBefore": true,
}

// split parts a detail into what anybody may read and what is personal; nil for nothing. What is no JSON object is personal.
func split(detail json.RawMessage) (open, personal json.RawMessage, err error) {
	if len(detail) == 0 {
		return nil, nil, nil
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(detail, &all) != nil {
		return nil, detail, nil //nolint:nilerr // it is not for us to say what a detail is; nobody is shown what cannot be read
	}
	shown, hidden := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for name, value := range all {
		if openDetail[name] {
			shown[name] = value
		} else {
			hidden[name] = value
		}
	}
	if open, err = object(shown); err == nil {
		personal, err = object(hidden)
	}
	return open, personal, err
}

func object(members map[string]json.RawMessage) (json.RawMessage, error) {
	if len(members) == 0 {
		return nil, nil
	}
	return json.Marshal(members)
}

// join undoes split, with the members in the order of their names.
func join(open, personal json.RawMessage) (json.RawMessage, error) {
	if len(open) == 0 {
		return personal, nil
	}
	var all, more map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(open, &all), json.Unmarshal(personal, &more)); err != nil {
		return nil, err
	}
	maps.Copy(all, more)
	return json.Marshal(all)
}

// sole returns the one person a change is about. The personal values of such a change stand under that person's key.
func (c *Change) sole() (uuid.UUID, bool) {
	if len(c.Persons) != 1 || c.Parts > 0 || c.WholeGroup || c.Everybody {
		return uuid.Nil, false
	}
	return c.Persons[0], true
}

const (
	personKeyBytes = 32 // AES-256
	saltBytes      = 16
)

// newPersonKey draws a key. Like all keys it is not injected: one that can be foreseen is none.
func newPersonKey() []byte { return random(personKeyBytes) }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

// personKeyName binds a wrapped key to its person. It reads well in an error.
func personKeyName(person uuid.UUID) string { return "the audit key of person " + person.String() }

// shut encrypts the personal values of a fact, with AES-256-GCM and a random nonce, and commits to them: the commitment lets somebody
// who is shown values and salt check them, and tells nothing to who is not.
func shut(key []byte, person, fact uuid.UUID, personal []byte) (ciphertext, commitment []byte, err error) {
	aead, err := personCipher(key)
	if err != nil {
		return nil, nil, err
	}
	salted := append(random(saltBytes), personal...)
	return aead.Seal(nil, nil, salted, personalContext(person, fact)), commit(salted), nil //nolint:gosec // the cipher draws the nonce
}

// unshut undoes shut. It returns the salt and the values.
func unshut(key []byte, person, fact uuid.UUID, ciphertext []byte) (salt, personal []byte, err error) {
	aead, err := personCipher(key)
	if err != nil {
		return nil, nil, err
	}
	salted, err := aead.Open(nil, nil, ciphertext, personalContext(person, fact))
	if err != nil || len(salted) < saltBytes {
		return nil, nil, fmt.Errorf("the personal values of the fact %s cannot be opened with the key of person %s", fact, person)
	}
	return salted[:saltBytes], salted[saltBytes:], nil
}

func personCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("prepare the cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func personalContext(person, fact uuid.UUID) []byte {
	return slices.Concat([]byte("usher audit personal\x00"), person[:], fact[:])
}

// commit is SHA-256("usher audit personal v1\n", salt, values).
func commit(salted []byte) []byte {
	sum := sha256.Sum256(append([]byte("usher audit personal v1\n"), salted...))
	return sum[:]
}

// keyState is what the store holds of a person's key.
type keyState struct {
	wrapped []byte // nil: there is none
	erased  bool
}

func readKeyState(r store.Reader, person uuid.UUID) (keyState, error) {
	var s keyState
	wrapped, err := r.Get(personKeyTable, person[:])
	switch {
	case err == nil:
		s.wrapped = append([]byte{}, wrapped...)
	case !errors.Is(err, store.ErrNotFound):
		return s, err
	}
	switch _, err = r.Get(erasedTable, person[:]); {
	case err == nil:
		s.erased = true
	case !errors.Is(err, store.ErrNotFound):
		return s, err
	}
	return s, nil
}

// Open returns a fact with its personal values. Where the person's key is gone they are left out, and the fact says Erased.
func (c *Chain) Open(r store.Reader, fact Change) (Change, error) {
	_, personal, err := c.personal(r, fact)
	if err != nil || fact.Shut == nil {
		return fact, err
	}
	fact.Shut = nil
	if personal == nil {
		fact.Erased = true
		return fact, nil
	}
	if fact.Detail, err = join(fact.Detail, personal); err != nil {
		return fact, fmt.Errorf("read the personal values of the fact %s: %w", fact.ID, err)
	}
	return fact, nil
}

// personal returns what a fact has shut; nil for nothing, or when the key is gone.
func (c *Chain) personal(r store.Reader, fact Change) (salt, personal []byte, err error) {
	person, ok := fact.sole()
	if fact.Shut == nil || !ok {
		return nil, nil, nil
	}
	state, err := readKeyState(r, person)
	if err != nil || state.wrapped == nil {
		return nil, nil, err
	}
	key, err := c.o.Box.Open(personKeyName(person), state.wrapped)
	if err != nil {
		return nil, nil, err
	}
	return unshut(key, person, fact.ID, fact.Shut)
}
