package provision_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// ringMapping gives a role to everybody in Support.
func ringMapping(role string) string {
	return strings.ReplaceAll(`
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants: [{group: Support, role: ROLE}]
    when_ungranted: [suspend]
    when_deactivated: [suspend]
    budget: {reductions: {at_least: 1000, at_most: 1000}}
`, "ROLE", role)
}

func (w *world) applyIn(doc, ring string) error {
	_, err := w.maps.Apply(w.t.Context(), admin, []byte(doc), versions.ApplyOptions{Ring: ring})
	return err
}

func (w *world) widen(to string) error {
	share := mapping.Whole
	if to != "all" {
		var err error
		if share, err = mapping.ParseShare(to); err != nil {
			return err
		}
	}
	_, err := w.maps.Widen(w.t.Context(), admin, share, versions.ApplyOptions{})
	return err
}

func (w *world) wantRefused(err error, words string) {
	w.t.Helper()
	var refused *versions.RolloutError
	if !errors.As(err, &refused) || !strings.Contains(refused.Text, words) {
		w.t.Fatalf("got %v, want a refusal with %q", err, words)
	}
}

// roles counts who has which role at the vendor.
func (w *world) roles() map[string]int {
	n := map[string]int{}
	for _, v := range w.vendor.have() {
		n[v]++
	}
	return n
}

func crowd(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("p%03d", i)
	}
	return names
}

func TestARolloutReachesItsRingAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(ringMapping("observer"))
	names := crowd(60)
	w.hire(names...)
	w.group("Support", names...)
	w.group("IT", names[:4]...)
	w.settle()
	if got := w.roles(); got["active observer"] != 60 {
		t.Fatalf("before: %v", got)
	}
	w.must(w.applyIn(ringMapping("agent"), "IT"))
	calls := len(w.vendor.writes())
	w.settle()
	if got := w.roles(); got["active agent"] != 4 || len(w.vendor.writes())-calls != 4 {
		t.Fatalf("after the group: %v, %d writes", got, len(w.vendor.writes())-calls)
	}
	x, err := w.engine.Why(t.Context(), names[0]+"@acme.example", "desk")
	w.must(err)
	y, err := w.engine.Why(t.Context(), names[10]+"@acme.example", "desk")
	w.must(err)
	if x.Version != 2 || y.Version != 1 {
		t.Errorf("versions: got %d and %d, want 2 and 1", x.Version, y.Version)
	}
	s, err := w.engine.RolloutStatus(t.Context())
	w.must(err)
	if s.Reached != 4 || s.InTrouble != 0 || s.Limit != 3 || s.InForce != 1 || s.Version != 2 {
		t.Errorf("status: got %+v", s)
	}

	// Who comes into the group follows it, who leaves it does not.
	w.members(directory.AddMembers, "IT", names[5])
	w.members(directory.RemoveMembers, "IT", names[0])
	w.settle()
	have := w.vendor.have()
	if have[names[5]+"@acme.example"] != "active agent" || have[names[0]+"@acme.example"] != "active observer" {
		t.Errorf("after the group changed: %v", have)
	}

	// While it lasts no other version comes in, and a group that gets its name is bound for both.
	w.wantRefused(w.applyIn(ringMapping("admin"), ""), "version 2 is being rolled out (IT)")
	w.wantRefused(w.applyIn(ringMapping("admin"), "10%"), "is being rolled out")
	w.group("Other")
	w.settle()
	was := w.roles()
	w.must(w.widen("30%"))
	w.settle()
	now := w.roles()
	if now["active agent"] <= was["active agent"] || now["active agent"] == 60 {
		t.Errorf("after 30%%: %v, before %v", now, was)
	}
	w.wantRefused(w.widen("30%"), "a ring only grows")
	w.wantRefused(w.widen("10%"), "a ring only grows")
	s, err = w.engine.RolloutStatus(t.Context())
	w.must(err)
	if s.Reached != now["active agent"] {
		t.Errorf("reached: got %d, want %d", s.Reached, now["active agent"])
	}
	w.must(w.widen("all"))
	w.settle()
	if got := w.roles(); got["active agent"] != 60 {
		t.Errorf("after all: %v", got)
	}
	m, err := w.maps.Current(t.Context())
	w.must(err)
	if next, _ := m.RollsOut(); m.Version() != 2 || next != nil {
		t.Errorf("in force: version %d, rolling out %v", m.Version(), next)
	}
	w.wantRefused(w.widen("all"), "no version of the mapping is being rolled out")
}

func TestARollbackReturnsEverybodyOfTheRing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(ringMapping("observer"))
	names := crowd(40)
	w.hire(names...)
	w.group("Support", names...)
	w.settle()
	w.must(w.applyIn(ringMapping("agent"), "50%"))
	w.settle()
	if n := w.roles()["active agent"]; n < 8 || n > 32 {
		t.Fatalf("half of them: got %d", n)
	}
	_, err := w.maps.Rollback(t.Context(), admin, 1, versions.ApplyOptions{Expect: 1})
	w.must(err)
	w.settle()
	if got := w.roles(); got["active observer"] != 40 {
		t.Errorf("after the rollback: %v", got)
	}
	all, err := w.maps.List(t.Context())
	w.must(err)
	if n := len(all); n != 3 || all[2].Rollout != nil || all[2].Comment != "back to version 1" {
		t.Errorf("versions: %+v", all)
	}
	w.must(w.applyIn(ringMapping("agent"), "5%"))
	if v, err := w.maps.Get(t.Context(), 4); err != nil || v.Rollout == nil {
		t.Errorf("version 4: %+v, %v", v, err)
	}
}

func TestWhatCannotBeRolledOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wantRefused(w.applyIn(ringMapping("agent"), "5%"), "the first version of the mapping is for everybody")
	w.apply(ringMapping("observer"))
	w.wantRefused(w.applyIn(strings.Replace(ringMapping("agent"), "enforce", "observe", 1), "5%"), "the mode of desk")
	w.wantRefused(w.applyIn(ringMapping("agent"), "Nobodys"), `no group is called "Nobodys"`)
	w.wantRefused(w.applyIn(ringMapping("agent"), "150%"), "is not a share")
	w.wantRefused(w.widen("5%"), "no version of the mapping is being rolled out")
	_, err := w.maps.StopRollout(t.Context(), admin, 0, "x")
	w.wantRefused(err, "no version of the mapping is being rolled out")
	if s, err := w.engine.RolloutStatus(t.Context()); s != nil || err != nil {
		t.Errorf("status: got %+v, %v", s, err)
	}
	w.must(w.engine.WatchRollout(t.Context()))
}

func TestARolloutStopsByItselfAndAPersonDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(ringMapping("observer"))
	names := crowd(50)
	w.hire(names...)
	w.group("Support", names...)
	w.group("IT", names[:6]...)
	w.settle()
	// One fails already, for another reason: that is not the rollout's doing.
	for range 4 {
		w.vendor.fail("update", problem(adapters.Invalid, "update"))
	}
	w.must(w.applyIn(ringMapping("agent"), "IT"))
	w.settle()
	s, err := w.engine.RolloutStatus(t.Context())
	w.must(err)
	if s.InTrouble != 4 || s.Limit != 3 || s.Stopped != nil || len(s.Troubles) != 4 {
		t.Fatalf("status: got %+v", s)
	}
	w.must(w.engine.WatchRollout(t.Context()))
	w.must(w.engine.WatchRollout(t.Context()))
	ro, err := w.maps.Rollout(t.Context())
	w.must(err)
	if ro.Stopped == nil || ro.Stopped.By.Kind != audit.ByEngine || !strings.Contains(ro.Stopped.Why, "4 people in the ring fail") {
		t.Fatalf("stopped: got %+v", ro.Stopped)
	}
	if n := len(w.facts(audit.RolloutStopped)); n != 1 {
		t.Errorf("facts: got %d, want 1", n)
	}
	w.wantRefused(w.widen("20%"), "is stopped")
	w.wantRefused(w.widen("all"), "is stopped")

	// Those in the ring stay in it; a person lets it go on, with what was seen.
	_, err = w.engine.ResumeRollout(t.Context(), admin)
	w.must(err)
	w.must(w.engine.WatchRollout(t.Context()))
	ro, err = w.maps.Rollout(t.Context())
	w.must(err)
	if ro.Stopped != nil || ro.Forgiven != 4 {
		t.Fatalf("resumed: got %+v", ro)
	}
	_, err = w.engine.ResumeRollout(t.Context(), admin)
	w.wantRefused(err, "is not stopped")
	w.must(w.widen("all"))
	_, err = w.engine.Retry(t.Context(), admin, "desk", uuid.Nil)
	w.must(err)
	w.settle()
	if got := w.roles(); got["active agent"] != 50 {
		t.Errorf("in the end: %v", got)
	}
}

func (w *world) facts(act audit.Act) []audit.Change {
	w.t.Helper()
	var found []audit.Change
	w.must(w.store.View(w.t.Context(), func(r store.Reader) error {
		found = nil
		for c, err := range audit.Read(r, time.Time{}, time.Time{}) {
			if err != nil {
				return err
			}
			if c.Act == act {
				found = append(found, c)
			}
		}
		return nil
	}))
	return found
}

// A team that only the new version names is entered in the ring, and left again after a rollback.
func TestATeamOfANewVersionIsLeftAfterARollback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(ringMapping("agent"))
	w.hire("ann", "bob")
	w.group("Support", "ann", "bob")
	w.group("IT", "ann")
	w.settle()
	w.must(w.applyIn(strings.Replace(ringMapping("agent"), "role: agent}", "role: agent, teams: [Tier 1]}", 1), "IT"))
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1", "bob": "active agent"})
	_, err := w.maps.Rollback(t.Context(), admin, 1, versions.ApplyOptions{Exceeding: 1})
	w.must(err)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent"})
}

// What fails for another reason than the new version is not held against it.
func TestOtherTroubleDoesNotStopARollout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(ringMapping("observer"))
	names := crowd(8)
	w.hire(names...)
	w.group("Support", names[:2]...)
	w.group("IT", names...)
	for range 8 {
		w.vendor.fail("create", problem(adapters.Invalid, "create"))
	}
	w.settle()
	doc := strings.Replace(ringMapping("observer"), "grants: [", "grants: [{group: Leads, role: agent}, ", 1)
	w.members(directory.AddMembers, "Support", names[2:]...)
	w.settle()
	w.must(w.applyIn(doc, "IT"))
	for range 8 {
		w.vendor.fail("create", problem(adapters.Invalid, "create"))
	}
	w.settle()
	s, err := w.engine.RolloutStatus(t.Context())
	w.must(err)
	if s.Reached != 8 || s.InTrouble != 0 {
		t.Errorf("status: got %+v", s)
	}
}

// An edit takes accounts away only in the ring, and only those have to be confirmed.
func TestAPreviewOfARingCountsThoseInIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(ringMapping("agent"))
	names := crowd(30)
	w.hire(names...)
	w.group("Support", names...)
	w.group("IT", names[:5]...)
	w.settle()
	doc := strings.Replace(ringMapping("agent"), "group: Support", "group: Leads", 1)
	next, err := w.maps.CheckIn(t.Context(), []byte(doc), "IT")
	w.must(err)
	preview, err := w.engine.Preview(t.Context(), next)
	w.must(err)
	if preview.Removals != 5 || preview.Confirm != 5 {
		t.Errorf("in the ring: got %+v", preview)
	}
	_, err = w.maps.Apply(t.Context(), admin, []byte(doc), versions.ApplyOptions{Ring: "IT", Confirmed: 5})
	w.must(err)
	w.settle()
	if got := w.roles(); got["suspended agent"] != 5 || got["active agent"] != 25 {
		t.Errorf("after: %v", got)
	}
	wider, err := w.maps.CheckWiden(t.Context(), mapping.Whole)
	w.must(err)
	preview, err = w.engine.Preview(t.Context(), wider)
	w.must(err)
	if preview.Removals != 25 {
		t.Errorf("for all: got %+v", preview)
	}
	// Nobody confirmed it: those who come in are asked for, one by one.
	w.must(w.widen("all"))
	w.settle()
	if got := w.roles(); got["suspended agent"] != 5 || len(w.holds()) != 25 {
		t.Errorf("unconfirmed: %v, %d holds", got, len(w.holds()))
	}
}

// However a rollout goes, each person has what the version says that the ring gives, and widening returns nobody to the old one.
func TestRolloutProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.apply(ringMapping("observer"))
		names := crowd(12)
		w.hire(names...)
		w.group("Support", names...)
		w.group("IT", names[:2]...)
		w.settle()
		ring := rapid.SampledFrom([]string{"IT", "5%", "40%"}).Draw(rt, "ring")
		w.must(w.applyIn(ringMapping("agent"), ring))
		in := mapping.Ring{}
		if ring == "IT" {
			in.Group = w.groups["IT"]
		} else {
			in.Share, _ = mapping.ParseShare(ring)
		}
		was := map[string]bool{}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			widened := false
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0, 1:
				share := rapid.IntRange(1, mapping.Whole-1).Draw(rt, "share")
				_, err := w.maps.Widen(t.Context(), admin, share, versions.ApplyOptions{})
				if (err == nil) != (share > in.Share) {
					rt.Fatalf("widening from %d to %d: %v", in.Share, share, err)
				}
				if err == nil {
					in.Share, widened = share, true
				}
			case 2:
				w.members(directory.AddMembers, "IT", rapid.SampledFrom(names).Draw(rt, "comes"))
			case 3:
				w.members(directory.RemoveMembers, "IT", rapid.SampledFrom(names).Draw(rt, "goes"))
			case 4:
				w.start() // the process begins anew
			case 5:
				_, err := w.engine.Expand(t.Context()) // part of the way
				w.must(err)
				continue
			}
			w.settle()
			have := w.vendor.have()
			for _, name := range names {
				p := w.person(name)
				role := "active observer"
				if in.Has(&p) {
					role = "active agent"
				}
				if got := have[name+"@acme.example"]; got != role {
					rt.Fatalf("%s: got %q, want %q in ring %v", name, got, role, in)
				}
				if widened && was[name] && role != "active agent" {
					rt.Fatalf("widening returned %s to the old version", name)
				}
				was[name] = role == "active agent"
			}
		}
	})
}

func (w *world) person(name string) directory.Person {
	w.t.Helper()
	var p directory.Person
	w.must(w.store.View(w.t.Context(), func(r store.Reader) error {
		var err error
		p, err = w.dir.PersonIn(r, w.users[name])
		return err
	}))
	return p
}

func TestARolloutSurvivesACrashAnywhere(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"before call", "after call", "before commit", "after commit"} {
		for n := 1; n <= 14; n++ {
			t.Run(fmt.Sprintf("%s %d", at, n), func(t *testing.T) {
				t.Parallel()
				f := storetest.Faulty(storetest.New(t))
				w := newWorldOn(t, f)
				w.apply(ringMapping("observer"))
				names := crowd(8)
				w.hire(names...)
				w.group("Support", names...)
				w.group("IT", names[:2]...)
				w.settle()
				w.crashAt(f, at, n)
				w.inEngine = true
				insist := func(do func() error, done string) {
					err := do()
					if !errors.Is(err, errCrash) {
						w.must(err)
						return
					}
					w.crashed = false
					w.start()
					// Whoever asked asks again; that it was done before is an answer.
					if err = do(); err != nil && !strings.Contains(err.Error(), done) {
						t.Fatal(err)
					}
				}
				insist(func() error { return w.applyIn(ringMapping("agent"), "IT") }, "is being rolled out")
				w.step(time.Minute)
				if got := w.roles()["active agent"]; got != 2 {
					t.Fatalf("in the group: %v", w.roles())
				}
				insist(func() error { return w.widen("99.99%") }, "a ring only grows")
				w.step(time.Minute)
				insist(func() error { return w.widen("all") }, "no version of the mapping")
				w.step(time.Minute)
				w.inEngine = false
				if got := w.roles(); got["active agent"] != 8 || slices.Contains(w.vendor.calls, "remove") {
					t.Fatalf("in the end: %v", got)
				}
			})
		}
	}
}
