package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// markedBox stands for the box of package secrets: it marks what it wraps with the record's name and the key's age.
type markedBox struct{ age byte }

func (b markedBox) Seal(name string, plain []byte) []byte {
	return append([]byte{b.age, byte(len(name))}, name+string(plain)...)
}

func (b markedBox) Open(name string, sealed []byte) ([]byte, error) {
	head := string([]byte{byte(len(name))}) + name
	if len(sealed) < 1 || !strings.HasPrefix(string(sealed[1:]), head) {
		return nil, errors.New("the box does not open " + name)
	}
	return sealed[1+len(head):], nil
}

func (b markedBox) Current(sealed []byte) bool { return len(sealed) > 0 && sealed[0] == b.age }

var signer = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// book is a history with a chain over it: segments of five facts, slices of three.
type book struct {
	*history
	chain *audit.Chain
}

func newBook(t *testing.T) *book {
	b := &book{history: newHistory(t)}
	b.chain = b.open(b.store)
	return b
}

func (b *book) open(s store.Store) *audit.Chain {
	return audit.New(audit.Options{
		Store: s, Box: markedBox{}, Key: signer, Now: func() time.Time { return b.at }, NewID: b.newID, Slice: 3, Segment: 5,
	})
}

// fact is one about a person's account, with an open and a personal value.
func (b *book) fact(person uuid.UUID) audit.Change {
	c := b.change(person)
	c.Act, c.App, c.Account = audit.AccountRemoved, "zoom", uuid.New()
	c.Detail = json.RawMessage(`{"reason":"deactivated","vendorId":"kim@acme.example"}`)
	return c
}

func (b *book) record(changes ...audit.Change) {
	b.t.Helper()
	b.update(func(tx store.Tx) error {
		for _, c := range changes {
			if err := audit.Record(tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *book) seal() {
	b.t.Helper()
	if err := b.chain.SealAll(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// sealed returns a book with n sealed facts about as many persons.
func sealedBook(t *testing.T, n int) (*book, []audit.Change) {
	b := newBook(t)
	var all []audit.Change
	for range n {
		c := b.fact(uuid.New())
		b.record(c)
		all = append(all, c)
	}
	b.seal()
	b.good("before anybody touched it")
	return b, all
}

func (b *book) verify() audit.Report {
	b.t.Helper()
	report, err := b.chain.Verify(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return report
}

func (b *book) good(when string) audit.Report {
	b.t.Helper()
	report := b.verify()
	if !report.Valid {
		b.t.Fatalf("%s: the chain does not verify: %+v", when, report.Problems)
	}
	return report
}

func (b *book) find(f audit.Filter) (ids []uuid.UUID) {
	b.t.Helper()
	for {
		page, next, err := b.chain.Find(b.t.Context(), f)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, c := range page {
			ids = append(ids, c.ID)
		}
		if next == uuid.Nil {
			return ids
		}
		f.Before = next
	}
}

func (b *book) export(o audit.ExportOptions) string {
	b.t.Helper()
	var out strings.Builder
	if err := b.chain.Export(b.t.Context(), &out, o); err != nil {
		b.t.Fatal(err)
	}
	return out.String()
}

func verifyText(t *testing.T, text string) (audit.Report, error) {
	t.Helper()
	return audit.VerifyExport(strings.NewReader(text), []ed25519.PublicKey{signer.Public().(ed25519.PublicKey)})
}

func row(r store.Reader, table string, key []byte) []byte {
	value, err := r.Get(table, key)
	if err != nil {
		panic(err)
	}
	return bytes.Clone(value)
}

const (
	sealedRows = "audit.sealed"
	headRows   = "audit.head"
)

func at(position uint64) []byte { return store.Uint64(position) }

func TestSealingKeepsTheOrderOfArrivalAndReadersSeeOneHistory(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	late := b.fact(uuid.New()) // its id is the lowest, and it is committed last
	early := []audit.Change{b.fact(uuid.New()), b.fact(uuid.New()), b.fact(uuid.New()), b.fact(uuid.New())}
	b.record(early...)
	b.seal()
	first := b.good("after the first facts")
	b.record(late)
	waiting := b.fact(uuid.New())
	report := b.good("while a fact waits")
	equal(t, "facts that wait", report.Waiting, 1)
	b.seal()
	b.record(waiting)
	report = b.good("after the late one")
	equal(t, "sealed", report.To, uint64(5))
	equal(t, "signed", report.Signed, uint64(5))
	if first.Link == report.Link || first.To != 4 {
		t.Errorf("the late fact was not put behind the others: %+v, then %+v", first, report)
	}
	equal(t, "history in time order", b.read(time.Time{}, time.Time{}),
		[]uuid.UUID{late.ID, early[0].ID, early[1].ID, early[2].ID, early[3].ID, waiting.ID})
	equal(t, "history of the late fact's person", b.ofPerson(late.Persons[0]), []uuid.UUID{late.ID})
	b.view(func(r store.Reader) error {
		shut, err := audit.Get(r, late.ID)
		if err != nil {
			return err
		}
		if strings.Contains(string(shut.Detail), "acme") || shut.Shut == nil {
			t.Errorf("the personal value is not shut: %s", shut.Detail)
		}
		opened, err := b.chain.Open(r, shut)
		equal(t, "the fact, opened", opened, late)
		return err
	})
	err := b.store.Update(t.Context(), func(tx store.Tx) error { return audit.Record(tx, late) })
	if !errors.Is(err, store.ErrExists) {
		t.Errorf("record a fact a second time: got %v, want store.ErrExists", err)
	}
}

func TestEveryChangedByteOfASealedFactIsFound(t *testing.T) {
	t.Parallel()
	b, all := sealedBook(t, 7)
	var before []byte
	b.view(func(r store.Reader) error { before = row(r, sealedRows, at(4)); return nil })
	for i := range before {
		changed := bytes.Clone(before)
		changed[i] ^= 1 << (i % 8)
		b.update(func(tx store.Tx) error { return tx.Put(sealedRows, at(4), changed) })
		report := b.verify()
		if report.Valid || report.Problems[0].Position != 4 {
			t.Fatalf("byte %d: got %+v, want a problem at position 4", i, report.Problems)
		}
		for _, p := range report.Problems {
			if p.Position != 4 {
				t.Errorf("byte %d: the fact at position %d is accused too: %s", i, p.Position, p.Text)
			}
		}
		if inID := i >= 32 && i < 48; !inID && report.Problems[0].Fact != all[3].ID {
			t.Errorf("byte %d: got the fact %s, want %s", i, report.Problems[0].Fact, all[3].ID)
		}
	}
	b.update(func(tx store.Tx) error { return tx.Put(sealedRows, at(4), before) })
	b.good("when it is put back")
}

func TestTamperingIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		tamper func(b *book, tx store.Tx, all []audit.Change) error
		kind   audit.ProblemKind
		at     uint64
		fact   int // index of the fact that is named; -1 for none
		text   string
	}{
		{"a fact is dropped", func(_ *book, tx store.Tx, _ []audit.Change) error {
			return tx.Delete(sealedRows, at(3))
		}, audit.Missing, 3, 2, "the fact at position 3 is missing"},
		{"two facts are swapped", func(_ *book, tx store.Tx, _ []audit.Change) error {
			two, six := row(tx, sealedRows, at(2)), row(tx, sealedRows, at(6))
			return errors.Join(tx.Put(sealedRows, at(2), six), tx.Put(sealedRows, at(6), two))
		}, audit.Moved, 2, 5, "it was sealed at position 6"},
		{"a fact is put behind the end", func(_ *book, tx store.Tx, _ []audit.Change) error {
			return tx.Put(sealedRows, at(8), row(tx, sealedRows, at(7)))
		}, audit.Added, 8, -1, "behind the head"},
		{"the end is cut off", func(_ *book, tx store.Tx, _ []audit.Change) error {
			return errors.Join(tx.Delete(sealedRows, at(6)), tx.Delete(sealedRows, at(7)))
		}, audit.Missing, 7, 6, "2 facts, at positions 6 to 7, are missing"},
		{"the end is cut off, and the checkpoint before it is made the head", func(_ *book, tx store.Tx, _ []audit.Change) error {
			cp := row(tx, "audit.checkpoints", at(1))
			return errors.Join(tx.Delete(sealedRows, at(6)), tx.Delete(sealedRows, at(7)), tx.Put(headRows, []byte("head"), cp))
		}, audit.Missing, 6, 5, "behind the end of the chain"},
		{"the head is gone", func(_ *book, tx store.Tx, _ []audit.Change) error {
			return tx.Delete(headRows, []byte("head"))
		}, audit.Added, 1, -1, "behind the head"},
		{"the head says another time", func(_ *book, tx store.Tx, _ []audit.Change) error {
			return tx.Put(headRows, []byte("head"), bytes.Replace(row(tx, headRows, []byte("head")), []byte(`"opened":"2026`), []byte(`"opened":"2025`), 1))
		}, audit.BadCheckpoint, 7, -1, "was changed after it was signed"},
		{"a checkpoint is gone", func(_ *book, tx store.Tx, _ []audit.Change) error {
			return tx.Delete("audit.checkpoints", at(1))
		}, audit.BadCheckpoint, 0, -1, "the checkpoint 1 is missing"},
		{"the beginning is removed as if it was pruned", func(_ *book, tx store.Tx, _ []audit.Change) error {
			cp := row(tx, "audit.checkpoints", at(1))
			for i := range uint64(5) {
				if err := tx.Delete(sealedRows, at(i+1)); err != nil {
					return err
				}
			}
			return tx.Put(headRows, []byte("base"), fmt.Appendf(nil, `{"checkpoint":%s,"fact":%q}`, cp, uuid.New().String()))
		}, audit.Missing, 5, -1, "no fact says that they were pruned"},
		{"a person's key is gone", func(_ *book, tx store.Tx, all []audit.Change) error {
			return tx.Delete("audit.person-keys", all[3].Persons[0][:])
		}, audit.BadKey, 4, 3, "though nobody erased"},
		{"a person's key is another's", func(_ *book, tx store.Tx, all []audit.Change) error {
			key := row(tx, "audit.person-keys", all[3].Persons[0][:])
			key[len(key)-1] ^= 1
			return tx.Put("audit.person-keys", all[3].Persons[0][:], key)
		}, audit.BadKey, 4, 3, "was changed"},
		{"a fact is hidden from its app", func(_ *book, tx store.Tx, all []audit.Change) error {
			return tx.Delete("audit.apps", append(store.Key([]byte("zoom")), all[3].ID[:]...))
		}, audit.BadIndex, 4, 3, "not found by its app"},
		{"a fact is hidden from its person", func(_ *book, tx store.Tx, all []audit.Change) error {
			return tx.Delete("audit.persons", append(bytes.Clone(all[3].Persons[0][:]), all[3].ID[:]...))
		}, audit.BadIndex, 4, 3, "not found by the person"},
		{"a fact is hidden from its id", func(_ *book, tx store.Tx, all []audit.Change) error {
			return tx.Delete("audit.places", all[3].ID[:])
		}, audit.BadIndex, 4, 3, "cannot be found by its id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b, all := sealedBook(t, 7)
			b.update(func(tx store.Tx) error { return tc.tamper(b, tx, all) })
			report := b.verify()
			if report.Valid {
				t.Fatal("it was not found")
			}
			p := report.Problems[0]
			want := uuid.Nil
			if tc.fact >= 0 {
				want = all[tc.fact].ID
			}
			if p.Kind != tc.kind || p.Position != tc.at || p.Fact != want || !strings.Contains(p.Text, tc.text) {
				t.Errorf("got %+v, want %s at %d of the fact %s with %q", report.Problems, tc.kind, tc.at, want, tc.text)
			}
		})
	}
}

// TestLinksWrittenAnewDoNotFitTheSignature is the attack of somebody who can write the store but has not the key.
func TestLinksWrittenAnewDoNotFitTheSignature(t *testing.T) {
	t.Parallel()
	b, _ := sealedBook(t, 7)
	forged := newBook(t)
	forged.at = b.at.Add(-7 * time.Second)
	for range 7 {
		c := forged.fact(uuid.New())
		c.App = "slack"
		forged.record(c)
	}
	forged.seal()
	var rows, places, apps, keys map[string][]byte
	all := func(r store.Reader, table string) map[string][]byte {
		m := map[string][]byte{}
		for k, v := range r.Range(table, nil, nil) {
			m[string(k)] = bytes.Clone(v)
		}
		return m
	}
	forged.view(func(r store.Reader) error {
		rows, places, apps, keys = all(r, sealedRows), all(r, "audit.places"), all(r, "audit.apps"), all(r, "audit.person-keys")
		return nil
	})
	persons := map[string][]byte{}
	forged.view(func(r store.Reader) error { persons = all(r, "audit.persons"); return nil })
	b.update(func(tx store.Tx) error {
		for table, m := range map[string]map[string][]byte{sealedRows: rows, "audit.places": places, "audit.apps": apps, "audit.person-keys": keys, "audit.persons": persons} {
			for k := range all(tx, table) {
				if err := tx.Delete(table, []byte(k)); err != nil {
					return err
				}
			}
			for k, v := range m {
				if err := tx.Put(table, []byte(k), v); err != nil {
					return err
				}
			}
		}
		return nil
	})
	report := b.verify()
	if report.Valid || report.Problems[0].Kind != audit.BadCheckpoint || !strings.Contains(report.Problems[0].Text, "positions 1 to 5") {
		t.Errorf("got %+v, want that the checkpoint 1 does not fit", report.Problems)
	}
}

func TestErasingDestroysTheValuesAndNoLink(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	kim, lee := uuid.New(), uuid.New()
	old, other, fresh := b.fact(kim), b.fact(lee), b.fact(kim)
	b.record(old, other)
	b.seal()
	b.record(fresh) // it waits when the person is erased
	before := b.good("before")
	erasure, err := b.chain.Erase(t.Context(), audit.Actor{Kind: audit.ByAdmin, Name: "ada"}, kim)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.chain.Erase(t.Context(), audit.Actor{Kind: audit.ByAdmin, Name: "ada"}, kim)
	if err != nil || again != erasure {
		t.Errorf("a second time: got %+v, %v, want the first erasure %+v", again, err, erasure)
	}
	later := b.fact(kim)
	b.record(later)
	b.seal()
	report := b.good("after the person was erased")
	equal(t, "sealed", report.To, before.To+3)

	found, _, err := b.chain.Find(t.Context(), audit.Filter{Person: kim})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "facts of the person", len(found), 4)
	for _, c := range found {
		if c.Act == audit.PersonErased {
			equal(t, "who erased", c.Actor.Name, "ada")
			continue
		}
		if !c.Erased || string(c.Detail) != `{"reason":"deactivated"}` || c.App != "zoom" || c.Persons[0] != kim {
			t.Errorf("after erasing, want the state without the personal value: %+v, %s", c, c.Detail)
		}
	}
	found, _, err = b.chain.Find(t.Context(), audit.Filter{Person: lee})
	if err != nil || found[0].Erased || !strings.Contains(string(found[0].Detail), "kim@acme.example") {
		t.Errorf("another person's facts: %+v, %v", found, err)
	}
	b.view(func(r store.Reader) error {
		for _, table := range []string{"audit.person-keys", "audit.facts"} {
			for k := range r.Range(table, kim[:], store.PrefixEnd(kim[:])) {
				t.Errorf("%s still has %x", table, k)
			}
		}
		_, err := audit.Erased(r, lee)
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("somebody else counts as erased: %v", err)
		}
		return nil
	})
	text := b.export(audit.ExportOptions{Format: audit.JSONLines, Personal: true})
	if n := strings.Count(text, `"shut":"erased"`); n != 2 {
		t.Errorf("%d facts of the export are erased, want 2:\n%s", n, text)
	}
	if report, err := verifyText(t, text); err != nil || !report.Valid {
		t.Errorf("the export does not verify: %+v, %v", report, err)
	}
}

func TestPruningRemovesWholeSegmentsBehindASignature(t *testing.T) {
	t.Parallel()
	b, all := sealedBook(t, 13) // segments of 5, 5 and 3
	admin := audit.Actor{Kind: audit.ByAdmin, Name: "ada"}
	plan, err := b.chain.Prunable(t.Context(), all[9].At)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "before the last fact of the second segment", plan.Facts, uint64(5))
	cut := all[9].At.Add(time.Millisecond)
	pruned, err := b.chain.Prune(t.Context(), admin, cut)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "pruned", pruned.Facts, uint64(10))
	b.seal()
	report := b.good("after the prune")
	equal(t, "it begins behind what was pruned", []uint64{report.From, report.To}, []uint64{11, 14})
	for _, c := range all[:10] {
		equal(t, "history of a pruned person", b.ofPerson(c.Persons[0]), []uuid.UUID(nil))
	}
	equal(t, "the app's history", len(b.find(audit.Filter{App: "zoom"})), 3)
	b.view(func(r store.Reader) error {
		n := 0
		for range r.Range("audit.person-keys", nil, nil) {
			n++
		}
		equal(t, "keys of persons that are left", n, 3)
		return nil
	})
	again, err := b.chain.Prune(t.Context(), admin, cut)
	if err != nil || again.Facts != 0 {
		t.Errorf("a second time: got %+v, %v, want nothing", again, err)
	}
	text := b.export(audit.ExportOptions{Format: audit.JSONLines})
	if report, err := verifyText(t, text); err != nil || !report.Valid || report.From != 11 {
		t.Errorf("the export after it: %+v, %v", report, err)
	}
	var discarded strings.Builder
	if err := b.chain.Export(t.Context(), &discarded, audit.ExportOptions{Format: audit.JSONLines, After: 3}); !errors.Is(err, audit.ErrPruned) {
		t.Errorf("export from what was pruned: got %v, want ErrPruned", err)
	}
}

func TestFactsAreFoundByPersonAppActAndTime(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	kim, lee := uuid.New(), uuid.New()
	one, two, three := b.fact(kim), b.fact(lee), b.fact(kim)
	two.App, three.Act = "slack", audit.AccountCreated
	b.record(one, two)
	b.seal()
	b.record(three)
	four := b.append(b.change(kim))
	ids := func(changes ...audit.Change) (ids []uuid.UUID) {
		for _, c := range changes {
			ids = append(ids, c.ID)
		}
		return ids
	}
	for name, tc := range map[string]struct {
		f    audit.Filter
		want []uuid.UUID
	}{
		"all":               {audit.Filter{}, ids(four, three, two, one)},
		"one by one":        {audit.Filter{Limit: 1}, ids(four, three, two, one)},
		"of a person":       {audit.Filter{Person: kim, Limit: 2}, ids(four, three, one)},
		"of an app":         {audit.Filter{App: "zoom"}, ids(three, one)},
		"of both":           {audit.Filter{App: "slack", Person: lee}, ids(two)},
		"of nobody":         {audit.Filter{Person: uuid.New()}, nil},
		"of an act":         {audit.Filter{Act: "account.removed"}, ids(two, one)},
		"of a kind of acts": {audit.Filter{Act: "account."}, ids(three, two, one)},
		"since":             {audit.Filter{Since: two.At}, ids(four, three, two)},
		"until":             {audit.Filter{Until: three.At, Person: kim}, ids(one)},
	} {
		equal(t, name, b.find(tc.f), tc.want)
	}
}

func TestRunSealsWhatComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBook(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.chain.Run(ctx) }()
		for range 4 {
			b.record(b.fact(uuid.New()))
		}
		<-time.After(3 * time.Second) // of the bubble: one look, a pause, the rest
		synctest.Wait()
		equal(t, "facts that wait", b.good("while it runs").Waiting, 0)
		b.store.Reset()
		<-time.After(time.Minute)
		synctest.Wait()
		equal(t, "updates while nothing comes", b.store.Counts().Updates, int64(0))
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestNothingIsSealedOntoAHeadOfAnotherKey(t *testing.T) {
	t.Parallel()
	b, _ := sealedBook(t, 2)
	b.record(b.fact(uuid.New()))
	other := audit.New(audit.Options{
		Store: b.store, Box: markedBox{}, Key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)),
		Now: func() time.Time { return b.at }, NewID: b.newID,
	})
	if _, err := other.Seal(t.Context()); err == nil || !strings.Contains(err.Error(), "usher audit verify") {
		t.Errorf("got %v, want a refusal that says what to do", err)
	}
	if report, err := other.Verify(t.Context()); err != nil || report.Valid {
		t.Errorf("verified with another key: %+v, %v", report, err)
	}
}

func TestANewDayEndsASegment(t *testing.T) {
	t.Parallel()
	b, _ := sealedBook(t, 2)
	b.at = b.at.Add(24 * time.Hour)
	b.record(b.fact(uuid.New()))
	b.seal()
	equal(t, "checkpoints, the head among them", b.good("on the next day").Checkpoints, 2)
}

func TestKeysAreWrappedAnewWithTheNewestKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, all := sealedBook(t, 3)
		next := audit.New(audit.Options{
			Store: b.store, Box: markedBox{age: 1}, Key: signer, Now: func() time.Time { return b.at }, NewID: b.newID,
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- next.Run(ctx) }()
		synctest.Wait()
		b.view(func(r store.Reader) error {
			for _, c := range all {
				if !(markedBox{age: 1}).Current(row(r, "audit.person-keys", c.Persons[0][:])) {
					t.Errorf("the key of %s is still wrapped with the former key", c.Persons[0])
				}
			}
			return nil
		})
		b.good("afterwards")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestFactsOfManyPersonsAreBoundToThem(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	c := b.append(b.change(persons(2)...), persons(1000), persons(3))
	b.settle(c)
	b.seal()
	b.good("as it was sealed")
	text := b.export(audit.ExportOptions{Format: audit.JSONLines})
	if report, err := verifyText(t, text); err != nil || !report.Valid {
		t.Fatalf("the export: %+v, %v", report, err)
	}
	lines := strings.SplitAfter(text, "\n")
	if report, err := verifyText(t, strings.Join(append(lines[:2:2], lines[3:]...), "")); err != nil || report.Valid {
		t.Errorf("a part left out of the export: %+v, %v", report, err)
	}
	key := append(bytes.Clone(c.ID[:]), 0, 0, 0, 1)
	b.update(func(tx store.Tx) error { return tx.Put("audit.fact-parts", key, bytes.Repeat([]byte{1}, 48)) })
	report := b.verify()
	if report.Valid || report.Problems[0].Kind != audit.BadPersons || report.Problems[0].Fact != c.ID {
		t.Errorf("other persons: got %+v", report.Problems)
	}
}
