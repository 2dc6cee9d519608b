package bolt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

// copying is a store whose copies a test makes at moments of its choice.
type copying struct {
	t      *testing.T
	store  *Store
	folder string
	now    time.Time
	copies *Copies
	tries  []error
}

func newCopying(t *testing.T, keep int) *copying {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "usher.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Update(t.Context(), put("t", "first")); err != nil {
		t.Fatal(err)
	}
	c := &copying{t: t, store: s, folder: t.TempDir(), now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	c.start(keep)
	return c
}

// start makes the copies anew, as a restarted server does.
func (c *copying) start(keep int) {
	c.copies = NewCopies(c.store, CopyOptions{
		Folder: c.folder, Every: 24 * time.Hour, Keep: keep, Now: func() time.Time { return c.now },
		Series: func() string { return "abcd2345" }, Observe: func(err error) { c.tries = append(c.tries, err) },
	})
}

func (c *copying) turn(after time.Duration) {
	c.t.Helper()
	c.now = c.now.Add(after)
	c.copies.Turn(c.t.Context())
}

func (c *copying) files() []string {
	c.t.Helper()
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		c.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimPrefix(e.Name(), "usher-abcd2345-"))
	}
	return names
}

func (c *copying) want(what string, names ...string) {
	c.t.Helper()
	if diff := cmp.Diff(c.files(), names); diff != "" {
		c.t.Errorf("%s (-got +want):\n%s", what, diff)
	}
}

func TestCopiesAreMadeOnTimeAndTheNewestStay(t *testing.T) {
	t.Parallel()
	c := newCopying(t, 2)
	c.turn(0)
	c.want("the first at once", "20260302T090000Z.db")
	c.turn(23 * time.Hour)
	c.want("not before its time", "20260302T090000Z.db")
	c.turn(time.Hour)
	c.want("a day later", "20260302T090000Z.db", "20260303T090000Z.db")
	c.start(2)
	c.turn(12 * time.Hour)
	c.want("a restart makes none by itself", "20260302T090000Z.db", "20260303T090000Z.db")
	c.turn(12 * time.Hour)
	c.want("the oldest goes when a new one stands", "20260303T090000Z.db", "20260304T090000Z.db")
	if got := holdsOf(t, c.copies.Status().File, "first"); got != "first" {
		t.Errorf("the copy holds %q", got)
	}
	if info, err := os.Stat(c.copies.Status().File); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v", info.Mode(), err)
	}
	want := CopyStatus{Folder: c.folder, Last: c.now, File: filepath.Join(c.folder, copyName("abcd2345", c.now)), Next: c.now.Add(24 * time.Hour)}
	if diff := cmp.Diff(c.copies.Status(), want); diff != "" {
		t.Errorf("status (-got +want):\n%s", diff)
	}
}

// What this store did not make is not its to remove, whatever it is called.
func TestOthersFilesStay(t *testing.T) {
	t.Parallel()
	c := newCopying(t, 1)
	others := []string{
		"notes.txt", "usher-2026-03-01.db", "usher-zzzz2345-20260101T000000Z.db", "usher-abcd2345-20260101T000000Z.db.bak",
		"usher-abcd2345-2026.db", ".usher-zzzz2345-20260101T000000Z.db.123",
	}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(c.folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(c.folder, copyName("abcd2345", c.now.Add(-time.Hour))), 0o700); err != nil {
		t.Fatal(err)
	}
	// What a crash left of this store's own goes.
	if err := os.WriteFile(filepath.Join(c.folder, ".usher-abcd2345-20260101T000000Z.db.77"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.turn(0)
	c.turn(24 * time.Hour)
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := slices.Sorted(slices.Values(append(others, copyName("abcd2345", c.now), copyName("abcd2345", time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)))))
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("folder (-got +want):\n%s", diff)
	}
}

func TestTwoStoresShareAFolder(t *testing.T) {
	t.Parallel()
	a, b := newCopying(t, 1), newCopying(t, 1)
	b.folder = a.folder
	b.copies = NewCopies(b.store, CopyOptions{
		Folder: a.folder, Every: 24 * time.Hour, Keep: 1, Now: func() time.Time { return b.now }, Series: func() string { return "other234" },
	})
	for range 3 {
		a.turn(0)
		b.turn(0)
		a.now, b.now = a.now.Add(24*time.Hour), b.now.Add(24*time.Hour)
	}
	a.want("each keeps its own", "20260304T090000Z.db", "usher-other234-20260304T090000Z.db")
}

func TestAClockThatWasSetBack(t *testing.T) {
	t.Parallel()
	c := newCopying(t, 2)
	c.turn(0)
	c.turn(24 * time.Hour)
	c.turn(-48 * time.Hour) // to before the first
	c.want("a copy is made at once, and what bears a later time counts as older", "20260301T090000Z.db", "20260303T090000Z.db")
	c.turn(24 * time.Hour)
	c.want("and goes first", "20260301T090000Z.db", "20260302T090000Z.db")
	c.start(2)
	c.turn(-240 * time.Hour)
	c.want("also when the server starts with such a clock", "20260220T090000Z.db", "20260302T090000Z.db")
}

func TestAFailureIsToldAndTriedAgainAndTakesNothingAway(t *testing.T) {
	t.Parallel()
	full := func(_ context.Context, _ *bbolt.DB, f *os.File) error {
		_, err := f.WriteString("half")
		return errors.Join(err, f.Close(), syscall.ENOSPC)
	}
	torn := func(_ context.Context, _ *bbolt.DB, f *os.File) error {
		_, err := f.WriteString("what the disk made of it")
		return errors.Join(err, f.Close())
	}
	for _, test := range []struct {
		name   string
		breaks func(c *copying)
		heals  func(c *copying)
		want   string
	}{
		{"disk full", func(c *copying) { c.copies.fill = full }, func(c *copying) { c.copies.fill = fill }, "no space left"},
		{"what was written cannot be read back", func(c *copying) { c.copies.fill = torn }, func(c *copying) { c.copies.fill = fill }, "the copy cannot be read"},
		{
			"folder missing", func(c *copying) { must(c.t, os.Rename(c.folder, c.folder+"-away")) },
			func(c *copying) { must(c.t, os.Rename(c.folder+"-away", c.folder)) }, "there is no folder",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCopying(t, 1)
			c.turn(0)
			test.breaks(c)
			c.turn(24 * time.Hour)
			began := c.now
			s := c.copies.Status()
			if !strings.Contains(s.Failed, test.want) || s.Tries != 1 || !s.Since.Equal(began) || !s.Next.Equal(began.Add(copyRetry)) {
				t.Errorf("status: got %+v, want …%s…", s, test.want)
			}
			if !s.Last.Equal(began.Add(-24*time.Hour)) || s.File == "" {
				t.Errorf("the last good one is not told: %+v", s)
			}
			c.turn(copyRetry - time.Second)
			c.turn(time.Second)
			if s := c.copies.Status(); s.Tries != 2 || !s.Since.Equal(began) {
				t.Errorf("the second try: got %+v", s)
			}
			test.heals(c)
			c.want("the last good one stays, and nothing half", "20260302T090000Z.db")
			c.turn(copyRetry)
			if s := c.copies.Status(); s.Failed != "" || s.Tries != 0 || !s.Last.Equal(c.now) {
				t.Errorf("healed: got %+v", s)
			}
			c.want("the next one replaces it", c.now.Format(copyStamp)+".db")
			if failed := len(slices.DeleteFunc(c.tries, func(err error) bool { return err == nil })); failed != 2 {
				t.Errorf("told of %d failures, want 2", failed)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRunMakesCopiesUntilItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCopying(t, 3)
		ctx, cancel := context.WithCancel(t.Context())
		copies := NewCopies(c.store, CopyOptions{
			Folder: c.folder, Every: time.Hour, Keep: 3, Now: time.Now, Series: func() string { return "abcd2345" },
		})
		done := make(chan struct{})
		go func() { copies.Run(ctx); close(done) }()
		<-time.After(150 * time.Minute)
		synctest.Wait()
		cancel()
		<-done
		if got := len(c.files()); got != 3 {
			t.Errorf("after two hours and a half: got %d copies, want 3", got)
		}
	})
}
