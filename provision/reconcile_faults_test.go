package provision_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store/storetest"
)

// The process dies at every commit and every vendor call of a run; the next run ends with what one would have had.
func TestReconcileSurvivesACrashAnywhere(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"before call", "after call", "before commit", "after commit"} {
		for n := 1; n <= 9; n++ {
			t.Run(fmt.Sprintf("%s %d", at, n), func(t *testing.T) {
				t.Parallel()
				f := storetest.Faulty(storetest.New(t))
				w := newWorldOn(t, f)
				w.apply(correcting("{changed: correct}"))
				w.hire("ann", "bob", "cem", "dan")
				w.group("Support", "ann", "bob", "cem")
				w.pass(time.Minute)
				w.at("ann").Role = "admin"
				delete(w.vendor.accounts, w.at("bob").ID)
				w.vendor.seed(adapters.Account{Email: "dan@acme.example", Role: "agent"})
				w.now = w.now.Add(time.Minute)
				w.crashAt(f, at, n)
				w.inEngine = true
				for range 4 {
					_, err := w.engine.Reconcile(t.Context(), "desk")
					if err == nil {
						err = w.work()
					}
					if err != nil && !errors.Is(err, errCrash) {
						t.Fatal(err)
					}
					if err != nil {
						w.crashed = false
						w.start()
					}
					w.step(time.Minute)
				}
				w.inEngine = false
				w.wantVendor(map[string]string{
					"ann": "active agent in Tier 1", "bob": "active agent in Tier 1", "cem": "active agent in Tier 1", "dan": "active agent",
				})
				w.wantDrift("extra reported dan")
			})
		}
	}
}

// Whatever is edited by hand at the vendor: after reconciling, who is entitled has what the mapping says, or an open drift
// or question says why not, and no account that is merely extra is ever removed or changed.
func TestAnyEditConvergesOrIsReported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"ann", "bob", "cem", "dan", "eve"}
		w := staffed(t, correcting("{changed: correct, extra: adopt}"), names...)
		w.hire("fay", "gus")
		extras := map[string]adapters.Account{}
		for range rapid.IntRange(1, 6).Draw(rt, "edits") {
			name := rapid.SampledFrom(names).Draw(rt, "who")
			i := slices.IndexFunc(w.vendor.listed(), func(a adapters.Account) bool { return a.Email == name+"@acme.example" })
			var a *adapters.Account
			if i >= 0 {
				a = w.vendor.accounts[w.vendor.listed()[i].ID]
			}
			switch edit := rapid.SampledFrom([]string{"role", "name", "suspend", "delete", "team", "extra", "foreign", "reconcile"}).Draw(rt, "edit"); {
			case edit == "extra" || edit == "foreign":
				email := map[string]string{"extra": "fay@acme.example", "foreign": "x@else.example"}[edit]
				if _, there := extras[email]; !there {
					id := w.vendor.seed(adapters.Account{Email: email, Role: "agent"})
					extras[email] = *w.vendor.accounts[id]
				}
			case edit == "reconcile":
				w.reconcile()
			case a == nil:
			case edit == "role":
				a.Role = rapid.SampledFrom([]string{"admin", "observer"}).Draw(rt, "role")
			case edit == "name":
				a.Attributes["name"] = name + " renamed"
			case edit == "suspend":
				a.State = adapters.Suspended
			case edit == "team":
				w.vendor.teams["Tier 1"] = slices.DeleteFunc(w.vendor.teams["Tier 1"], func(id string) bool { return id == a.ID })
			case edit == "delete":
				delete(w.vendor.accounts, a.ID)
			}
		}
		w.reconcile()
		w.reconcile()
		if n := w.vendor.count("remove"); n != 0 {
			rt.Fatalf("%d accounts were removed", n)
		}
		for email, was := range extras {
			if now := w.vendor.accounts[was.ID]; now == nil || now.Role != was.Role || now.State != was.State {
				rt.Fatalf("the extra account %s is now %+v", email, now)
			}
		}
		told := map[uuid.UUID]bool{}
		drift, err := w.engine.Drifts(t.Context(), provision.DriftFilter{App: "desk"}, 1000)
		if err != nil {
			rt.Fatal(err)
		}
		for _, d := range drift {
			told[d.Person] = true
		}
		for _, h := range w.holds() {
			told[h.Person] = true
		}
		rec, err := w.engine.Reconciliation(t.Context(), "desk")
		if err != nil {
			rt.Fatal(err)
		}
		have := w.vendor.have()
		for _, name := range names {
			if got := have[name+"@acme.example"]; got != "active agent in Tier 1" && !told[w.users[name]] && rec.State == provision.RunDone {
				rt.Fatalf("%s: %q, and nothing says why: %s", name, got, w.story())
			}
		}
	})
}
