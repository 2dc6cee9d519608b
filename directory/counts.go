package directory

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// How many users and groups a source has is counted as they come and go, in the same
// transaction, so that a total costs the same whatever it is. A count is the sum of its shards, chosen
// by the id that comes or goes: writers who share a store seldom meet in one. How many members a
// group has stands in the group itself, which every change of them writes anyway.
const (
	countsTable = "counts"
	countShards = 16
)

// What is counted of a source.
const (
	countedUsers  byte = 'u'
	countedGroups byte = 'g'
)

// countKey is the key of a shard.
func countKey(what byte, source, id uuid.UUID) []byte {
	key := append(make([]byte, 0, 18), what)
	key = append(key, source[:]...)
	return append(key, id[15]%countShards) // the last bits of a UUIDv7 are random
}

// tally adds to the count that id belongs to.
func tally(tx store.Tx, what byte, source, id uuid.UUID, by int64) error {
	key := countKey(what, source, id)
	was, err := tx.Get(countsTable, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("count: %w", err)
	}
	var value [8]byte
	binary.BigEndian.PutUint64(value[:], uint64(readCount(was)+by)) //nolint:gosec // the bits are wanted
	if err := tx.Put(countsTable, key, value[:]); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	return nil
}

// countOf returns a count. A single shard may be below zero, when what went was counted elsewhere; the sum is not.
func countOf(r store.Reader, what byte, source uuid.UUID) int {
	prefix := append([]byte{what}, source[:]...)
	var n int64
	for _, value := range r.Range(countsTable, prefix, store.PrefixEnd(prefix)) {
		n += readCount(value)
	}
	return int(n)
}

func readCount(value []byte) int64 {
	if len(value) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(value)) //nolint:gosec // undoes what tally did
}

// CountUsersIn is CountUsers within a transaction.
func (d *Directory) CountUsersIn(r store.Reader, source uuid.UUID) int {
	return countOf(r, countedUsers, source)
}

// CountUsers returns how many users a source holds, without looking at them.
func (d *Directory) CountUsers(ctx context.Context, src Source) (int, error) {
	return d.count(ctx, "count users", countedUsers, src)
}

// CountGroups returns how many living groups a source has, without looking at them.
func (d *Directory) CountGroups(ctx context.Context, src Source) (int, error) {
	return d.count(ctx, "count groups", countedGroups, src)
}

func (d *Directory) count(ctx context.Context, doing string, what byte, src Source) (n int, err error) {
	err = d.store.View(ctx, func(r store.Reader) error {
		n = countOf(r, what, src.ID)
		return nil
	})
	return n, wrap(doing, err)
}

// MemberCount returns how many members a group has, pending ones left out, without looking at them. A
// group that is gone has none.
func (d *Directory) MemberCount(ctx context.Context, group uuid.UUID) (int, error) {
	n := 0
	err := d.store.View(ctx, func(r store.Reader) error {
		g, err := found(d.groups.Get(r, group[:]))
		if n = 0; g != nil {
			n = g.Members
		}
		return err
	})
	return n, wrap("count members", err)
}

// CheckCounts compares every count with what it counts, on one snapshot, and returns an error that
// names all that differ. It reads all keys of users and groups and their members.
func (d *Directory) CheckCounts(ctx context.Context) error {
	var wrong []error
	err := d.store.View(ctx, func(r store.Reader) error {
		wrong = nil
		sources, err := d.SourcesIn(r)
		if err != nil {
			return err
		}
		groups := make(map[uuid.UUID]int)
		for group, err := range d.groups.Scan(r, nil) {
			if err != nil {
				return err
			}
			if group.Deleted.IsZero() {
				groups[group.Source]++
			}
			prefix := group.ID[:]
			if n := scanned(r, membersTable, prefix); n != group.Members {
				wrong = append(wrong, fmt.Errorf("the group %s counts %d members and has %d", group.ID, group.Members, n))
			}
		}
		for _, s := range sources {
			if n, want := countOf(r, countedUsers, s.ID), scanned(r, d.records.Name(), s.ID[:]); n != want {
				wrong = append(wrong, fmt.Errorf("the source %s counts %d users and has %d", s.Name, n, want))
			}
			if n, want := countOf(r, countedGroups, s.ID), groups[s.ID]; n != want {
				wrong = append(wrong, fmt.Errorf("the source %s counts %d groups and has %d", s.Name, n, want))
			}
		}
		return nil
	})
	return wrap("check counts", errors.Join(append(wrong, err)...))
}

// scanned counts the keys of a table that begin with prefix.
func scanned(r store.Reader, table string, prefix []byte) int {
	n := 0
	for range r.Range(table, prefix, store.PrefixEnd(prefix)) {
		n++
	}
	return n
}
