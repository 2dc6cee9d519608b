package scim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/scim/fault"
)

func anyCursor(t *rapid.T) cursor {
	return cursor{
		issued: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "issued"), 0),
		query:  queryHash(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "query")),
		total:  rapid.IntRange(0, 1<<31).Draw(t, "total"),
		sent:   rapid.IntRange(0, 1<<31).Draw(t, "sent"),
		last: mark{
			kind: rapid.IntRange(0, 1).Draw(t, "kind"), id: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
			key: rapid.SliceOfN(rapid.Byte(), 0, maxSortKey).Draw(t, "key"),
		},
	}
}

func newTestCursors(t testing.TB, key string) *cursors {
	t.Helper()
	c, err := newCursors([]byte(key), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A cursor says again what it was made of, in unreserved characters, and shows nothing of it; any other byte in it is refused.
func TestLaw09CursorsAreSealed(t *testing.T) {
	t.Parallel()
	c, other := newTestCursors(t, "a key"), newTestCursors(t, "another")
	unreserved := regexp.MustCompile(`^[A-Za-z0-9._~-]+$`) // RFC 3986 section 2.3, as RFC 9865 wants
	rapid.Check(t, func(t *rapid.T) {
		want := anyCursor(t)
		text := c.seal(want)
		if !unreserved.MatchString(text) || len(text) > maxCursor {
			t.Fatalf("got %q", text)
		}
		got, err := c.open(text, want.query, want.issued)
		if err != nil || !bytes.Equal(got.last.key, want.last.key) {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
		got.last.key, want.last.key = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || bytes.Contains(raw, want.last.id[:]) {
			t.Fatalf("the id is to be seen in %q: %v", text, err)
		}
		raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		for name, bad := range map[string]string{"changed": base64.RawURLEncoding.EncodeToString(raw), "longer": text + "A", "shorter": text[:len(text)-1], "by another": other.seal(want)} {
			var e *fault.Error
			if _, err := c.open(bad, want.query, want.issued); !errors.As(err, &e) || e.Type != fault.InvalidCursor || e.Status != 400 {
				t.Fatalf("%s: got %v, want invalidCursor", name, err)
			}
		}
		wrong := want.query
		wrong[0]++
		var e *fault.Error
		if _, err := c.open(text, wrong, want.issued); !errors.As(err, &e) || e.Type != fault.InvalidCursor || !strings.Contains(e.Detail, "another list") {
			t.Fatalf("another query: got %v, want invalidCursor", err)
		}
		if _, err := c.open(text, want.query, want.issued.Add(time.Hour)); err != nil {
			t.Fatalf("an hour later: got %v", err)
		}
		if _, err := c.open(text, want.query, want.issued.Add(time.Hour+time.Second)); !errors.As(err, &e) || e.Type != fault.ExpiredCursor || e.Status != 400 {
			t.Fatalf("later: got %v, want expiredCursor", err)
		}
	})
}

// FuzzCursor: what a client sends as a cursor is refused, unless we made it; and what we sealed is read without a panic, whatever it says.
func FuzzCursor(f *testing.F) {
	c := newTestCursors(f, "a key")
	whole := cursor{issued: time.Unix(1, 0), total: 3, sent: 2, last: mark{kind: 1, id: uuid.UUID{1}, key: []byte{1, 'a'}}}
	f.Add(c.seal(whole), []byte{})
	f.Add("", whole.encode())
	f.Add("AAAA", whole.encode()[:20])
	f.Add("%", bytes.Repeat([]byte{0xff}, 60))
	f.Fuzz(func(t *testing.T, text string, plain []byte) {
		if got, err := c.open(text, whole.query, whole.issued); err == nil && text != c.seal(whole) && !reflect.DeepEqual(got, whole) {
			t.Fatalf("%q was taken for %v", text, got)
		}
		p, ok := parseCursor(plain)
		if !ok {
			return
		}
		again, ok := parseCursor(p.encode())
		if !ok || !bytes.Equal(again.encode(), p.encode()) {
			t.Fatalf("%x: got %v, then %v", plain, p, again)
		}
	})
}
