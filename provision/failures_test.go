package provision_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

func TestEveryKindOfFailureInPlainWords(t *testing.T) {
	t.Parallel()
	for kind, want := range map[adapters.Kind][2]string{
		adapters.Retry:         {"Zoom asks to wait before the next call", "goes on by itself"},
		adapters.Uncertain:     {"Zoom did not answer clearly", "looked up before anything is sent again"},
		adapters.NotFound:      {"Zoom does not show the account", "see in Zoom whether somebody removed it"},
		adapters.AlreadyExists: {"Zoom says that the account exists already", "look for the address in Zoom"},
		adapters.Conflict:      {"Zoom refuses, because something else stands in the way", "clear it there"},
		adapters.Invalid:       {"Zoom refuses a value of this user", "correct the user at the identity provider"},
		adapters.Unauthorized:  {"the connection to Zoom may not do this", "usher connect"},
		adapters.NoSeat:        {"Zoom has no free licence", "add seats, or take a licence"},
		adapters.Protected:     {"Zoom protects this account", "by hand, or leave it"},
		adapters.Unsupported:   {"Zoom cannot do this through its API", "do it in Zoom by hand"},
		adapters.Unavailable:   {"Zoom cannot be reached", "goes on by itself"},
		"of tomorrow":          {"Zoom answered something that is not understood", "read what Zoom says"},
	} {
		words, fix := provision.Words(kind, "Zoom")
		if !strings.HasPrefix(words, want[0]) || !strings.Contains(fix, want[1]) {
			t.Errorf("%s: got %q and %q, want %q and %q", kind, words, fix, want[0], want[1])
		}
		if strings.HasSuffix(words, ".") || strings.HasSuffix(fix, ".") {
			t.Errorf("%s: no full stop at the end, as more may follow: %q, %q", kind, words, fix)
		}
	}
}

func (w *world) failures(app string, limit int) provision.Failures {
	w.t.Helper()
	all, err := w.engine.Failures(w.t.Context(), app, limit)
	w.must(err)
	return all
}

func TestFailuresAreListedForEachPersonUnderTheirCause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann", "bob", "cid", "dee")
	for range 2 {
		w.vendor.fail("create", problem(adapters.NoSeat, "create user"))
	}
	w.vendor.fail("create", problem(adapters.Invalid, "create user"))
	w.group("Support", "ann", "bob", "cid", "dee")
	w.settle()
	all := w.failures("", 100)
	if all.Total != 3 || len(all.List) != 3 {
		t.Fatalf("got %+v, want three who fail\n%s", all, w.story())
	}
	first := all.List[0]
	if first.Kind != adapters.Invalid || !first.Next.IsZero() || first.Words != "Fakedesk refuses a value of this user" || first.Fix == "" || first.Person == uuid.Nil {
		t.Errorf("who needs a person comes first: got %+v", first)
	}
	for _, f := range all.List[1:] {
		if f.Cause != "no-seat" || f.Words != "Fakedesk has no free licence" || f.Next.Sub(w.now) < 10*time.Minute || !strings.HasPrefix(f.Fix, "add seats") {
			t.Errorf("got %+v, want one without a licence, tried again in about 15 min", f)
		}
	}
	if got := w.failures("desk", 2); got.Total != 3 || len(got.List) != 2 || !got.List[0].Next.IsZero() {
		t.Errorf("at most two: got %+v, want who needs a person among them, and the number of all", got)
	}
	if _, err := w.engine.Failures(t.Context(), "nothing", 10); err == nil {
		t.Error("of an app that there is not: got nil, want an error")
	}
	status, err := w.engine.Status(t.Context())
	w.must(err)
	groups := status[0].Failures
	if len(groups) != 2 || groups[0].Count != 2 || groups[0].Words != "Fakedesk has no free licence" || groups[0].Stuck != 0 || groups[1].Stuck != 1 {
		t.Errorf("status: got %+v, want two causes", groups)
	}
	stuck, err := w.engine.Stuck(t.Context())
	w.must(err)
	if len(stuck) != 1 || stuck[0].Kind != adapters.Invalid || stuck[0].Count != 1 || stuck[0].App != "desk" {
		t.Errorf("stuck: got %+v, want the one", stuck)
	}
}

func TestARetryMovesHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	const many = 2345
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("p%d", i)
	}
	w.hire(names...)
	w.vendor.down = problem(adapters.Invalid, "find user")
	w.group("Support", names...)
	w.settle()
	before, err := w.engine.Status(t.Context())
	w.must(err)
	if got := before[0].Queue["failed"] + before[0].Queue["held"]; got != many { // the budget of creates holds some of them
		t.Fatalf("failed or held: got %d, want %d", got, many)
	}
	moved, err := w.engine.RetryAll(t.Context(), admin)
	w.must(err)
	if moved["desk"] != many {
		t.Errorf("moved: got %v, want %d in desk", moved, many)
	}
	status, err := w.engine.Status(t.Context())
	w.must(err)
	if got := status[0].Queue["failed"] + status[0].Queue["held"]; got != 0 {
		t.Errorf("still failed or held: got %d, want 0", got)
	}
	facts := 0
	w.must(w.store.View(t.Context(), func(r store.Reader) error {
		for c, err := range audit.Read(r, time.Time{}, time.Time{}) {
			if err != nil {
				return err
			}
			if c.Act == audit.RetryRequested {
				facts++
			}
		}
		return nil
	}))
	if facts != 1 {
		t.Errorf("facts about it: got %d, want 1", facts)
	}
}

func TestARetryOfOnePersonAndOfNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann", "bob")
	w.vendor.fail("create", problem(adapters.Invalid, "create user"))
	w.vendor.fail("create", problem(adapters.Invalid, "create user"))
	w.group("Support", "ann", "bob")
	w.settle()
	n, err := w.engine.Retry(t.Context(), admin, "desk", w.users["ann"])
	if err != nil || n != 1 {
		t.Errorf("of one: got %d, %v, want 1", n, err)
	}
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
	if n, err = w.engine.Retry(t.Context(), admin, "desk", uuid.Nil); err != nil || n != 1 {
		t.Errorf("of the app: got %d, %v, want the other", n, err)
	}
	w.settle()
	if n, err = w.engine.Retry(t.Context(), admin, "desk", uuid.Nil); err != nil || n != 0 {
		t.Errorf("of nothing: got %d, %v, want 0", n, err)
	}
	if _, err = w.engine.Retry(t.Context(), admin, "nothing", uuid.Nil); err == nil {
		t.Error("of an app that there is not: got nil, want an error")
	}
}

func TestAStoppedAppIsToldOnce(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob")
	w.vendor.fail("update", problem(adapters.Unauthorized, "update user"))
	w.vendor.down = &adapters.Error{Kind: adapters.Unauthorized, Scope: adapters.WholeApp, Op: "delete user", Message: "the key is not valid any more", Status: 401}
	w.activate("ann", false)
	w.settle()
	w.vendor.down = &adapters.Error{Kind: adapters.Unauthorized, Scope: adapters.WholeApp, Op: "check", Message: "the key is not valid any more", Status: 401}
	w.activate("bob", false)
	w.pass(time.Hour)
	told := 0
	w.must(w.store.View(t.Context(), func(r store.Reader) error {
		for c, err := range audit.Read(r, time.Time{}, time.Time{}) {
			if err != nil {
				return err
			}
			if c.Act == audit.AppStopped {
				told++
			}
		}
		return nil
	}))
	if told != 1 {
		t.Errorf("told: got %d times, want once\n%s", told, w.story())
	}
}

func (w *world) late(after time.Duration) []provision.Late {
	w.t.Helper()
	all, err := w.engine.Late(w.t.Context(), after)
	w.must(err)
	return all
}

func TestRemovalsThatAreLate(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob")
	w.vendor.down = problem(adapters.Unavailable, "delete user")
	left := w.now
	w.activate("ann", false)
	w.pass(10 * time.Minute)
	if got := w.late(15 * time.Minute); len(got) != 0 {
		t.Errorf("after 10 min: got %+v, want none", got)
	}
	w.pass(10 * time.Minute)
	got := w.late(15 * time.Minute)
	if len(got) != 1 || got[0].App != "desk" || got[0].Count != 1 || got[0].Persons[0] != w.users["ann"] || got[0].Since.Sub(left) > time.Minute || got[0].Why != "Fakedesk cannot be reached, or says that it is out of order" {
		t.Errorf("after 20 min: got %+v, want ann's\n%s", got, w.story())
	}
	down, err := w.engine.Outages(t.Context())
	w.must(err)
	if len(down) != 1 || down[0].App != "desk" || down[0].Title != "Fakedesk" || down[0].Reason == "" {
		t.Errorf("outages: got %+v, want desk's", down)
	}
	w.vendor.down = nil
	w.pass(10 * time.Minute)
	if got := w.late(15 * time.Minute); len(got) != 0 {
		t.Errorf("when it was done: got %+v, want none", got)
	}
	if down, err := w.engine.Outages(t.Context()); err != nil || len(down) != 0 {
		t.Errorf("outages, when it answers: got %+v, %v, want none", down, err)
	}
}

// A step with `after` is late from when it is due, not from when the person left.
func TestAStepOfLaterIsNotLateBefore(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.ReplaceAll(plainMapping, "[{action: delete, after: 0s}]", "[suspend, {action: delete, after: 48h}]"), "ann")
	w.activate("ann", false)
	w.pass(47 * time.Hour)
	w.vendor.down = problem(adapters.Unavailable, "delete user")
	w.pass(70 * time.Minute)
	if got := w.late(15 * time.Minute); len(got) != 0 {
		t.Errorf("ten minutes after it was due: got %+v, want none", got)
	}
	w.pass(10 * time.Minute)
	if got := w.late(15 * time.Minute); len(got) != 1 {
		t.Errorf("twenty minutes after it was due: got %+v, want one\n%s", got, w.story())
	}
}

func TestWhatIsHeldIsNotLate(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8")
	for _, n := range []string{"a1", "a2", "a3", "a4", "a5"} {
		w.activate(n, false)
	}
	w.pass(2 * time.Hour)
	if len(w.holds()) != 5 {
		t.Fatalf("got %d holds, want 5", len(w.holds()))
	}
	if got := w.late(15 * time.Minute); len(got) != 0 {
		t.Errorf("got %+v, want none", got)
	}
}
