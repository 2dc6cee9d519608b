package scim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
)

// A cursor (RFC 9865) says behind which resource the next page begins. It holds all there is to say: the server keeps nothing between
// the pages, so a client may let go of a list at any page, or read one again. Nothing that others write
// makes a resource that itself stays as it is come twice or not at all: its place in the order is its own.
//
// Cursors are sealed with AES-256-GCM, which signs and hides: that of a sorted list holds a value of a resource, and
// addresses get into logs. A cursor belongs to the source and the query it was made for, but for count and projection, which may differ
// from page to page. There is no previousCursor (it is optional, RFC 9865 section 2).

// defaultCursorTimeout leaves a client time to work on a page before it asks for the next.
const defaultCursorTimeout = time.Hour

// maxCursor is more than any cursor of ours has, in bytes.
const maxCursor = 1 << 10

// mark is the place of a resource in the order of a list.
type mark struct {
	key  []byte    // by which a sorted list is sorted; nil without sorting
	kind int       // which of the types of resources that are listed
	id   uuid.UUID // which decides between equal keys
}

// cursor is what a cursor says when it is open.
type cursor struct {
	issued time.Time // in whole seconds
	query  queryHash
	total  int // of the list, when its first page was read
	sent   int // how many resources came in the pages up to here
	last   mark
}

// queryHash is of what must be the same from page to page.
type queryHash [16]byte

func hashQuery(source uuid.UUID, collections []collection, what search) queryHash {
	h := sha256.New()
	_, _ = h.Write(source[:]) // a hash never fails
	for _, part := range []string{what.filter, directory.Fold(what.sortBy), strconv.FormatBool(what.descending)} {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = h.Write([]byte(part))
	}
	for _, c := range collections {
		_, _ = h.Write([]byte(c.kind.Name))
	}
	return queryHash(h.Sum(nil))
}

// cursors seals and opens cursors.
type cursors struct {
	aead    cipher.AEAD
	timeout time.Duration
}

// newCursors takes a key of any length; without one it makes one that ends with the process.
func newCursors(key []byte, timeout time.Duration) (*cursors, error) {
	if timeout < time.Second {
		timeout = defaultCursorTimeout
	}
	if len(key) == 0 {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
	}
	derived, err := hkdf.Key(sha256.New, key, nil, "usher scim cursor 1", 32)
	if err != nil {
		return nil, fmt.Errorf("make the key of cursors: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of cursors: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of cursors: %w", err)
	}
	return &cursors{aead: aead, timeout: timeout}, nil
}

// seal writes a cursor in characters that need no escape in an address.
func (c *cursors) seal(p cursor) string {
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nil, nil, p.encode(), nil)) //nolint:gosec // the AEAD makes the nonce itself
}

// open reads a cursor that was made for a query. Errors are *fault.Error: invalidCursor, or expiredCursor when its time is over.
func (c *cursors) open(text string, query queryHash, now time.Time) (cursor, error) {
	invalid := fault.New(fault.InvalidCursor, "the cursor is not one that this server gave out, or the server was started anew since: "+
		"begin again with an empty cursor")
	if len(text) > maxCursor {
		return cursor{}, invalid
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return cursor{}, invalid
	}
	plain, err := c.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return cursor{}, invalid
	}
	p, ok := parseCursor(plain)
	if !ok {
		return cursor{}, invalid
	}
	if p.query != query {
		return cursor{}, fault.New(fault.InvalidCursor, "the cursor belongs to another list: send it with the path, filter, sortBy and sortOrder, "+
			"and for the source, that it was given for")
	}
	if now.Sub(p.issued) > c.timeout {
		return cursor{}, fault.New(fault.ExpiredCursor, "the cursor is older than %d s: begin again with an empty cursor", int64(c.timeout/time.Second))
	}
	return p, nil
}

func (p cursor) encode() []byte {
	dst := binary.AppendVarint(make([]byte, 0, 64+len(p.last.key)), p.issued.Unix())
	dst = append(dst, p.query[:]...)
	dst = binary.AppendUvarint(dst, uint64(max(p.total, 0)))
	dst = binary.AppendUvarint(dst, uint64(max(p.sent, 0)))
	dst = append(dst, byte(p.last.kind)) //nolint:gosec // there are two types of resources
	return append(append(dst, p.last.id[:]...), p.last.key...)
}

// parseCursor undoes encode; it takes any bytes.
func parseCursor(b []byte) (cursor, bool) {
	var p cursor
	issued, n := binary.Varint(b)
	if n <= 0 || len(b) < n+len(p.query) {
		return cursor{}, false
	}
	b = b[n:]
	p.issued, p.query, b = time.Unix(issued, 0), queryHash(b), b[len(p.query):]
	for _, to := range []*int{&p.total, &p.sent} {
		count, n := binary.Uvarint(b)
		if n <= 0 || count > 1<<40 {
			return cursor{}, false
		}
		*to, b = int(count), b[n:]
	}
	if len(b) < 1+len(p.last.id) {
		return cursor{}, false
	}
	p.last.kind, p.last.id = int(b[0]), uuid.UUID(b[1:1+len(p.last.id)])
	p.last.key = bytes.Clone(b[1+len(p.last.id):])
	return p, true
}
