package provision_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

// tight is the plain mapping with a line of budgets.
func tight(budget string) string {
	return strings.Replace(plainMapping, "    grants:", "    "+budget+"\n    grants:", 1)
}

// works lists the kinds of work that open budget holds are about, and how many each.
func (w *world) works() map[provision.Kind]int {
	w.t.Helper()
	got := map[provision.Kind]int{}
	for _, h := range w.holds() {
		got[h.Work]++
	}
	return got
}

func (w *world) wantWorks(want map[provision.Kind]int) {
	w.t.Helper()
	if diff := cmp.Diff(w.works(), want); diff != "" {
		w.t.Fatalf("what is held (-got +want):\n%s\n%s", diff, w.story())
	}
}

func (w *world) acts(act audit.Act) int {
	w.t.Helper()
	n := 0
	w.must(w.store.View(w.t.Context(), func(r store.Reader) error {
		n = 0
		for c, err := range audit.Read(r, time.Time{}, w.now.Add(time.Hour)) {
			if err != nil {
				return err
			}
			if c.Act == act {
				n++
			}
		}
		return nil
	}))
	return n
}

func TestSixtyOfAHundredDeactivatedAreHeldAndTheNewHireGetsTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.quiet = provision.QuietTime{Pause: 5 * time.Second, AtMost: 2 * time.Minute}
	w.start()
	w.apply(strings.Replace(tight("budget: {creates: {at_least: 200, at_most: 500}}"), "version: 1", "version: 1\nsource_budget: {creates: {at_least: 200}}", 1))
	w.hire(people(100)...)
	w.group("Support", people(100)...)
	w.settle()
	for _, p := range people(60) {
		w.activate(p, false)
	}
	w.hire("newbie")
	w.members(directory.AddMembers, "Support", "newbie")
	w.pass(time.Minute)
	if got := w.vendor.count("remove"); got != 0 {
		t.Errorf("removals: got %d, want none", got)
	}
	if got := w.vendor.have()["newbie@acme.example"]; got != "active agent" {
		t.Errorf("the new hire: got %q, want an account", got)
	}
	w.wantWorks(map[provision.Kind]int{provision.Removals: 60})
}

func TestMoreCreatesThanTheBudgetAreHeldAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(tight("budget: {creates: {percent: 0, at_least: 3, at_most: 3}}"))
	w.hire(people(3)...)
	w.group("Support", people(3)...)
	w.settle()
	w.hire("late", "later")
	w.members(directory.AddMembers, "Support", "late", "later")
	w.activate("p00", false) // another kind of work
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"p01": "active agent", "p02": "active agent"})
	w.wantWorks(map[provision.Kind]int{provision.Creates: 2})
	for _, h := range w.holds() {
		if h.Person == w.users["late"] {
			w.approve(h, false)
		}
	}
	w.pass(48 * time.Hour) // nothing releases itself
	w.wantVendor(map[string]string{"p01": "active agent", "p02": "active agent", "late": "active agent"})
	w.wantWorks(map[provision.Kind]int{provision.Creates: 1})
	w.members(directory.RemoveMembers, "Support", "later")
	w.settle()
	w.wantWorks(map[provision.Kind]int{})
}

func TestTheFirstEnforcementIsConfirmedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hire(people(99)...)
	w.group("Support", people(99)...)
	w.settle()
	_, err := w.maps.Apply(t.Context(), admin, []byte(tight("budget: {creates: {percent: 0, at_least: 50, at_most: 50}}")), versions.ApplyOptions{Exceeding: 99})
	w.must(err)
	w.settle()
	if got := len(w.vendor.have()); got != 99 {
		t.Errorf("accounts: got %d, want all 99: they were confirmed with the edit\n", got)
	}
}

func TestUnconfirmedTheFirstEnforcementStopsAtTheBudget(t *testing.T) {
	t.Parallel()
	for want, doc := range map[int]string{
		99: plainMapping, // the default lets a company's first push through
		50: tight("budget: {creates: {percent: 0, at_least: 50, at_most: 50}}"),
	} {
		w := newWorld(t)
		w.hire(people(99)...)
		w.group("Support", people(99)...)
		w.settle()
		w.apply(doc)
		w.settle()
		if got := len(w.vendor.have()); got != want {
			t.Errorf("accounts: got %d, want %d", got, want)
		}
		held := map[provision.Kind]int{}
		if want < 99 {
			held[provision.Creates] = 99 - want
		}
		w.wantWorks(held)
	}
}

func TestTheSourcesBudgetCountsItsPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(strings.Replace(tight("budget: {at_least: 20}"), "version: 1", "version: 1\nsource_budget: {percent: 0, at_least: 2, at_most: 2}", 1))
	w.hire(people(10)...)
	w.group("Support", people(10)...)
	w.settle()
	for _, p := range people(3) {
		w.activate(p, false)
	}
	w.settle()
	w.wantWorks(map[provision.Kind]int{provision.Removals: 3})
	if text := w.holds()[0].Text; !strings.Contains(text, "2 of okta's 10 users") {
		t.Errorf("text: %q", text)
	}
}

func TestEmptyingAGroupOrAnAppIsAlwaysHeld(t *testing.T) {
	t.Parallel()
	for name, empty := range map[string]func(*world){
		"the members are taken out of the group": func(w *world) { w.members(directory.RemoveMembers, "Leads", "ann", "bob") },
		"the members are deactivated":            func(w *world) { w.activate("ann", false); w.activate("bob", false) },
		"the group is deleted":                   func(w *world) { w.deleteGroup("Leads") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, plainMapping, people(30)...)
			w.hire("ann", "bob")
			w.group("Leads", "ann", "bob")
			w.settle()
			empty(w)
			w.pass(25 * time.Hour)
			if got := w.vendor.count("remove"); got != 0 {
				t.Errorf("removals: got %d, want none", got)
			}
			w.wantWorks(map[provision.Kind]int{provision.Removals: 2})
		})
	}
	t.Run("all accounts of an app", func(t *testing.T) {
		t.Parallel()
		w := staffed(t, plainMapping, "ann", "bob")
		w.activate("ann", false)
		w.activate("bob", false)
		w.settle()
		w.wantWorks(map[provision.Kind]int{provision.Removals: 2})
	})
	t.Run("one who leaves alone is an ordinary leaver", func(t *testing.T) {
		t.Parallel()
		w := staffed(t, plainMapping, "ann")
		w.activate("ann", false)
		w.settle()
		w.wantVendor(map[string]string{})
	})
}

func TestALeaverWhoJoinsAHoldIsFirstAndCanBeReleasedAlone(t *testing.T) {
	t.Parallel()
	w := company(t, 20)
	w.members(directory.RemoveMembers, "Support", people(10)...)
	w.pass(time.Minute)
	w.activate("p15", false)
	w.pass(time.Minute)
	open := w.holds()
	if len(open) != 11 || open[0].Person != w.users["p15"] || !open[0].Leaver || open[1].Leaver {
		t.Fatalf("the leaver is not first: %+v", open)
	}
	if got := w.acts(audit.HoldLeaver); got != 1 {
		t.Errorf("facts about a leaver inside: got %d, want 1", got)
	}
	w.approve(open[0], false)
	w.pass(time.Minute)
	if _, inside := w.vendor.have()["p15@acme.example"]; inside || w.vendor.count("remove") != 1 {
		t.Errorf("the leaver alone should be out\n%s", w.story())
	}
}

func TestAClockThatIsSetBackGivesNoRoom(t *testing.T) {
	t.Parallel()
	w := company(t, 20)
	for _, p := range people(3) {
		w.activate(p, false)
	}
	w.pass(time.Minute)
	w.now = w.now.Add(48 * time.Hour)
	w.must(w.engine.Maintain(t.Context()))
	w.now = w.now.Add(-72 * time.Hour)
	w.activate("p10", false)
	w.pass(time.Minute)
	if got := w.vendor.count("remove"); got != 3 {
		t.Errorf("removals: got %d, want the 3 of the budget", got)
	}
	w.wantWorks(map[provision.Kind]int{provision.Removals: 1})
}

func TestAddressesAndReductionsHaveBudgetsOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(tight("budget: {identities: {percent: 0, at_least: 1, at_most: 1}, reductions: {percent: 0, at_least: 1, at_most: 1}}"))
	w.hire(people(4)...)
	w.group("Support", people(4)...)
	w.group("Leads", people(4)...)
	w.settle()
	w.members(directory.RemoveMembers, "Leads", "p00", "p01")
	w.pass(time.Minute)
	w.wantWorks(map[provision.Kind]int{provision.Reductions: 1})
	have := w.vendor.have()
	if have["p00@acme.example"] == have["p01@acme.example"] {
		t.Errorf("one should be reduced: %v", have)
	}
	for _, p := range []string{"p02", "p03"} {
		_, _, err := w.dir.UpdateUser(t.Context(), w.okta, "req", w.users[p], func(directory.User) (directory.UserWrite, error) {
			write := w.write(p, true)
			write.Emails = []string{p + "@new.example"}
			return write, nil
		})
		w.must(err)
	}
	w.pass(time.Minute)
	w.wantWorks(map[provision.Kind]int{provision.Reductions: 1, provision.Identities: 1})
}

// administered is a world whose app has a role that administrates.
func administered(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.vendor.can.AdminRoles = []string{"admin"}
	w.apply(plainMapping)
	return w
}

func TestAnAdministratorsRoleIsAlwaysApproved(t *testing.T) {
	t.Parallel()
	w := administered(t)
	w.hire("ann")
	w.group("Leads", "ann")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"}) // in, without the role
	open := w.wantHolds(provision.HoldAdmin)
	w.approve(open[0], false)
	w.settle()
	w.wantVendor(map[string]string{"ann": "active admin"})
	w.wantHolds()
	// Given again later, it is a new question.
	w.vendor.seed(adapters.Account{Email: "owner@acme.example", Role: "admin", Admin: true})
	w.group("Support", "ann")
	w.members(directory.RemoveMembers, "Leads", "ann")
	w.settle()
	w.members(directory.AddMembers, "Leads", "ann")
	w.settle()
	w.wantHolds(provision.HoldAdmin)
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	w := administered(t)
	w.hire("ann", "bob")
	w.group("Leads", "ann", "bob")
	w.settle()
	for _, h := range w.wantHolds(provision.HoldAdmin, provision.HoldAdmin) {
		if h.Person == w.users["ann"] {
			w.approve(h, false)
		}
	}
	w.settle()
	w.activate("ann", false)
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"ann": "active admin", "bob": "active agent"})
	for _, h := range w.wantHolds(provision.HoldAdmin, provision.HoldLastAdmin) {
		_, err := w.engine.Approve(t.Context(), admin, h.ID, false)
		if blocked := err != nil; blocked != (h.Kind == provision.HoldLastAdmin) {
			t.Errorf("approving %s: %v", h.Kind, err)
		}
	}
	w.pass(2 * time.Hour) // bob is one now, so ann can go
	w.wantVendor(map[string]string{"bob": "active admin"})
	w.wantHolds()
}

func TestOfTwoAdministratorsDemotedAtOnceOneStays(t *testing.T) {
	t.Parallel()
	w := administered(t)
	w.hire("ann", "bob")
	w.group("Leads", "ann", "bob")
	w.group("Support", "ann", "bob")
	w.settle()
	for _, h := range w.holds() {
		w.approve(h, false)
	}
	w.settle()
	w.members(directory.RemoveMembers, "Leads", "ann", "bob")
	w.settle()
	w.wantHolds(provision.HoldLastAdmin)
	admins := 0
	for _, v := range w.vendor.have() {
		if v == "active admin" {
			admins++
		}
	}
	if admins != 1 {
		t.Errorf("administrators: got %d, want 1", admins)
	}
}

func TestRolesAndKindsAreProtected(t *testing.T) {
	t.Parallel()
	for name, protect := range map[string]string{
		"by role": "protect: {roles: [agent]}", "by kind": "protect: {kinds: [Service]}", "by address": "protect: {emails: [svc@acme.example]}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(tight(protect))
			w.vendor.seed(adapters.Account{Email: "svc@acme.example", Role: "agent", Kind: "service"})
			w.hire("svc")
			w.group("Support", "svc")
			w.settle()
			w.activate("svc", false)
			w.pass(time.Minute)
			w.wantHolds(provision.HoldProtected)
			w.wantVendor(map[string]string{"svc": "active agent"})
		})
	}
}

func TestWhoMayApprove(t *testing.T) {
	t.Parallel()
	bob := audit.Actor{Kind: audit.ByAdmin, Name: "bob"}
	for _, tc := range []struct {
		name   string
		admins []string
		who    audit.Actor
		count  int
		ok     bool
	}{
		{"two administrators: not the one who caused it", []string{"root", "bob"}, admin, 1, false},
		{"two administrators: the other", []string{"root", "bob"}, bob, 0, true},
		{"one administrator, who typed the count", []string{"root"}, admin, 1, true},
		{"one administrator, who did not", []string{"root"}, admin, 0, false},
		{"nobody is listed, and the count was typed", nil, admin, 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.admins = tc.admins
			w.start()
			w.apply(plainMapping)
			w.hire("ann")
			w.group("Support", "ann")
			w.settle()
			w.apply(strings.ReplaceAll(plainMapping, "group: Support", "group: Nobody"))
			w.settle()
			open := w.wantHolds(provision.HoldMapping)
			_, err := w.engine.ApproveWith(t.Context(), tc.who, open[0].ID, provision.Approval{Count: tc.count})
			var refused *provision.DecisionError
			if (err == nil) != tc.ok || (err != nil && !errors.As(err, &refused)) {
				t.Errorf("approve: %v", err)
			}
		})
	}
}

// In any order of events, and whatever the clock does, no window has more removals than the budget without an approval.
func TestNoWindowHasMoreRemovalsThanTheBudget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := company(t, 12)
		names := people(12)
		type gone struct {
			at  time.Time
			who string
		}
		var removed []gone
		for range rapid.IntRange(3, 14).Draw(rt, "events") {
			who := rapid.SampledFrom(names).Draw(rt, "who")
			switch rapid.SampledFrom([]string{"leave", "leave", "return", "ungrant", "grant", "time", "back"}).Draw(rt, "event") {
			case "leave":
				w.activate(who, false)
			case "return":
				w.activate(who, true)
			case "ungrant":
				w.members(directory.RemoveMembers, "Support", who)
			case "grant":
				w.members(directory.AddMembers, "Support", who)
			case "time":
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
			case "back":
				w.now = w.now.Add(-time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
			}
			before := w.vendor.have()
			w.settle()
			w.now = w.now.Add(6 * time.Second)
			w.settle()
			after := w.vendor.have()
			for email := range before {
				if _, still := after[email]; !still {
					removed = append(removed, gone{w.now, email})
				}
			}
		}
		for _, from := range removed {
			window := map[string]bool{} // each person counts once
			for _, g := range removed {
				if !g.at.Before(from.at) && g.at.Sub(from.at) < 23*time.Hour {
					window[g.who] = true
				}
			}
			if len(window) > 3 {
				rt.Fatalf("%d people removed within a day, the budget is 3\n%s", len(window), w.story())
			}
		}
	})
}

func TestAConfirmationOfRemovalsMakesNoNewAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hire(people(99)...)
	w.group("Support", people(99)...)
	w.settle()
	_, err := w.maps.Apply(t.Context(), admin, []byte(tight("budget: {creates: {percent: 0, at_least: 50, at_most: 50}}")), versions.ApplyOptions{Confirmed: 99})
	w.must(err)
	w.settle()
	if got := len(w.vendor.have()); got != 50 {
		t.Errorf("accounts: got %d, want 50: the others are above the budget, and nobody confirmed them\n", got)
	}
}

func TestAPlanNamesThePeopleAboveABudgetOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hire(people(9)...)
	w.group("Support", people(9)...)
	w.settle()
	for limit, over := range map[int][]provision.Kind{8: {provision.Creates}, 9: nil} {
		next, err := w.maps.Check(t.Context(), []byte(tight(fmt.Sprintf("budget: {creates: {percent: 0, at_least: %d, at_most: %d}}", limit, limit))))
		w.must(err)
		p, err := w.engine.Preview(t.Context(), next)
		w.must(err)
		asked := 9 * len(over)
		if a := p.Apps[0]; p.Removals != 0 || p.Exceeding != asked || p.Confirm != asked || a.Limits[provision.Creates] != limit || !slices.Equal(a.Over, over) {
			t.Errorf("budget of %d: %+v", limit, p)
		}
	}
}
