package provision_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

// Whatever happens in whatever order, once it has settled the vendor has what the directory says, or an open
// question says why not. USHER_HISTORIES sets how many histories are played, USHER_SEED with which one they begin.
func TestAnyHistorySettlesAsTheDirectorySays(t *testing.T) {
	t.Parallel()
	n, first := number(t, "USHER_HISTORIES", 100), number(t, "USHER_SEED", 1)
	for seed := uint64(first); seed < uint64(first+n); seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			acts := newHistory(seed)
			_, err := playHistory(t, seed, acts)
			if err == nil {
				return
			}
			acts = minimised(t, seed, acts, nameOf(err))
			h, err := playHistory(t, seed, acts)
			t.Fatalf("%v\nacts: %v\n%s\n%s", err, acts, strings.Join(h.trace, "\n"), h.story())
		})
	}
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a positive number", name, v)
	}
	return n
}

// broken is an invariant that does not hold.
type broken struct{ name, text string }

func (b *broken) Error() string { return b.name + ": " + b.text }

func breaks(name, format string, args ...any) error {
	return &broken{name, fmt.Sprintf(format, args...)}
}

func nameOf(err error) string {
	var b *broken
	if errors.As(err, &b) {
		return b.name
	}
	return "error"
}

// minimised leaves out acts as long as the same invariant breaks.
func minimised(t *testing.T, seed uint64, acts []act, name string) []act {
	tries := 300
	for size := len(acts) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(acts) && tries > 0; {
			tries--
			fewer := slices.Concat(acts[:at], acts[at+size:])
			if _, err := playHistory(t, seed, fewer); err != nil && nameOf(err) == name {
				acts = fewer
				continue
			}
			at += size
		}
	}
	return acts
}

// situation is what the mapping says of one person now.
func (h *history) want(person uuid.UUID) (mapping.Want, directory.Person, error) {
	m, err := h.maps.Current(h.t.Context())
	if err != nil {
		return mapping.Want{}, directory.Person{}, err
	}
	var p directory.Person
	err = h.store.View(h.t.Context(), func(r store.Reader) error {
		var err error
		p, err = h.dir.PersonIn(r, person)
		return err
	})
	if _, known := m.App("desk"); err != nil || !known {
		return mapping.Want{}, p, err
	}
	w, err := m.Want("desk", &p, h.now)
	return w, p, err
}

// note remembers who is entitled at this moment.
func (h *history) note() error {
	for person := range h.persons {
		w, _, err := h.want(person)
		if err != nil {
			return err
		}
		h.ever[person] = h.ever[person] || w.Wanted
	}
	return nil
}

// watch checks what must hold at every moment.
func (h *history) watch() error {
	if err := h.note(); err != nil {
		return err
	}
	owned, addressed := map[string]string{}, map[string]bool{}
	for _, id := range h.vendorIDs() {
		a := h.vendor.accounts[id]
		if was, theirs := h.foreign[id]; theirs {
			if !reflect.DeepEqual(was, *a) {
				return breaks("protected accounts are untouched", "%+v", a)
			}
			continue
		}
		if addressed[a.Email] {
			return breaks("nobody has two accounts", "%s", a.Email)
		}
		addressed[a.Email] = true
		if a.ExternalID == "" {
			continue
		}
		person, err := uuid.Parse(a.ExternalID)
		if err != nil {
			return breaks("external ids are persons", "%q", a.ExternalID)
		}
		if !h.ever[person] {
			return breaks("nobody who was never entitled has an account", "%+v", a)
		}
		if other := owned[a.ExternalID]; other != "" {
			return breaks("nobody has two accounts", "%s and %s of %s", other, id, person)
		}
		owned[a.ExternalID] = id
	}
	for id := range h.foreign {
		if h.vendor.accounts[id] == nil {
			return breaks("protected accounts are untouched", "%s was removed", id)
		}
	}
	return h.watchLedger()
}

// watchLedger checks the ledger at a moment: the budget, and that one account is not two persons'.
func (h *history) watchLedger() error {
	all, err := h.engine.Accounts(h.t.Context(), "desk", uuid.Nil, 10000, true)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.Admitted.IsZero() {
			continue
		}
		if h.passed[a.Person] == nil {
			h.passed[a.Person] = map[time.Time]bool{}
		}
		if _, known := h.passed[a.Person][a.Admitted]; !known {
			h.passed[a.Person][a.Admitted] = !h.free
		}
	}
	for _, moments := range h.passed {
		for from := range moments {
			n := 0
			for _, others := range h.passed {
				for at, counts := range others {
					if counts && !at.Before(from) && at.Before(from.Add(24*time.Hour)) {
						n++
						break
					}
				}
			}
			if n > 3 {
				return breaks("removals stay within the budget", "%d people from %s", n, from)
			}
		}
	}
	return nil
}

// judge checks what must hold when everything has settled. Soon after the last act a visible reason excuses
// what is not as it should be; when all is answered, retried and touched, only what cannot be answered does.
func (h *history) judge(soon bool) error {
	m, err := h.maps.Current(h.t.Context())
	if err != nil {
		return err
	}
	if app, known := m.App("desk"); !known || app.Mode != mapping.Enforce {
		return nil
	}
	all, err := h.engine.Accounts(h.t.Context(), "desk", uuid.Nil, 10000, true)
	if err != nil {
		return err
	}
	standing := map[uuid.UUID][]provision.Account{}
	ledger := map[string]provision.Account{}
	for _, a := range all {
		if a.VendorID != "" {
			ledger[a.VendorID] = a
		}
		if !a.State.Over() {
			standing[a.Person] = append(standing[a.Person], a)
		}
	}
	for _, id := range h.vendorIDs() {
		if a := h.vendor.accounts[id]; a.ExternalID != "" && ledger[id].State.Over() {
			return breaks("what stands at the vendor stands in the ledger", "%+v is %q", a, ledger[id].State)
		}
	}
	for _, s := range h.vendor.made {
		if _, known := ledger[s]; !known && h.vendor.accounts[s] != nil && !soon {
			return breaks("every vendor write is explained", "%s was created and is not in the ledger", s)
		}
	}
	for person := range h.persons {
		if err := h.judgePerson(person, standing[person], soon); err != nil {
			return err
		}
	}
	return h.judgeQueue(soon)
}

// judgePerson compares one person's account with what the mapping wants.
func (h *history) judgePerson(person uuid.UUID, accounts []provision.Account, soon bool) error {
	w, p, err := h.want(person)
	if err != nil {
		return err
	}
	x, err := h.engine.Why(h.t.Context(), person.String(), "desk")
	if err != nil {
		return err
	}
	who := fmt.Sprintf("%s (%s)", p.UserName, person)
	if soon && h.excused(&x, accounts) {
		return nil
	}
	asked, rejected := map[provision.HoldKind]bool{}, map[provision.HoldKind]bool{}
	for _, hold := range x.Holds {
		asked[hold.Kind] = asked[hold.Kind] || hold.State == provision.HoldOpen
		rejected[hold.Kind] = rejected[hold.Kind] || hold.State == provision.HoldRejected
		if hold.State == provision.HoldOpen && hold.Kind != provision.HoldForeign && hold.Kind != provision.HoldProtected && hold.Kind != provision.HoldTransfer {
			return breaks("approved questions go away", "%s: %+v", who, hold)
		}
	}
	if x.Item != nil && x.Item.Failure != nil && !asked[provision.HoldForeign] && !asked[provision.HoldProtected] {
		return breaks("nobody is stuck when faults have ended", "%s: %+v %+v", who, x.Item, x.Item.Failure)
	}
	if asked[provision.HoldForeign] || p.UserName == "gus@acme.example" || p.UserName == "" && asked[provision.HoldProtected] {
		return nil
	}
	if !w.Wanted {
		excused := asked[provision.HoldProtected] || rejected[provision.HoldBudget] || rejected[provision.HoldMapping] ||
			rejected[provision.HoldReduction] || rejected[provision.HoldTransfer] || rejected[provision.HoldRefused]
		for _, a := range accounts {
			reduced := soon && !a.UnwantedSince.IsZero() && (a.State == provision.Suspended || a.State == provision.Demoted)
			if v := h.vendor.accounts[a.VendorID]; v != nil && !excused && !reduced {
				return breaks("nobody unwanted keeps an account", "%s: %+v, item %+v", who, v, x.Item)
			}
		}
		return nil
	}
	if len(accounts) != 1 {
		return breaks("who is entitled has one account", "%s has %d in the ledger", who, len(accounts))
	}
	return h.judgeAccount(who, w, accounts[0], rejected)
}

// excused reports whether something visible says why a person's account may not be as it should be.
func (h *history) excused(x *provision.Explanation, accounts []provision.Account) bool {
	if x.Item != nil && (x.Item.Failure != nil || x.Item.State == provision.Failed || x.Item.Due.After(h.now)) {
		return true
	}
	for _, hold := range x.Holds {
		if hold.State == provision.HoldOpen || hold.State == provision.HoldRejected {
			return true
		}
	}
	for _, a := range accounts {
		if h.byHand[a.VendorID] {
			return true // nobody can know yet
		}
	}
	return false
}

// judgeAccount compares an entitled person's ledger entry and the vendor's account with what is wanted.
func (h *history) judgeAccount(who string, w mapping.Want, a provision.Account, rejected map[provision.HoldKind]bool) error {
	v := h.vendor.accounts[a.VendorID]
	if v == nil {
		return breaks("who is entitled has one account", "%s: the vendor has none, the ledger says %+v", who, a)
	}
	if a.Protected != "" || a.Email == "gus@acme.example" {
		return nil
	}
	if (v.State != adapters.Active || a.State != provision.Active) && !rejected[provision.HoldSuspended] {
		return breaks("who is entitled can sign in", "%s: vendor %s, ledger %s", who, v.State, a.State)
	}
	if v.State != adapters.Active || rejected[provision.HoldReduction] {
		return nil
	}
	if v.Role != w.Role {
		return breaks("roles are as wanted", "%s: vendor %q, want %q", who, v.Role, w.Role)
	}
	m, err := h.maps.Current(h.t.Context())
	if err != nil {
		return err
	}
	app, _ := m.App("desk")
	var teams []string
	for _, team := range app.ManagedTeams() {
		if slices.Contains(h.vendor.teams[team], v.ID) {
			teams = append(teams, team)
		}
	}
	slices.Sort(teams)
	st, err := h.engine.Status(h.t.Context())
	if err != nil {
		return err
	}
	if !slices.Equal(teams, w.Teams) && st[0].Failures == nil {
		return breaks("teams are as wanted", "%s: vendor %q, want %q, ledger %q", who, teams, w.Teams, a.Teams)
	}
	if v.Attributes["name"] != w.Profile["name"] {
		return breaks("profiles are as wanted", "%s: vendor %q, want %q", who, v.Attributes["name"], w.Profile["name"])
	}
	return nil
}

// judgeQueue checks that nothing lies in the queue for which its time has come.
func (h *history) judgeQueue(soon bool) error {
	st, err := h.engine.Status(h.t.Context())
	if err != nil {
		return err
	}
	s := st[0]
	for _, q := range []string{"marked", "quiet", "removal", "update", "joiner", "failed"} {
		if s.Queue[q] > 0 && !(soon && (s.Failures != nil || s.Waiting.After(h.now))) {
			return breaks("nothing is stuck", "%d items are %s: %+v", s.Queue[q], q, s)
		}
	}
	if n := s.Accounts[provision.Creating] + s.Accounts[provision.Removing]; n > 0 && s.Queue["held"] == 0 && !soon {
		return breaks("no intent is forgotten", "%v", s.Accounts)
	}
	return nil
}
