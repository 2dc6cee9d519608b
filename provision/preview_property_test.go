package provision_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
)

// anyMapping is a document of random grants and lists of steps, with a budget that holds nothing.
func anyMapping(r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	var b strings.Builder
	b.WriteString("version: 1\n")
	if r.IntN(4) == 0 {
		fmt.Fprintf(&b, "people: {exclude: 'user.userName startsWith %q'}\n", pick("ann", "bob", "cat"))
	}
	b.WriteString("apps:\n  desk:\n    connection: desk-prod\n    mode: enforce\n    budget: {percent: 100, at_least: 1000, at_most: 1000}\n    grants:\n")
	for range 1 + r.IntN(3) {
		fmt.Fprintf(&b, "      - {group: %s, role: %s%s}\n", pick("Support", "Sales", "Ops"), pick("admin", "agent", "observer"), pick("", ", teams: [T1]", ", teams: [T1, T2]"))
	}
	if r.IntN(3) == 0 {
		fmt.Fprintf(&b, "    deny: [{group: %s}]\n", pick("Support", "Sales", "Ops"))
	}
	if r.IntN(3) == 0 {
		b.WriteString("    profile: {name: 'user.userName'}\n")
	}
	for _, list := range []string{"when_deactivated", "when_ungranted"} {
		fmt.Fprintf(&b, "    %s: %s\n", list, pick("[demote]", "[suspend]", "[{action: delete, after: 0s}]", "[suspend, {action: delete, after: 0s}]", "[demote, suspend]"))
	}
	return b.String()
}

// fates is what became of each account between two moments, as the vendor saw it.
func (w *world) fates(before, after map[string]string, was, is map[uuid.UUID]bool, ids map[string]string) map[string]provision.Fate {
	demoted := map[string]bool{}
	for _, call := range w.vendor.writes() {
		if id, ok := strings.CutPrefix(call, "demote "); ok {
			demoted[ids[id]] = true
		}
	}
	found := map[string]provision.Fate{}
	for name, person := range w.users {
		email := name + "@acme.example"
		had, has := before[email], after[email]
		switch {
		case had == "" && has == "":
		case had == "":
			found[email] = provision.FateCreate
		case has == "":
			found[email] = provision.FateDelete
		case was[person] && !is[person]:
			found[email] = provision.FateReturn
		case strings.HasPrefix(had, "active") && strings.HasPrefix(has, "suspended"):
			found[email] = provision.FateSuspend
		case demoted[email]:
			found[email] = provision.FateDemote
		case had != has:
			found[email] = provision.FateChange
		}
	}
	return found
}

// vendorView describes the accounts by e-mail, and names the accounts' ids.
func (w *world) vendorView() (have, ids map[string]string) {
	have, ids = w.vendor.have(), map[string]string{}
	w.vendor.mu.Lock()
	defer w.vendor.mu.Unlock()
	for id, a := range w.vendor.accounts {
		ids[id] = a.Email
		have[a.Email] += " called " + a.Attributes["name"]
	}
	return have, ids
}

// leaving are the people whose account stands in the ledger as unwanted.
func (w *world) leaving() map[uuid.UUID]bool {
	w.t.Helper()
	all, err := w.engine.Accounts(w.t.Context(), "desk", uuid.Nil, 1000, false)
	w.must(err)
	found := map[uuid.UUID]bool{}
	for _, a := range all {
		if !a.UnwantedSince.IsZero() {
			found[a.Person] = true
		}
	}
	return found
}

// What a plan says of a random edit is what the engine then does, person by person, and what is confirmed is who loses something.
func TestAPlanIsWhatTheEngineThenDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(number(t, "USHER_EDITS", 60)) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			w := newWorld(t)
			names := []string{"ann", "bob", "cat", "dan", "eve", "fay"}
			w.hire(names...)
			some := func() []string {
				return slices.DeleteFunc(slices.Clone(names), func(string) bool { return r.IntN(2) == 0 })
			}
			for _, g := range []string{"Support", "Sales", "Ops"} {
				w.group(g, some()...)
			}
			first := anyMapping(r)
			w.apply(first)
			w.pass(time.Minute)
			w.members(directory.RemoveMembers, "Support", some()...)
			w.activate(names[r.IntN(len(names))], false)
			w.pass(time.Minute)
			for _, h := range w.holds() { // a plan says what is done when what is held is let through
				w.approve(h, false)
			}
			w.pass(time.Minute)

			text := anyMapping(r)
			next, err := w.maps.Check(t.Context(), []byte(text))
			w.must(err)
			plan, err := w.engine.Preview(t.Context(), next)
			w.must(err)
			before, ids := w.vendorView()
			was := w.leaving()
			w.vendor.calls = nil
			_, err = w.maps.Apply(t.Context(), admin, []byte(text), versions.ApplyOptions{Confirmed: plan.Removals, Exceeding: plan.Exceeding})
			w.must(err)
			w.pass(time.Minute)
			after, _ := w.vendorView()

			got, losing := map[string]provision.Fate{}, 0
			a := plan.Apps[0]
			for fate, tally := range map[provision.Fate]provision.Tally{
				provision.FateCreate: a.Create, provision.FateReturn: a.Return, provision.FateChange: a.Change,
				provision.FateDemote: a.Demote, provision.FateSuspend: a.Suspend, provision.FateDelete: a.Delete,
			} {
				for _, one := range tally.First {
					got[one.UserName] = fate
				}
			}
			want := w.fates(before, after, was, w.leaving(), ids)
			for _, fate := range want {
				if fate.Loses() {
					losing++
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) || plan.Removals != losing {
				t.Errorf("planned %v, done %v; %d planned to lose, %d do\nbefore:%s\nafter:%s\nholds %v\ncalls %q\nhad %v\nhas %v",
					got, want, plan.Removals, losing, first, text, w.holds(), w.vendor.writes(), before, after)
			}
		})
	}
}
