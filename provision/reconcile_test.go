package provision_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/provision"
)

const driftTeamMapping = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants:
      - {group: Support, role: agent, teams: [Tier 1]}
    when_deactivated: [suspend, {action: delete, after: 30d}]
    when_ungranted: [{action: delete, after: 0s}]
    budget: {percent: 100, at_most: 1000}
`

// correcting is driftTeamMapping with a drift policy.
func correcting(policy string) string {
	return strings.Replace(driftTeamMapping, "    when_deactivated:", "    drift: "+policy+"\n    when_deactivated:", 1)
}

// reconcile compares the app a little after what came before, and lets the engine work on what follows.
func (w *world) reconcile() provision.Reconciliation {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	w.settle()
	w.now = w.now.Add(time.Minute)
	rec, err := w.engine.Reconcile(w.t.Context(), "desk")
	w.must(err)
	w.pass(time.Minute)
	return rec
}

// drift describes open drift: kind, field, state and whose it is.
func (w *world) drift() []string {
	w.t.Helper()
	all, err := w.engine.Drifts(w.t.Context(), provision.DriftFilter{App: "desk"}, 1000)
	w.must(err)
	names := map[uuid.UUID]string{}
	for name, id := range w.users {
		names[id] = name
	}
	out := []string{}
	for _, d := range all {
		who := names[d.Person]
		if who == "" {
			who = d.Email
		}
		out = append(out, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", d.Kind, d.Field, d.State, who)), " "))
	}
	return out
}

func (w *world) wantDrift(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(w.drift(), append([]string{}, want...)); diff != "" {
		w.t.Fatalf("open drift (-got +want):\n%s\n%s", diff, w.story())
	}
}

// at returns the vendor's account of somebody.
func (w *world) at(name string) *adapters.Account {
	w.t.Helper()
	for _, a := range w.vendor.accounts {
		if a.Email == name+"@acme.example" {
			return a
		}
	}
	w.t.Fatalf("%s has no account at the vendor", name)
	return nil
}

// Each row: somebody edits the vendor by hand; the app is reconciled under a policy; what is there afterwards, and what
// is reported.
func TestReconcileByKindOfDrift(t *testing.T) {
	t.Parallel()
	whole := map[string]string{"ann": "active agent in Tier 1", "bob": "active agent in Tier 1", "cem": "active agent in Tier 1"}
	with := func(name, is string) map[string]string {
		out := map[string]string{}
		for k, v := range whole {
			out[k] = v
		}
		if out[name] = is; is == "" {
			delete(out, name)
		}
		return out
	}
	for name, row := range map[string]struct {
		policy string
		edit   func(w *world)
		want   map[string]string
		drift  []string
		holds  []provision.HoldKind
	}{
		"nothing differs": {edit: func(*world) {}, want: whole},
		"a role, reported": {
			policy: "{changed: report}", edit: func(w *world) { w.at("ann").Role = "admin" },
			want: with("ann", "active admin in Tier 1"), drift: []string{"changed role reported ann"},
		},
		"a role, corrected": {
			policy: "{changed: correct}", edit: func(w *world) { w.at("ann").Role = "admin" },
			want: whole, drift: []string{"changed role correcting ann"},
		},
		"a role is only reported by default": {
			edit: func(w *world) { w.at("ann").Role = "observer" },
			want: with("ann", "active observer in Tier 1"), drift: []string{"changed role reported ann"},
		},
		"an address, corrected": {
			policy: "{changed: correct}", edit: func(w *world) { w.at("ann").Email = "anna@acme.example" },
			want: whole, drift: []string{"changed e-mail correcting ann"},
		},
		"a name and a team, corrected": {
			policy: "{changed: correct}",
			edit: func(w *world) {
				w.at("ann").Attributes["name"] = "Ann the Great"
				w.vendor.teams["Tier 1"] = slices.DeleteFunc(w.vendor.teams["Tier 1"], func(id string) bool { return id == w.at("ann").ID })
			},
			want: whole, drift: []string{"changed name correcting ann", "changed teams correcting ann"},
		},
		"a team, reported": {
			edit: func(w *world) { w.vendor.teams["Tier 1"] = w.vendor.teams["Tier 1"][1:] },
			want: with("ann", "active agent"), drift: []string{"changed teams reported ann"},
		},
		"a team that nobody manages is the app's own business": {
			policy: "{changed: correct}", edit: func(w *world) { w.vendor.teams["Choir"] = []string{w.at("ann").ID} },
			want: with("ann", "active agent in Choir,Tier 1"),
		},
		"missing, made anew": {
			edit: func(w *world) { delete(w.vendor.accounts, w.at("ann").ID) },
			want: whole, drift: []string{"missing correcting ann"},
		},
		"missing, reported": {
			policy: "{missing: report}", edit: func(w *world) { delete(w.vendor.accounts, w.at("ann").ID) },
			want: with("ann", ""), drift: []string{"missing reported ann"},
		},
		"suspended by somebody else, asked": {
			edit: func(w *world) { w.at("ann").State = adapters.Suspended },
			want: with("ann", "suspended agent in Tier 1"), drift: []string{"suspended state correcting ann"},
			holds: []provision.HoldKind{provision.HoldSuspended},
		},
		"suspended by somebody else, reported": {
			policy: "{suspended: report}", edit: func(w *world) { w.at("ann").State = adapters.Suspended },
			want: with("ann", "suspended agent in Tier 1"), drift: []string{"suspended state reported ann"},
		},
		"an account of nobody is reported and never removed": {
			policy: "{extra: adopt}", edit: func(w *world) { w.vendor.seed(adapters.Account{Email: "agency@else.example", Role: "admin"}) },
			want: with("agency@else.example", "active admin"), drift: []string{"foreign reported agency@else.example"},
		},
		"an account of somebody who is not entitled is reported and never removed": {
			edit: func(w *world) { w.vendor.seed(adapters.Account{Email: "dan@acme.example", Role: "agent"}) },
			want: with("dan", "active agent"), drift: []string{"extra reported dan"},
		},
		"adopted, it is asked about and not removed": {
			policy: "{extra: adopt}", edit: func(w *world) { w.vendor.seed(adapters.Account{Email: "dan@acme.example", Role: "agent"}) },
			want: with("dan", "active agent"), holds: []provision.HoldKind{provision.HoldReduction},
		},
		"an administrator's is a question": {
			policy: "{extra: adopt}", edit: func(w *world) { w.vendor.seed(adapters.Account{Email: "dan@acme.example", Role: "admin", Admin: true}) },
			want: with("dan", "active admin"), drift: []string{"extra question dan"},
		},
		"one that looks like somebody else's is a question": {
			policy: "{extra: adopt}",
			edit: func(w *world) {
				w.vendor.seed(adapters.Account{Email: "dan@acme.example", Role: "agent", Attributes: map[string]string{"name": "Zoe Quill"}})
			},
			want: with("dan", "active agent"), drift: []string{"extra question dan"},
		},
		"a further account of somebody": {
			policy: "{changed: correct, extra: adopt}",
			edit: func(w *world) {
				w.vendor.seed(adapters.Account{Email: "ann.two@acme.example", ExternalID: w.users["ann"].String(), Role: "agent"})
			},
			want: with("ann.two", "active agent"), drift: []string{"duplicated reported ann"},
		},
		"the same account under another id is followed": {
			edit: func(w *world) {
				old := *w.at("ann")
				delete(w.vendor.accounts, old.ID)
				w.vendor.seed(old)
			},
			want: whole, drift: []string{"missing correcting ann"},
		},
		"a leaver's present address, suspended and asked about": {
			edit: func(w *world) { w.vendor.seed(adapters.Account{Email: "eve@acme.example", Role: "agent"}) },
			want: with("eve", "suspended agent"), holds: []provision.HoldKind{provision.HoldLeaver},
		},
		"a leaver who is an administrator there is a question": {
			edit: func(w *world) { w.vendor.seed(adapters.Account{Email: "eve@acme.example", Role: "admin", Admin: true}) },
			want: with("eve", "active admin"), drift: []string{"leaver question eve"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := driftTeamMapping
			if row.policy != "" {
				doc = correcting(row.policy)
			}
			w := staffed(t, doc, "ann", "bob", "cem")
			w.hire("dan", "eve")
			w.activate("eve", false)
			w.pass(time.Minute)
			row.edit(w)
			if rec := w.reconcile(); rec.State != provision.RunDone {
				t.Fatalf("the run: %+v", rec)
			}
			w.pass(time.Hour)
			w.wantVendor(row.want)
			w.wantDrift(row.drift...)
			w.wantHolds(row.holds...)
			if n := w.vendor.count("remove"); n != 0 {
				t.Errorf("%d accounts were removed", n)
			}
		})
	}
}

func TestWhatWasCorrectedIsNoDriftAfterwards(t *testing.T) {
	t.Parallel()
	w := staffed(t, correcting("{changed: correct}"), "ann", "bob")
	w.at("ann").Role = "admin"
	w.reconcile()
	writes := len(w.vendor.writes())
	w.reconcile()
	w.wantDrift()
	if got := w.vendor.writes()[writes:]; len(got) != 0 {
		t.Errorf("writes without drift: %q", got)
	}
}

// Something at the vendor's side turns a role back at every sign-in: the third time within a week it is left alone.
func TestAFieldThatIsTurnedBackIsContested(t *testing.T) {
	t.Parallel()
	w := staffed(t, correcting("{changed: correct}"), "ann", "bob")
	for range 2 {
		w.at("ann").Role = "observer"
		w.reconcile()
		w.wantVendor(map[string]string{"ann": "active agent in Tier 1", "bob": "active agent in Tier 1"})
		w.pass(24 * time.Hour)
	}
	for range 2 {
		w.at("ann").Role = "observer"
		w.reconcile()
		w.wantDrift("changed role contested ann")
		w.pass(10 * 24 * time.Hour) // it is not forgotten by waiting
	}
	w.wantVendor(map[string]string{"ann": "active observer in Tier 1", "bob": "active agent in Tier 1"})

	all, err := w.engine.Drifts(t.Context(), provision.DriftFilter{App: "desk"}, 10)
	w.must(err)
	_, err = w.engine.Correct(t.Context(), admin, all[0].ID)
	w.must(err)
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1", "bob": "active agent in Tier 1"})
}

func TestAnEditNowAndThenIsNotContested(t *testing.T) {
	t.Parallel()
	w := staffed(t, correcting("{changed: correct}"), "ann")
	for range 6 {
		w.at("ann").Role = "observer"
		w.reconcile()
		w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
		w.pass(4 * 24 * time.Hour)
	}
}

// A leaver's account that comes back is cut again, three times; then somebody has to turn off what makes it.
func TestALeaversAccountThatComesBackIsCutAgain(t *testing.T) {
	t.Parallel()
	w := staffed(t, driftTeamMapping, "ann", "bob")
	w.activate("ann", false)
	w.pass(time.Minute)
	for range 3 {
		w.wantVendor(map[string]string{"ann": "suspended agent in Tier 1", "bob": "active agent in Tier 1"})
		w.at("ann").State = adapters.Active
		w.reconcile()
	}
	open := w.wantHolds(provision.HoldReturned)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1", "bob": "active agent in Tier 1"})
	w.approve(open[0], false)
	w.settle()
	w.wantVendor(map[string]string{"ann": "suspended agent in Tier 1", "bob": "active agent in Tier 1"})
	w.reconcile()
	w.wantDrift()
}

func TestALeaversAccountThatIsMadeAnewIsCutAgain(t *testing.T) {
	t.Parallel()
	doc := strings.Replace(driftTeamMapping, "[suspend, {action: delete, after: 30d}]", "[{action: delete, after: 0s}]", 1)
	w := staffed(t, doc, "ann", "bob")
	w.deleteUser("ann")
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"bob": "active agent in Tier 1"})
	w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "agent"})
	w.reconcile()
	w.wantVendor(map[string]string{"bob": "active agent in Tier 1"})
	x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "desk")
	w.must(err)
	var acts []string
	for _, f := range slices.Backward(x.Facts) {
		acts = append(acts, string(f.Act))
	}
	if got := strings.Join(acts, " "); !strings.HasSuffix(got, "drift.found account.returned account.removed") {
		t.Errorf("facts: %s", got)
	}
}

// A list may miss accounts while it shifts; each is looked up before anything is concluded.
func TestAnAccountThatTheListPassedOverIsNotMissing(t *testing.T) {
	t.Parallel()
	w := staffed(t, driftTeamMapping, "ann", "bob", "cem")
	w.vendor.listing = func(all []adapters.Account) []adapters.Account { return append(all[1:], all[2], all[2]) }
	writes := len(w.vendor.writes())
	rec := w.reconcile()
	w.wantDrift()
	if got := w.vendor.writes()[writes:]; len(got) != 0 || rec.State != provision.RunDone || rec.Known != 3 {
		t.Errorf("writes %q, run %+v", got, rec)
	}
}

// Reads lag: the first look-up misses an account, the second, across the lag, does not.
func TestMissingIsBelievedOnlyAcrossTheReadLag(t *testing.T) {
	t.Parallel()
	w := staffed(t, driftTeamMapping, "ann", "bob")
	ann := w.at("ann")
	w.vendor.listing = func(all []adapters.Account) []adapters.Account { return all[1:] }
	w.vendor.fail("find", problem(adapters.NotFound, "find"))
	writes := len(w.vendor.writes())
	w.reconcile()
	if got := w.vendor.writes()[writes:]; len(got) != 0 || w.at("ann") != ann {
		t.Errorf("writes: %q", got)
	}
	all, err := w.engine.Accounts(t.Context(), "desk", uuid.Nil, 10, true)
	w.must(err)
	for _, a := range all {
		if a.State != provision.Active || a.Missed != nil {
			t.Errorf("ledger: %+v", a)
		}
	}
}

func TestAListThatIsNotBelievedCorrectsNothing(t *testing.T) {
	t.Parallel()
	names := []string{"ann", "bob", "cem", "dan", "eli", "fay", "gil", "hal"}
	for name, row := range map[string]struct {
		arrange func(w *world)
		want    provision.RunState
		text    string
	}{
		"cut in the middle":  {func(w *world) { w.vendor.failAfter("list", problem(adapters.Uncertain, "list")) }, provision.RunPartial, "ended with an error after 3 accounts"},
		"refused at once":    {func(w *world) { w.vendor.fail("list", problem(adapters.Retry, "list")) }, provision.RunFailed, "could not be listed"},
		"suspiciously small": {func(w *world) { w.vendor.listing = func(all []adapters.Account) []adapters.Account { return all[:4] } }, provision.RunSmall, "shows 4 accounts and lacks 4 of the 8"},
		"empty":              {func(w *world) { w.vendor.listing = func([]adapters.Account) []adapters.Account { return nil } }, provision.RunSmall, "shows 0 accounts"},
		"another tenant":     {func(w *world) { w.vendor.tenant = "t-2" }, provision.RunFailed, "tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, correcting("{changed: correct}"), names...)
			w.at("ann").Role = "admin"
			delete(w.vendor.accounts, w.at("hal").ID)
			row.arrange(w)
			before, writes := w.vendor.have(), len(w.vendor.writes())
			rec := w.reconcile()
			if rec.State != row.want || !strings.Contains(rec.Text, row.text) || rec.Followed != 0 {
				t.Errorf("the run: %+v", rec)
			}
			if got := w.vendor.writes()[writes:]; len(got) != 0 || !cmp.Equal(before, w.vendor.have()) {
				t.Errorf("writes: %q", got)
			}
			if again := rec.Next.Sub(rec.Ended); again > 2*time.Hour {
				t.Errorf("tried again only after %s", again)
			}
		})
	}
}

func TestReconcileRunsOnItsSchedule(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.Replace(correcting("{changed: correct}"), "    drift:", "    reconcile: {every: 6h}\n    drift:", 1), "ann")
	runs := func(d time.Duration) int {
		t.Helper()
		n := 0
		for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(10 * time.Minute) {
			did, err := w.engine.ReconcileDue(t.Context())
			w.must(err)
			n += did
			w.settle()
		}
		return n
	}
	if got := runs(2 * time.Hour); got != 1 {
		t.Errorf("first runs: got %d, want one within an hour", got)
	}
	if got := runs(48 * time.Hour); got < 6 || got > 9 {
		t.Errorf("runs in two days, every six hours: got %d", got)
	}
	_, err := w.engine.RequestReconcile(t.Context(), admin, "desk")
	w.must(err)
	w.start() // the request is durable
	if got := runs(10 * time.Minute); got != 1 {
		t.Errorf("runs that were asked for: got %d", got)
	}
	w.apply(strings.Replace(driftTeamMapping, "mode: enforce", "mode: paused", 1))
	if got := runs(24 * time.Hour); got != 0 {
		t.Errorf("runs while paused: got %d", got)
	}
	if _, err := w.engine.RequestReconcile(t.Context(), admin, "desk"); err == nil {
		t.Error("a paused app was asked for a run")
	}
}

// The vendor's list may not show yet what Usher wrote a moment ago. That is no drift, and must not be taken for what the account has.
func TestAListThatLagsBehindUsherIsNoDrift(t *testing.T) {
	t.Parallel()
	w := staffed(t, correcting("{changed: correct}"), "ann")
	w.lags()
	w.pass(time.Hour)
	observer := strings.Replace(correcting("{changed: correct}"), "role: agent", "role: observer", 1)
	w.apply(observer)
	w.settle()
	w.wantVendor(map[string]string{"ann": "active observer in Tier 1"})
	w.vendor.listing = func(all []adapters.Account) []adapters.Account {
		for i := range all {
			all[i].Role = "agent" // as it was before
		}
		return all
	}
	w.now = w.now.Add(time.Second)
	rec, err := w.engine.Reconcile(t.Context(), "desk")
	w.must(err)
	if len(rec.Found) != 0 {
		t.Errorf("found %v, want nothing\n%s", rec.Found, w.story())
	}
	w.vendor.listing = nil
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"ann": "active observer in Tier 1"})
}
