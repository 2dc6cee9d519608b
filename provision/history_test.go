package provision_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store/storetest"
)

// act is one thing that happens in a history. Its numbers are taken modulo what there is, and what does not fit
// the moment does nothing, so that a history stays one when acts are left out.
type act struct {
	what    string
	a, b, c int
}

func (a act) String() string { return fmt.Sprintf("%s %d %d %d", a.what, a.a, a.b, a.c) }

// weights says how often each act comes.
var weights = []struct {
	what string
	n    int
}{
	{"hire", 5}, {"another human", 2}, {"change", 2}, {"rename", 2}, {"deactivate", 6}, {"activate", 5}, {"delete user", 3},
	{"create group", 4}, {"delete group", 2}, {"burst", 2}, {"join", 10}, {"leave", 6}, {"mapping", 3}, {"rollback", 1},
	{"fault", 12}, {"lag", 1}, {"outage", 1}, {"by hand", 2}, {"stranger", 1}, {"crash", 5},
	{"approve", 3}, {"reject", 1}, {"retry", 1}, {"restart", 1}, {"time", 20},
	{"some", 10}, {"meanwhile", 5},
}

func newHistory(seed uint64) []act {
	r := rand.New(rand.NewPCG(seed, 7))
	total := 0
	for _, w := range weights {
		total += w.n
	}
	acts := []act{{"mapping", 0, 0, 0}}
	for n := range r.IntN(len(humans) + 1) {
		acts = append(acts, act{"hire", n, 0, 0})
	}
	acts = append(acts, act{"create group", 0, r.IntN(1 << len(humans)), 0}, act{"time", r.IntN(5), 0, 0})
	for range 20 + r.IntN(60) {
		n := r.IntN(total)
		for _, w := range weights {
			if n -= w.n; n < 0 {
				acts = append(acts, act{w.what, r.IntN(1000), r.IntN(1024), r.IntN(1000)})
				break
			}
		}
	}
	return acts
}

var (
	humans     = []string{"ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida", "owner"}
	groupNames = []string{"Support", "Leads", "Interns"}
	pauses     = []time.Duration{0, time.Second, 4 * time.Second, 30 * time.Second, 10 * time.Minute, 3 * time.Hour, 25 * time.Hour, 8 * 24 * time.Hour}
	faulty     = []string{"check", "find", "create", "update", "remove", "suspend", "demote", "resume", "team", "create", "create", "remove", "update", "team"}
	kinds      = []adapters.Kind{
		adapters.Uncertain, adapters.Uncertain, adapters.Uncertain, adapters.Uncertain, adapters.Retry, adapters.Unavailable, adapters.NotFound, adapters.AlreadyExists,
		adapters.Conflict, adapters.Invalid, adapters.Unauthorized, adapters.NoSeat, adapters.Protected, adapters.Unsupported,
	}
)

const historyHead = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    protect: [gus@acme.example]
`

// documents are the mappings of a history. The first is also the last one.
var documents = []string{
	historyHead + `
    grants:
      - {group: Support, role: agent, teams: [Tier 1]}
      - {group: Leads, role: admin, teams: [Tier 2]}
    deny: [{group: Interns}]
    when_deactivated: [demote, suspend, {action: delete, after: 24h}]
    when_ungranted: [{action: delete, after: 7d}]
`, historyHead + `
    grants:
      - {group: Support, role: observer, teams: [Tier 2]}
      - {group: Leads, role: agent}
    when_deactivated: [suspend]
    when_ungranted: [demote]
`, historyHead + `
    grants: [{group: Leads, role: agent, teams: [Tier 1, Tier 2]}]
    when_deactivated: [{action: delete, after: 0s}]
    when_ungranted: [suspend, {action: delete, after: 24h}]
`, historyHead + `
    grants: [{group: Support, role: agent}, {person: eve@acme.example, role: admin}]
    when_deactivated: [{action: delete, after: 0s, transfer: {to: ann@acme.example, what: [meetings]}}]
    when_ungranted: [{action: delete, after: 0s}]
`,
	strings.Replace(historyHead, "enforce", "observe", 1) + "    grants: [{group: Support, role: agent}]\n",
	strings.Replace(historyHead, "enforce", "paused", 1) + "    grants: [{group: Support, role: agent}]\n",
}

// history plays acts in a world and watches over it.
type history struct {
	*world
	faults  *storetest.Faults
	trace   []string
	persons map[uuid.UUID]bool               // everybody who ever was
	ever    map[uuid.UUID]bool               // who was ever entitled
	byHand  map[string]bool                  // vendor ids of accounts that somebody removed at the vendor
	free    bool                             // a confirmed edit is being carried out, which the budget does not bound
	passed  map[uuid.UUID]map[time.Time]bool // whose removal the budget let through, and when
	foreign map[string]adapters.Account      // accounts that are none of Usher's business
	failed  error                            // what went wrong during a vendor call
}

// playHistory plays acts and says what is wrong in the end.
func playHistory(t *testing.T, seed uint64, acts []act) (*history, error) {
	s := storetest.New(t)
	if seed%4 == 1 {
		s = storetest.Rerun(s)
	}
	f := storetest.Faulty(s)
	h := &history{
		faults: f, persons: map[uuid.UUID]bool{}, ever: map[uuid.UUID]bool{}, byHand: map[string]bool{},
		passed: map[uuid.UUID]map[time.Time]bool{}, foreign: map[string]adapters.Account{},
	}
	h.world = newWorldWith(t, f, seededIDs(seed))
	h.world.quiet = provision.QuietTime{Pause: 5 * time.Second, AtMost: 2 * time.Minute}
	h.start()
	h.vendor.strict = true
	h.vendor.dupes = seed%7 > 3
	h.vendor.can.EmailChange = seed%3 != 2
	h.vendor.can.ExternalID = seed%5 != 4
	owner := adapters.Account{Email: "owner@acme.example", Role: "admin", Protected: "account owner"}
	owner.ID = h.vendor.seed(owner)
	owner.State = adapters.Active
	h.foreign[owner.ID] = owner
	h.calm()
	for _, a := range acts {
		if err := h.play(a); err != nil {
			return h, fmt.Errorf("%s: %w", a, err)
		}
		if err := h.watch(); err != nil {
			return h, fmt.Errorf("after %s: %w", a, err)
		}
	}
	err := h.end()
	return h, err
}

// seededIDs makes UUIDv7 that rise and are the same for the same seed.
func seededIDs(seed uint64) func(func() time.Time) func() uuid.UUID {
	n := uint64(0)
	r := rand.New(rand.NewPCG(seed, 9))
	return func(now func() time.Time) func() uuid.UUID {
		return func() uuid.UUID {
			n++
			var id uuid.UUID
			binary.BigEndian.PutUint64(id[:8], uint64(now().UnixMilli())<<16|0x7000|n&0xfff)
			binary.BigEndian.PutUint64(id[8:], r.Uint64()&^(3<<62)|1<<63)
			return id
		}
	}
}

func (h *history) say(format string, args ...any) {
	h.trace = append(h.trace, h.now.Format("02 15:04:05 ")+fmt.Sprintf(format, args...))
}

// ignored are the directory's answers to acts that do not fit the moment.
func ignored(err error) error {
	switch directory.CodeOf(err) {
	case directory.NotFound, directory.Uniqueness, directory.Invalid:
		return nil
	}
	return err
}

func (h *history) play(a act) error {
	ctx := h.t.Context()
	name, group := humans[a.a%len(humans)], groupNames[a.b%len(groupNames)]
	switch a.what {
	case "hire", "another human":
		w := h.write(name, true)
		if a.what == "another human" {
			w.ExternalID = fmt.Sprintf("ext-%s-%d", name, a.b%3)
		}
		u, err := h.dir.CreateUser(ctx, h.okta, "req", w, directory.CreateOptions{Reactivate: a.b%2 == 0})
		if err == nil {
			h.users[name], h.persons[u.Person] = u.Person, true
			h.say("%s %s is %s", a.what, name, u.Person)
		}
		return ignored(err)
	case "change", "rename":
		return h.edit(name, func(u directory.User) directory.UserWrite {
			w := h.write(name, u.Active)
			if a.what == "rename" && a.c%2 == 0 {
				w = h.write(fmt.Sprintf("%s%d", name, a.b%2), u.Active)
			}
			if a.what == "change" {
				w.Attributes = json.RawMessage(strings.Replace(string(w.Attributes), `"displayName":"`, fmt.Sprintf(`"displayName":"%d `, a.b), 1))
			}
			w.ExternalID = u.ExternalID
			return w
		}, a.what)
	case "deactivate", "activate":
		return h.edit(name, func(u directory.User) directory.UserWrite {
			w := directory.UserWrite{UserName: u.UserName, ExternalID: u.ExternalID, Emails: u.Emails, Active: a.what == "activate"}
			var attrs map[string]any
			h.must(json.Unmarshal(u.Attributes, &attrs))
			attrs["active"] = w.Active
			var err error
			w.Attributes, err = json.Marshal(attrs)
			h.must(err)
			return w
		}, a.what)
	case "delete user":
		h.say("delete %s", name)
		return ignored(h.dir.DeleteUser(ctx, h.okta, "req", h.users[name]))
	case "create group":
		var members []string
		for i, n := range humans {
			if _, known := h.users[n]; known && a.b>>i&1 == 1 {
				members = append(members, n)
			}
		}
		name := groupNames[a.a%len(groupNames)]
		g, err := h.dir.CreateGroup(ctx, h.okta, "req", directory.GroupWrite{Name: name, Members: []directory.MemberOp{{Kind: directory.AddMembers, Members: h.refs(members)}}}, directory.MemberPolicy{})
		if err == nil {
			h.groups[name] = g.ID
			h.say("group %s with %q", name, members)
		}
		return ignored(err)
	case "delete group":
		h.say("delete group %s", group)
		return ignored(h.dir.DeleteGroup(ctx, h.okta, "req", h.groups[group]))
	case "join", "leave":
		kind := directory.AddMembers
		if a.what == "leave" {
			kind = directory.RemoveMembers
		}
		if _, known := h.users[name]; !known {
			return nil
		}
		h.say("%s %s %s", name, a.what, group)
		_, _, err := h.dir.UpdateGroup(ctx, h.okta, "req", h.groups[group], directory.MemberPolicy{}, func(g directory.Group) (directory.GroupWrite, error) {
			return directory.GroupWrite{Name: g.Name, ExternalID: g.ExternalID, Attributes: g.Attributes, Members: []directory.MemberOp{{Kind: kind, Members: h.refs([]string{name})}}}, nil
		})
		return ignored(err)
	case "burst":
		for i := range humans {
			if a.b>>i&1 == 1 {
				if err := h.play(act{"deactivate", i, 0, 0}); err != nil {
					return err
				}
			}
		}
	case "mapping":
		return h.applyDocument(a.a%len(documents), (a.c%4+1)/4*1000)
	case "rollback":
		list, err := h.maps.List(ctx)
		if err != nil || len(list) == 0 {
			return err
		}
		to := list[a.a%len(list)].Number
		confirmed := (a.c%4 + 1) / 4
		h.say("rollback to version %d, confirmed %v", to, confirmed == 1)
		h.free = h.free || confirmed == 1
		_, err = h.maps.Rollback(ctx, admin, to, versions.ApplyOptions{Confirmed: confirmed})
		return err
	case "time":
		d := pauses[a.a%len(pauses)]
		h.say("%s pass", d)
		return h.run(d)
	default:
		return h.playRest(a)
	}
	return nil
}

// playRest plays what happens at the vendor, to the process and by administrators.
func (h *history) playRest(a act) error {
	ctx := h.t.Context()
	switch a.what {
	case "fault":
		op, kind := faulty[a.a%len(faulty)], kinds[a.b%len(kinds)]
		if op == "find" && kind == adapters.NotFound {
			return nil // a lie, which no adapter tells
		}
		err := problem(kind, op)
		if e := err.(*adapters.Error); kind == adapters.Retry { //nolint:errorlint // made by problem
			e.After = time.Duration(a.c%100) * time.Second
		}
		after := kind == adapters.Uncertain && a.c%2 == 0 && op != "check" && op != "find"
		h.say("fault at %s: %s, after the effect: %v", op, kind, after)
		h.vendor.faults[op] = append(h.vendor.faults[op], fault{err: err, after: after})
	case "lag":
		h.say("the next look-up misses")
		h.vendor.missAfterCreate = 1
	case "outage":
		h.say("outage %d", a.a%2)
		h.vendor.down = problem([]adapters.Kind{adapters.Unavailable, adapters.Unauthorized}[a.a%2], "anything")
		err := h.run(pauses[2+a.b%5])
		h.vendor.down = nil
		return err
	case "by hand":
		ids := h.vendorIDs()
		if len(ids) == 0 {
			return nil
		}
		id := ids[a.a%len(ids)]
		if _, theirs := h.foreign[id]; theirs {
			return nil
		}
		h.say("%s (%s) is removed by hand", h.vendor.accounts[id].Email, id)
		h.byHand[id] = true
		delete(h.vendor.accounts, id)
		for t := range h.vendor.teams {
			h.vendor.teams[t] = slices.DeleteFunc(h.vendor.teams[t], func(m string) bool { return m == id })
		}
	case "stranger":
		email := humans[a.a%len(humans)] + "@acme.example"
		for _, v := range h.vendor.accounts {
			if v.Email == email {
				return nil
			}
		}
		state := []adapters.State{adapters.Active, adapters.Active, adapters.Suspended}[a.b%3]
		id := h.vendor.seed(adapters.Account{Email: email, Role: h.vendor.can.Roles[a.c%3], State: state})
		h.say("%s has an account %s of old, %s %s", email, id, state, h.vendor.can.Roles[a.c%3])
	case "crash":
		at := []string{"before call", "after call", "before commit", "after commit"}[a.a%4]
		h.say("crash %s %d from now", at, 1+a.b%12)
		h.commits = 0
		h.crashAt(h.faults, at, 1+a.b%12)
	case "approve", "reject":
		open := h.holds()
		if len(open) == 0 {
			return nil
		}
		return h.decide(open[a.a%len(open)], a.what == "approve", a.b%2 == 0)
	case "retry":
		h.say("retry")
		_, err := h.engine.Retry(ctx, admin, "desk", uuid.Nil)
		return err
	case "restart":
		h.say("restart")
		h.start()
	case "some":
		return h.some(1 + a.a%8)
	case "meanwhile":
		doing := []string{"deactivate", "activate", "leave", "join", "change", "delete user", "hire", "mapping"}
		then := act{doing[a.c%len(doing)], a.a, a.b, a.c}
		h.say("at the next call: %s", then)
		h.vendor.meanwhile = func() { h.failed = errors.Join(h.failed, h.during(then)) }
	default:
		return errors.New("not known")
	}
	return nil
}

func (h *history) decide(hold provision.Hold, approve, waive bool) error {
	if !hold.Kind.Approvable() {
		return nil
	}
	h.say("decide %s of %s: approve %v", hold.Kind, hold.Person, approve)
	if !approve {
		_, err := h.engine.Reject(h.t.Context(), admin, hold.ID)
		return err
	}
	_, err := h.engine.Approve(h.t.Context(), admin, hold.ID, waive && hold.Kind == provision.HoldTransfer)
	return err
}

func (h *history) applyDocument(n, confirmed int) error {
	h.say("mapping %d, confirmed %v", n, confirmed > 0)
	h.free = h.free || confirmed > 0
	_, err := h.maps.Apply(h.t.Context(), admin, []byte(documents[n]), versions.ApplyOptions{Confirmed: confirmed})
	return err
}

func (h *history) edit(name string, change func(directory.User) directory.UserWrite, what string) error {
	id, known := h.users[name]
	if !known {
		return nil
	}
	h.say("%s %s", what, name)
	_, _, err := h.dir.UpdateUser(h.t.Context(), h.okta, "req", id, func(u directory.User) (directory.UserWrite, error) { return change(u), nil })
	return ignored(err)
}

// run lets the engine work while time passes; the process dies and starts again where that is arranged.
func (h *history) run(d time.Duration) error {
	h.inEngine = true
	defer func() { h.inEngine = false }()
	end := h.now.Add(d)
	for {
		err := h.work()
		if errors.Is(err, errCrash) {
			h.say("crash")
			h.calm()
			h.start()
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(h.failed, h.watch()); err != nil {
			return err
		}
		h.free = false
		if !h.now.Before(end) {
			return nil
		}
		h.now = h.now.Add(max(d/8, time.Second))
		if d/8 > h.vendor.can.ReadLag {
			h.vendor.misses = 0 // reads have caught up
		}
		if h.now.After(end) {
			h.now = end
		}
	}
}

// some takes single steps of the engine, so that acts come between them.
func (h *history) some(n int) error {
	h.say("%d steps of the engine", n)
	h.inEngine = true
	defer func() { h.inEngine = false }()
	for i := range n {
		err := h.one(i % 4)
		if errors.Is(err, errCrash) {
			h.say("crash")
			h.calm()
			h.start()
			return nil
		}
		if err != nil {
			return err
		}
	}
	return h.failed
}

func (h *history) one(step int) error {
	ctx := h.t.Context()
	var err error
	switch step {
	case 0:
		_, err = h.engine.Expand(ctx)
	case 1:
		_, err = h.engine.Triage(ctx, "desk")
	case 2:
		_, err = h.engine.Admit(ctx, "desk")
	default:
		m, merr := h.maps.Current(ctx)
		if app, known := m.App("desk"); merr != nil || !known || app.Mode == mapping.Paused || h.engine.Waiting("desk") {
			return merr
		}
		var it *provision.Item
		if it, err = h.engine.Next(ctx, "desk"); err == nil && it != nil {
			err = h.engine.Execute(ctx, *it)
		}
	}
	return err
}

// during plays an act while the engine waits for the vendor, and lets it judge that.
func (h *history) during(a act) error {
	h.inEngine = false
	err := errors.Join(h.note(), h.play(a))
	h.inEngine = true
	for step := range 3 {
		if err == nil {
			err = h.one(step)
		}
	}
	if errors.Is(err, errCrash) {
		return nil
	}
	return err
}

// calm disarms the arranged crash.
func (h *history) calm() {
	h.crashed = false
	h.crashAt(h.faults, "never", 0)
}

func (h *history) vendorIDs() []string {
	var ids []string
	for id := range h.vendor.accounts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// end lets everything come to rest: faults end, time passes, everybody is touched so that what
// happened at the vendor by hand is found, questions are answered, failures retried.
func (h *history) end() error {
	h.say("END")
	h.calm()
	clear(h.vendor.faults)
	h.vendor.missAfterCreate, h.vendor.meanwhile = 0, nil
	if err := h.run(2 * time.Hour); err != nil {
		return err
	}
	if err := h.judge(true); err != nil {
		return err
	}
	h.say("HEAL")
	if err := h.applyDocument(0, 1000); err != nil {
		return err
	}
	for round := range 4 {
		for person := range h.persons {
			if err := h.touch(person, round); err != nil {
				return err
			}
		}
		if _, err := h.engine.Retry(h.t.Context(), admin, "desk", uuid.Nil); err != nil {
			return err
		}
		if err := h.run(9 * 24 * time.Hour); err != nil {
			return err
		}
		for _, hold := range h.holds() {
			if err := h.decide(hold, true, true); err != nil {
				return err
			}
		}
		if err := h.run(9 * 24 * time.Hour); err != nil {
			return err
		}
	}
	return h.judge(false)
}

// touch changes a person, so that the engine writes to the account and sees what became of it.
func (h *history) touch(person uuid.UUID, round int) error {
	_, _, err := h.dir.UpdateUser(h.t.Context(), h.okta, "req", person, func(u directory.User) (directory.UserWrite, error) {
		w := directory.UserWrite{UserName: u.UserName, ExternalID: u.ExternalID, Emails: u.Emails, Active: u.Active}
		var attrs map[string]any
		err := json.Unmarshal(u.Attributes, &attrs)
		attrs["displayName"] = fmt.Sprintf("round %d", round)
		w.Attributes, _ = json.Marshal(attrs)
		return w, err
	})
	return ignored(err)
}
