package audit_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// history is a store with a clock that moves one second with each change.
type history struct {
	t     *testing.T
	store *storetest.Counted
	at    time.Time
	newID func() uuid.UUID
}

func newHistory(t *testing.T) *history {
	h := &history{
		t: t, store: storetest.Counting(storetest.New(t)),
		at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
	}
	h.newID = audit.IDs(func() time.Time { return h.at })
	return h
}

func (h *history) change(persons ...uuid.UUID) audit.Change {
	h.at = h.at.Add(time.Second)
	return audit.Change{
		ID: h.newID(), At: h.at, Act: audit.UserUpdated, Persons: persons,
		Actor: audit.Actor{Kind: audit.BySource, ID: "1", Name: "okta"},
	}
}

func (h *history) update(fn func(store.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) view(fn func(store.Reader) error) {
	h.t.Helper()
	if err := h.store.View(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) append(c audit.Change, parts ...[]uuid.UUID) audit.Change {
	h.t.Helper()
	h.update(func(tx store.Tx) error { return audit.Append(tx, c, parts...) })
	c.Parts = len(parts)
	return c
}

func (h *history) settle(c audit.Change) {
	h.t.Helper()
	h.update(func(tx store.Tx) error { return audit.Settle(tx, c) })
}

func (h *history) pending(limit int) (got []audit.Change) {
	h.t.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = audit.Pending(r, limit)
		return err
	})
	return got
}

func (h *history) read(from, to time.Time) []uuid.UUID {
	h.t.Helper()
	var got []uuid.UUID
	h.view(func(r store.Reader) error {
		got = nil
		for c, err := range audit.Read(r, from, to) {
			if err != nil {
				return err
			}
			got = append(got, c.ID)
		}
		return nil
	})
	return got
}

func (h *history) ofPerson(person uuid.UUID) []uuid.UUID {
	h.t.Helper()
	var got []uuid.UUID
	h.view(func(r store.Reader) error {
		got = nil
		for c, err := range audit.OfPerson(r, person) {
			if err != nil {
				return err
			}
			got = append(got, c.ID)
		}
		return nil
	})
	return got
}

func persons(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	return ids
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAppendIsOnePut(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.append(h.change(persons(3)...))
	equal(t, "puts of a small change", h.store.Counts().Puts, int64(1))

	h.store.Reset()
	h.append(h.change(persons(1000)...), persons(1000), persons(7))
	equal(t, "puts of a change with two parts", h.store.Counts().Puts, int64(3))
}

func TestPendingIsOldestFirstAndSettledChangesLeave(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	first, second, third := h.change(), h.change(), h.change()
	third.Detail = []byte(`{"attributes":["title"]}`)
	for _, c := range []audit.Change{third, first, second} {
		h.append(c)
	}
	equal(t, "pending", h.pending(10), []audit.Change{first, second, third})
	equal(t, "pending, two at most", h.pending(2), []audit.Change{first, second})

	h.settle(second)
	equal(t, "pending after the second was settled", h.pending(10), []audit.Change{first, third})
	h.view(func(r store.Reader) error {
		got, err := audit.Get(r, second.ID)
		equal(t, "the fact", got, second)
		return err
	})
}

func TestWhatTakesAccessAwayOrConcernsEverybodyIsPendingFirst(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	joined, edit, left := h.change(), h.change(), h.change(uuid.New())
	edit.Everybody, left.Removing = true, true
	for _, c := range []audit.Change{joined, edit, left} {
		h.append(c)
	}
	var got []uuid.UUID
	for _, c := range h.pending(10) {
		got = append(got, c.ID)
	}
	if diff := cmp.Diff([]uuid.UUID{edit.ID, left.ID, joined.ID}, got); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uuid.UUID{joined.ID, edit.ID, left.ID}, h.read(time.Time{}, time.Time{})); diff != "" {
		t.Errorf("by time (-want +got):\n%s", diff)
	}
	h.settle(left)
	if got := h.pending(10); len(got) != 2 || got[0].ID != edit.ID {
		t.Errorf("after settling: got %v", got)
	}
}

func TestSettleWritesNothingOfAChangeThatIsNotPending(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	c := h.append(h.change(persons(1)...))
	h.settle(c)
	for name, c := range map[string]audit.Change{"settled": c, "never appended": h.change()} {
		err := h.store.Update(context.Background(), func(tx store.Tx) error { return audit.Settle(tx, c) })
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("settle a change that was %s: got %v, want store.ErrNotFound", name, err)
		}
	}
}

func TestAppendRefusesWhatIsNoChange(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	good := h.change()
	noID, noAct, v4 := good, good, good
	noID.ID, noAct.Act, v4.ID = uuid.Nil, "", uuid.New()
	crowded := good
	crowded.Persons = persons(1001)
	for name, refused := range map[string]func(store.Tx) error{
		"no id":              func(tx store.Tx) error { return audit.Append(tx, noID) },
		"an id without time": func(tx store.Tx) error { return audit.Append(tx, v4) },
		"no act":             func(tx store.Tx) error { return audit.Record(tx, noAct) },
		"too many persons":   func(tx store.Tx) error { return audit.Append(tx, crowded) },
		"too large a part":   func(tx store.Tx) error { return audit.Append(tx, good, persons(1001)) },
	} {
		if err := h.store.Update(context.Background(), refused); err == nil {
			t.Errorf("a change with %s was accepted", name)
		}
	}
	equal(t, "pending", h.pending(10), []audit.Change(nil))
}

func TestPartsAreSettledSliceBySlice(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	inline, a, b := persons(2), persons(3), persons(2)
	c := h.append(h.change(inline...), a, b)

	part := func(n int) (got []uuid.UUID) {
		h.view(func(r store.Reader) (err error) {
			got, err = audit.Part(r, c.ID, n)
			return err
		})
		return got
	}
	h.update(func(tx store.Tx) error { return audit.SetCursor(tx, c.ID, []byte("1")) })
	h.update(func(tx store.Tx) error { return audit.SettlePart(tx, c.ID, 0) })
	h.update(func(tx store.Tx) error { return audit.SettlePart(tx, c.ID, 0) })
	h.view(func(r store.Reader) error {
		cursor, err := audit.Cursor(r, c.ID)
		equal(t, "cursor", string(cursor), "1")
		return err
	})
	for name, person := range map[string]uuid.UUID{"inline": inline[1], "settled part": a[2], "open part": b[0]} {
		equal(t, "history of a person of the "+name, h.ofPerson(person), []uuid.UUID{c.ID})
	}

	h.settle(c)
	equal(t, "part 0 of the fact", part(0), a)
	equal(t, "part 1 of the fact", part(1), b)
	for _, person := range slices.Concat(inline, a, b) {
		equal(t, "history of a person after it was settled", h.ofPerson(person), []uuid.UUID{c.ID})
	}
	h.view(func(r store.Reader) error {
		cursor, err := audit.Cursor(r, c.ID)
		equal(t, "cursor of the fact", cursor, []byte(nil))
		if _, missing := audit.Part(r, c.ID, 2); !errors.Is(missing, store.ErrNotFound) {
			t.Errorf("a part too many: got %v, want store.ErrNotFound", missing)
		}
		return err
	})
}

func TestReadMergesOutboxAndFactsInTimeOrder(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	var all []uuid.UUID
	var times []time.Time
	for i := range 9 {
		c := h.change()
		if i%3 == 1 {
			h.update(func(tx store.Tx) error { return audit.Record(tx, c) })
		} else {
			h.append(c)
		}
		if i%3 == 2 {
			h.settle(c)
		}
		all, times = append(all, c.ID), append(times, c.At)
	}
	equal(t, "everything", h.read(time.Time{}, time.Time{}), all)
	equal(t, "from the third to before the sixth", h.read(times[2], times[5]), all[2:5])
	equal(t, "after the last", h.read(times[8].Add(time.Millisecond), time.Time{}), []uuid.UUID(nil))

	var first uuid.UUID
	h.view(func(r store.Reader) error {
		for c, err := range audit.Read(r, time.Time{}, time.Time{}) {
			first = c.ID
			return err
		}
		return nil
	})
	equal(t, "a reader that stops", first, all[0])
}

func TestOfPersonIsNewestFirst(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	kim, lee := uuid.New(), uuid.New()
	settled := h.append(h.change(kim, lee))
	h.settle(settled)
	recorded := h.change(kim)
	h.update(func(tx store.Tx) error { return audit.Record(tx, recorded) })
	h.append(h.change(lee))
	waiting := h.append(h.change(kim))
	group := h.change()
	group.WholeGroup = true
	h.append(group)

	equal(t, "before the group was expanded", h.ofPerson(kim), []uuid.UUID{waiting.ID, recorded.ID, settled.ID})
	h.update(func(tx store.Tx) error { return audit.Index(tx, group.ID, []uuid.UUID{kim}) })
	equal(t, "after it", h.ofPerson(kim), []uuid.UUID{group.ID, waiting.ID, recorded.ID, settled.ID})
	equal(t, "of a person that nothing happened to", h.ofPerson(uuid.New()), []uuid.UUID(nil))
}

func TestIDsRiseAndCarryTheClock(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 9, 0, 0, 123e6, time.UTC)
	newID := audit.IDs(func() time.Time { return at })
	last := newID()
	if got := time.Unix(last.Time().UnixTime()); !got.Equal(at) {
		t.Errorf("the time of an id: got %v, want %v", got, at)
	}
	if last.Version() != 7 || last.Variant() != uuid.RFC4122 {
		t.Errorf("got version %v and variant %v, want a UUIDv7", last.Version(), last.Variant())
	}
	for range 10_000 {
		next := newID()
		if slices.Compare(last[:], next[:]) >= 0 {
			t.Fatalf("%s follows %s", next, last)
		}
		last = next
	}
	at = at.Add(time.Hour)
	if next := newID(); slices.Compare(last[:], next[:]) >= 0 {
		t.Errorf("%s an hour later follows %s", next, last)
	}
}
