package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

type person struct {
	ID, Name, City string
	Tags           []string
}

// people has one unique index and two plain ones.
func people() *store.Table[person] {
	return store.NewTable("people", func(p *person) []byte { return []byte(p.ID) }, nil,
		store.Index[person]{Name: "name", Unique: true, Keys: func(p *person) [][]byte { return optional(p.Name) }},
		store.Index[person]{
			Name: "city", Keys: func(p *person) [][]byte { return optional(p.City) },
			Same: func(a, b *person) bool { return a.City == b.City },
		},
		store.Index[person]{Name: "tag", Keys: func(p *person) [][]byte {
			var keys [][]byte
			for _, tag := range p.Tags {
				keys = append(keys, store.Key(store.String(tag), store.String(p.Name)))
			}
			return keys
		}})
}

func optional(s string) [][]byte {
	if s == "" {
		return nil
	}
	return [][]byte{[]byte(s)}
}

func update(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// within runs the check on a snapshot.
func within(t *testing.T, s store.Store, check func(store.Reader)) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error { check(r); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func ids(t *testing.T, records iter.Seq2[*person, error]) string {
	t.Helper()
	var got []string
	for p, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.ID)
	}
	return strings.Join(got, " ")
}

func joined(t *testing.T, keys iter.Seq2[[]byte, error]) string {
	t.Helper()
	return strings.Join(collect(t, keys), " ")
}

// collect takes a test of either kind.
func collect(t interface{ Fatal(...any) }, keys iter.Seq2[[]byte, error]) []string {
	got := []string{}
	for key, err := range keys {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(key))
	}
	return got
}

// What a write costs is a promise: every put more is felt by each request.
func TestWritesTouchOnlyWhatDiffers(t *testing.T) {
	table := people()
	s := storetest.Counting(storetest.New(t))
	steps := []struct {
		name          string
		record        person
		puts, deletes int64
	}{
		{"insert: the record and three entries", person{ID: "1", Name: "kim", City: "Rome", Tags: []string{"x"}}, 4, 0},
		{"an equal record", person{ID: "1", Name: "kim", City: "Rome", Tags: []string{"x"}}, 0, 0},
		{"another city", person{ID: "1", Name: "kim", City: "Oslo", Tags: []string{"x"}}, 2, 1},
		{"one tag more, twice", person{ID: "1", Name: "kim", City: "Oslo", Tags: []string{"y", "x", "y"}}, 2, 0},
		{"no city", person{ID: "1", Name: "kim", Tags: []string{"y", "x"}}, 1, 1},
		{"another name, which two tags repeat", person{ID: "1", Name: "lee", Tags: []string{"y", "x"}}, 4, 3},
		{"a new record without values", person{ID: "2"}, 1, 0},
	}
	for _, c := range steps {
		s.Reset()
		update(t, s, func(tx store.Tx) error { return table.Put(tx, &c.record) })
		if got := s.Counts(); got.Puts != c.puts || got.Deletes != c.deletes {
			t.Errorf("%s: got %d puts, %d deletes, want %d, %d", c.name, got.Puts, got.Deletes, c.puts, c.deletes)
		}
	}
	s.Reset()
	update(t, s, func(tx store.Tx) error { return table.Delete(tx, []byte("1")) })
	if got := s.Counts(); got.Puts != 0 || got.Deletes != 4 {
		t.Errorf("delete: got %d puts, %d deletes, want 0, 4", got.Puts, got.Deletes)
	}
	s.Reset()
	update(t, s, func(tx store.Tx) error {
		return table.Insert(tx, &person{ID: "3", Name: "kim", City: "Rome", Tags: []string{"x"}})
	})
	if got, want := s.Counts(), (storetest.Counts{Puts: 4, Gets: 2, Updates: 1}); got != want {
		t.Errorf("insert: got %+v, want %+v", got, want)
	}
}

func TestInsertPutAndDeleteRefuse(t *testing.T) {
	s, table := storetest.New(t), people()
	update(t, s, func(tx store.Tx) error { return table.Insert(tx, &person{ID: "1", Name: "kim", City: "Rome"}) })
	taken := &store.UniqueError{Table: "people", Index: "name", Key: []byte("1")}
	for _, c := range []struct {
		name  string
		write func(store.Tx) error
		want  error
	}{
		{"insert over a record", func(tx store.Tx) error { return table.Insert(tx, &person{ID: "1", Name: "new"}) }, store.ErrExists},
		{"insert of a taken name", func(tx store.Tx) error { return table.Insert(tx, &person{ID: "2", Name: "kim", City: "Oslo"}) }, taken},
		{"put of a taken name", func(tx store.Tx) error { return table.Put(tx, &person{ID: "2", Name: "kim", City: "Oslo"}) }, taken},
		{"no primary key", func(tx store.Tx) error { return table.Put(tx, &person{}) }, store.ErrKeyEmpty},
		{"a primary key too long", func(tx store.Tx) error {
			return table.Put(tx, &person{ID: strings.Repeat("k", store.MaxPrimaryKey+1)})
		}, store.ErrKeyTooLong},
		{"delete of nothing", func(tx store.Tx) error { return table.Delete(tx, []byte("2")) }, store.ErrNotFound},
	} {
		var got error
		update(t, s, func(tx store.Tx) error {
			got = c.write(tx)
			if n := joined(t, table.FindKeys(tx, "city", nil)); n != "1" {
				t.Errorf("%s: left the index with %q, want 1", c.name, n)
			}
			return nil // the transaction goes on and commits
		})
		if unique := (*store.UniqueError)(nil); errors.As(got, &unique) {
			if diff := cmp.Diff(unique, c.want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", c.name, diff)
			}
		} else if !errors.Is(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	within(t, s, func(r store.Reader) {
		if got := ids(t, table.Scan(r, nil)); got != "1" {
			t.Errorf("got the records %q, want 1", got)
		}
	})
}

func TestScans(t *testing.T) {
	s, table := storetest.New(t), people()
	update(t, s, func(tx store.Tx) error {
		var err error
		for _, id := range []string{"a", "a1", "a2", "a3", "b"} {
			err = errors.Join(err, table.Insert(tx, &person{ID: id}))
		}
		return err
	})
	within(t, s, func(r store.Reader) {
		for _, c := range []struct{ prefix, after, want string }{
			{"", "", "a a1 a2 a3 b"},
			{"a", "", "a a1 a2 a3"},
			{"a", "a", "a1 a2 a3"},
			{"a", "a15", "a2 a3"},
			{"a", "a3", ""},
			{"a", "b", ""},
			{"b", "a", "b"},
			{"c", "", ""},
		} {
			var after []byte
			if c.after != "" {
				after = []byte(c.after)
			}
			if got := ids(t, table.ScanAfter(r, []byte(c.prefix), after)); got != c.want {
				t.Errorf("prefix %q after %q: got %q, want %q", c.prefix, c.after, got, c.want)
			}
		}
		for p, err := range table.Scan(r, nil) {
			if err != nil || p.ID != "a" {
				t.Errorf("got %v, %v, want a first", p, err)
			}
			break
		}
	})
}

func TestFinds(t *testing.T) {
	s, table := storetest.New(t), people()
	update(t, s, func(tx store.Tx) error {
		var err error
		for _, p := range []person{
			{ID: "1", Name: "ann", City: "Rome", Tags: []string{"x", "xy"}},
			{ID: "2", Name: "anna", City: "Rom", Tags: []string{"x"}},
			{ID: "3", Name: "zoe", City: "Rome\x00", Tags: []string{"x"}},
			{ID: "4", City: "Rome"},
			{ID: "5"},
		} {
			err = errors.Join(err, table.Insert(tx, &p))
		}
		return err
	})
	of := func(tag string) []byte { return store.Key(store.String(tag)) }
	within(t, s, func(r store.Reader) {
		for name, c := range map[string]struct{ got, want string }{
			"a prefix":                           {joined(t, table.FindKeys(r, "city", []byte("Rom"))), "2 1 4 3"},
			"all":                                {joined(t, table.FindKeys(r, "city", nil)), "2 1 4 3"},
			"a whole value":                      {joined(t, table.FindEqualKeys(r, "city", []byte("Rome"))), "1 4"},
			"a whole value, the records":         {ids(t, table.FindEqual(r, "city", []byte("Rome"))), "1 4"},
			"a prefix of a unique index":         {ids(t, table.Find(r, "name", []byte("an"))), "1 2"},
			"a part of a key ends where it ends": {ids(t, table.Find(r, "tag", of("x"))), "1 2 3"},
			"a prefix ending in a zero byte":     {ids(t, table.Find(r, "city", []byte("Rome\x00"))), "3"},
			"behind a place":                     {ids(t, table.FindAfter(r, "city", []byte("Rom"), []byte("Rome"), []byte("1"))), "4 3"},
			"behind a place that is gone":        {joined(t, table.FindKeysAfter(r, "city", nil, []byte("Roma"), []byte("9"))), "1 4 3"},
			"behind a place in a unique index":   {ids(t, table.FindAfter(r, "name", nil, []byte("ann"), []byte("1"))), "2 3"},
			"behind the last":                    {ids(t, table.FindAfter(r, "tag", of("x"), store.Key([]byte("x"), []byte("zoe")), []byte("3"))), ""},
			"nothing":                            {ids(t, table.Find(r, "city", []byte("Oslo"))), ""},
		} {
			if c.got != c.want {
				t.Errorf("%s: got %q, want %q", name, c.got, c.want)
			}
		}
		if got, err := table.Lookup(r, "name", []byte("anna")); err != nil || got.ID != "2" {
			t.Errorf("look up anna: got %v, %v, want 2", got, err)
		}
		for name, fn := range map[string]func() (*person, error){
			"an unknown value": func() (*person, error) { return table.Lookup(r, "name", []byte("an")) },
			"an unknown key":   func() (*person, error) { return table.Get(r, []byte("9")) },
		} {
			if got, err := fn(); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: got %v, %v, want %v", name, got, err, store.ErrNotFound)
			}
		}
		if _, err := table.Lookup(r, "city", []byte("Rome")); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("look up in a plain index: got %v, want that it is not unique", err)
		}
	})
}

func TestLongValuesAreFoundAndUnique(t *testing.T) {
	s, table := storetest.New(t), people()
	long := strings.Repeat("\x00", 3000)
	key := strings.Repeat("\xff", store.MaxPrimaryKey)
	update(t, s, func(tx store.Tx) error {
		err := errors.Join(
			table.Insert(tx, &person{ID: key, Name: long, City: long}),
			table.Insert(tx, &person{ID: "2", Name: long + "x", City: long + "x"}))
		if taken := (*store.UniqueError)(nil); !errors.As(table.Insert(tx, &person{ID: "3", Name: long}), &taken) || string(taken.Key) != key {
			t.Errorf("got %v, want that the long name is taken", taken)
		}
		return err
	})
	within(t, s, func(r store.Reader) {
		if got, err := table.LookupKey(r, "name", []byte(long+"x")); err != nil || string(got) != "2" {
			t.Errorf("got %q, %v, want 2", got, err)
		}
		if got := joined(t, table.FindEqualKeys(r, "city", []byte(long))); got != key {
			t.Errorf("got %q, want the first", got)
		}
		if got := strings.Fields(joined(t, table.FindKeys(r, "city", []byte(long[:store.MaxIndexPrefix])))); len(got) != 2 {
			t.Errorf("got %d by the longest prefix, want 2", len(got))
		}
		for _, err := range table.Find(r, "city", []byte(long)) {
			if !errors.Is(err, store.ErrKeyTooLong) {
				t.Errorf("a prefix too long: got %v, want %v", err, store.ErrKeyTooLong)
			}
		}
	})
}

func TestDamagedRecordsAreErrors(t *testing.T) {
	s, table := storetest.New(t), people()
	update(t, s, func(tx store.Tx) error {
		return errors.Join(
			table.Insert(tx, &person{ID: "1", Name: "kim", City: "Rome"}),
			table.Insert(tx, &person{ID: "2", Name: "lee", City: "Oslo"}),
			tx.Put("people", []byte("1"), []byte("{")),
			tx.Delete("people", []byte("2")))
	})
	single := func(_ *person, err error) error { return err }
	first := func(records iter.Seq2[*person, error]) error {
		n := 0
		var first error
		for _, err := range records {
			n++
			first = err
		}
		if n != 1 {
			return fmt.Errorf("%d results, want the error alone: %w", n, store.ErrNotFound)
		}
		return first
	}
	update(t, s, func(tx store.Tx) error {
		for name, err := range map[string]error{
			"get":                       single(table.Get(tx, []byte("1"))),
			"look up":                   single(table.Lookup(tx, "name", []byte("kim"))),
			"scan":                      first(table.Scan(tx, nil)),
			"find":                      first(table.Find(tx, "city", []byte("Rome"))),
			"put":                       table.Put(tx, &person{ID: "1"}),
			"delete":                    table.Delete(tx, []byte("1")),
			"look up what is not there": single(table.Lookup(tx, "name", []byte("lee"))),
			"find what is not there":    first(table.Find(tx, "city", []byte("Oslo"))),
			"find in no index":          first(table.Find(tx, "none", nil)),
			"look up in no index":       single(table.Lookup(tx, "none", nil)),
		} {
			if err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: got %v, want an error that tells of the damage", name, err)
			}
		}
		return nil
	})
}

func TestNewTableRefusesAWrongDescription(t *testing.T) {
	key := func(p *person) []byte { return []byte(p.ID) }
	keys := func(*person) [][]byte { return nil }
	for name, build := range map[string]func(){
		"no name":           func() { store.NewTable("", key, nil) },
		"a dot in the name": func() { store.NewTable("a.b", key, nil) },
		"no key":            func() { store.NewTable[person]("a", nil, nil) },
		"an index twice": func() {
			store.NewTable("a", key, nil, store.Index[person]{Name: "i", Keys: keys}, store.Index[person]{Name: "i", Keys: keys})
		},
		"an index unnamed":    func() { store.NewTable("a", key, nil, store.Index[person]{Keys: keys}) },
		"an index of nothing": func() { store.NewTable("a", key, nil, store.Index[person]{Name: "i"}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			build()
		})
	}
}

// upper is a codec other than JSON.
type upper struct{}

func (upper) Encode(p *person) ([]byte, error) {
	if p.Name == "unspeakable" {
		return nil, errors.New("no word for it")
	}
	return []byte(p.ID + "=" + strings.ToUpper(p.Name)), nil
}

func (upper) Decode(data []byte) (*person, error) {
	id, name, _ := bytes.Cut(data, []byte("="))
	return &person{ID: string(id), Name: string(name)}, nil
}

func TestACodecOfItsOwn(t *testing.T) {
	s := storetest.New(t)
	table := store.NewTable("people", func(p *person) []byte { return []byte(p.ID) }, upper{})
	update(t, s, func(tx store.Tx) error {
		if err := table.Put(tx, &person{ID: "2", Name: "unspeakable"}); err == nil {
			t.Error("put what cannot be encoded")
		}
		return table.Put(tx, &person{ID: "1", Name: "kim"})
	})
	within(t, s, func(r store.Reader) {
		if got, err := table.Get(r, []byte("1")); err != nil || got.Name != "KIM" {
			t.Errorf("got %v, %v, want KIM", got, err)
		}
	})
}

// Any history of writes leaves the indexes as if they were built anew from the records.
func TestIndexesFollowTheRecords(t *testing.T) {
	s, table := storetest.New(t), people()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"", "a", "aa", "b", "a\x00"})
		records := map[string]person{}
		err := s.Update(context.Background(), func(tx store.Tx) error {
			for range rapid.IntRange(1, 30).Draw(t, "writes") {
				p := person{ID: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "id"), Name: word.Draw(t, "name"), City: word.Draw(t, "city"), Tags: rapid.SliceOfN(word, 0, 3).Draw(t, "tags")}
				_, there := records[p.ID]
				holder := slices.ContainsFunc(slices.Collect(maps.Values(records)), func(other person) bool {
					return other.ID != p.ID && p.Name != "" && other.Name == p.Name
				})
				var err error
				var want bool
				switch rapid.SampledFrom([]string{"insert", "put", "replace", "remove", "delete"}).Draw(t, "write") {
				case "insert":
					err, want = table.Insert(tx, &p), !there && !holder
				case "put":
					err, want = table.Put(tx, &p), !holder
				case "replace":
					old, missing := table.Get(tx, []byte(p.ID))
					if (missing == nil) != there {
						t.Fatalf("get %s: got %v, there: %v", p.ID, missing, there)
					}
					err, want = table.Replace(tx, old, &p), !holder
				case "remove":
					old, missing := table.Get(tx, []byte(p.ID))
					if missing != nil {
						continue
					}
					if err, want = table.Remove(tx, old), true; err == nil {
						delete(records, p.ID)
						continue
					}
				case "delete":
					if err, want = table.Delete(tx, []byte(p.ID)), there; err == nil {
						delete(records, p.ID)
						continue
					}
				}
				if (err == nil) != want {
					t.Fatalf("%+v among %+v: got %v, want success: %v", p, records, err, want)
				}
				if err == nil {
					records[p.ID] = p
				}
			}
			compareIndexes(t, tx, table, records)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Update(context.Background(), func(tx store.Tx) error {
			compareIndexes(t, tx, table, records)
			for id := range records {
				if failed := table.Delete(tx, []byte(id)); failed != nil {
					return failed
				}
			}
			compareIndexes(t, tx, table, nil)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// compareIndexes compares each index with what the records say.
func compareIndexes(t *rapid.T, r store.Reader, table *store.Table[person], records map[string]person) {
	want := map[string][]string{"name": {}, "city": {}, "tag": {}}
	for _, p := range records {
		if p.Name != "" {
			want["name"] = append(want["name"], p.ID)
		}
		if p.City != "" {
			want["city"] = append(want["city"], p.ID)
		}
		for range slices.Compact(slices.Sorted(slices.Values(p.Tags))) {
			want["tag"] = append(want["tag"], p.ID)
		}
	}
	for index, ids := range want {
		got := collect(t, table.FindKeys(r, index, nil))
		slices.Sort(got)
		slices.Sort(ids)
		if diff := cmp.Diff(got, ids); diff != "" {
			t.Fatalf("index %s (-got +want):\n%s", index, diff)
		}
	}
	for id, p := range records {
		if got, err := table.Lookup(r, "name", []byte(p.Name)); p.Name != "" && (err != nil || got.ID != id) {
			t.Fatalf("look up %q: got %v, %v, want %s", p.Name, got, err, id)
		}
		if got := collect(t, table.FindEqualKeys(r, "city", []byte(p.City))); p.City != "" && !slices.Contains(got, id) {
			t.Fatalf("city %q: got %q, want %s among them", p.City, got, id)
		}
	}
}
