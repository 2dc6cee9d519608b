package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
)

// Who returns between the plan and the call, while the vendor is asked for other things or the call waits for its turn, keeps the account:
// a deletion cannot be taken back.
func TestWhoReturnsBeforeTheCallKeepsTheAccount(t *testing.T) {
	t.Parallel()
	suspends := strings.Replace(plainMapping, "when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: [suspend]", 1)
	returns := func(w *world) { w.activate("ann", true) }
	for name, c := range map[string]struct {
		doc  string
		when func(w *world) // arranges the return
		call string         // that must change nothing
	}{
		"while a receiver is judged": {transferMapping, func(w *world) {
			w.vendor.receives = func(string, string, []string) error { returns(w); return nil }
		}, "remove"},
		"while the deletion waits for its turn": {transferMapping, func(w *world) { w.during("remove", func() { returns(w) }) }, ""},
		"while the account is read":             {suspends, func(w *world) { w.during("find", func() { returns(w) }) }, "suspend"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, c.doc, "ann", "boss", "it")
			want := w.vendor.have()
			c.when(w)
			w.activate("ann", false)
			w.pass(time.Hour)
			if c.call != "" && w.vendor.count(c.call) != 0 {
				t.Errorf("%s was sent: %s", c.call, w.story())
			}
			short := map[string]string{}
			for email, v := range want {
				short[strings.TrimSuffix(email, "@acme.example")] = v
			}
			w.wantVendor(short)
			x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "desk")
			w.must(err)
			if x.Item != nil || len(x.Accounts) != 1 || x.Accounts[0].State == "removing" {
				t.Errorf("got %+v, %+v, want nothing to do", x.Item, x.Accounts)
			}
		})
	}
}

// during has something happen once, during the next call of a kind.
func (w *world) during(op string, what func()) {
	w.vendor.slow = func() {
		if calls := w.vendor.calls; strings.HasPrefix(calls[len(calls)-1], op+" ") {
			w.vendor.slow = nil
			what()
		}
	}
}

// Who is active again, and is to lose only the sign-in by then, does not lose the account.
func TestWhoMerelyLostAGrantByTheTimeOfTheCallIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := staffed(t, transferMapping+"    when_ungranted: [suspend]\n", "ann", "boss", "it")
	w.vendor.receives = func(string, string, []string) error {
		w.activate("ann", true)
		w.members(directory.RemoveMembers, "Support", "ann")
		return nil
	}
	w.activate("ann", false)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "suspended agent", "boss": "active agent", "it": "active agent"})
}

// A deletion without an answer is sent again, also where it was only due because the person was terminated.
func TestATerminatedPersonsDeletionWithoutAnAnswerIsSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.vendor.can.Actions = []adapters.Action{adapters.Demote, adapters.Delete}
	w.start()
	w.apply(later)
	w.hire("ann")
	w.group("Support", "ann")
	w.settle()
	w.vendor.fail("remove", problem(adapters.Uncertain, "remove"))
	w.terminate("ann", 0)
	w.pass(10 * time.Minute)
	w.wantVendor(map[string]string{})
}
