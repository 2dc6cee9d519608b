package provision_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

const oktaMapping = `
version: 1
groups:
  staff: [okta/Support, okta/Leads]
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants:
      - {group: staff, role: agent}
      - {group: okta/Leads, role: admin} # those who lead
      - {group: okta/Later, role: agent}
    when_deactivated: [{action: delete, after: 0s}]
    when_ungranted: [{action: delete, after: 0s}]
`

// movers is a company that moves from okta, where ann, bob and cid are, to entra.
func movers(t *testing.T) (*world, directory.Source) {
	t.Helper()
	w := newWorld(t)
	entra := w.source("entra")
	w.apply(oktaMapping)
	w.hire("ann", "bob", "cid")
	w.group("Support", "ann", "bob", "cid")
	w.group("Leads", "cid")
	w.pass(time.Minute)
	for _, h := range w.holds() {
		w.approve(h, false)
	}
	w.pass(time.Minute)
	if n := len(w.vendor.have()); n != 3 {
		t.Fatalf("%d accounts, want 3", n)
	}
	w.vendor.calls = nil
	return w, entra
}

// arrive has a source push people, each as change makes their record.
func (w *world) arrive(src directory.Source, change func(*directory.UserWrite), names ...string) []directory.MemberRef {
	w.t.Helper()
	var refs []directory.MemberRef
	for _, n := range names {
		u := w.write(n, true)
		change(&u)
		got, err := w.dir.CreateUser(w.t.Context(), src, "req", u, directory.CreateOptions{})
		w.must(err)
		refs = append(refs, directory.MemberRef{Value: got.Person.String()})
	}
	return refs
}

func same(*directory.UserWrite) {}

// upn is a user as Entra has it where the sign-in name is not the address.
func upn(u *directory.UserWrite) {
	name, _, _ := strings.Cut(u.UserName, "@")
	u.UserName, u.ExternalID = name+"@acme.onmicrosoft.example", ""
	u.Emails[0] = strings.ToUpper(u.Emails[0][:1]) + u.Emails[0][1:]
	attrs, err := json.Marshal(map[string]any{
		"userName": u.UserName, "displayName": strings.ToUpper(name[:1]) + name[1:], "emails": []any{map[string]any{"value": u.Emails[0], "primary": true}},
	})
	if err != nil {
		panic(err)
	}
	u.Attributes = attrs
}

func (w *world) groupOf(src directory.Source, name string, members ...[]directory.MemberRef) {
	w.t.Helper()
	var all []directory.MemberRef
	for _, m := range members {
		all = append(all, m...)
	}
	ops := []directory.MemberOp{{Kind: directory.AddMembers, Members: all}}
	_, err := w.dir.CreateGroup(w.t.Context(), src, "req", directory.GroupWrite{Name: name, Members: ops}, directory.MemberPolicy{})
	w.must(err)
}

// migration plans, and returns the text of the mapping that would be put in force.
func (w *world) migration() (provision.Migration, string) {
	w.t.Helper()
	var text []byte
	m, err := w.engine.PlanMigration(w.t.Context(), "okta", "ENTRA", func(names map[string]string) (*mapping.Mapping, error) {
		var err error
		if text, err = mapping.RenameGroups([]byte(oktaMapping), names); err != nil {
			return nil, err
		}
		return w.maps.Check(w.t.Context(), text)
	})
	w.must(err)
	return m, string(text)
}

func (w *world) migrate(m provision.Migration, text string) error {
	w.t.Helper()
	return w.engine.Migrate(w.t.Context(), admin, m, func() (int, error) {
		v, err := w.maps.Apply(w.t.Context(), admin, []byte(text), versions.ApplyOptions{Expect: m.Version})
		return v.Number, err
	})
}

func TestASourceTakesOverFromAnother(t *testing.T) {
	t.Parallel()
	w, entra := movers(t)
	ids := [3]uuid.UUID{w.users["ann"], w.users["bob"], w.users["cid"]}
	linked, others := w.arrive(entra, same, "ann"), w.arrive(entra, upn, "bob", "cid")
	w.groupOf(entra, "SUPPORT", linked, others)
	w.groupOf(entra, "Leads", others[1:])
	w.pass(time.Minute)

	m, text := w.migration()
	if len(m.Blocked) > 0 || m.Active != 3 || m.Linked != 1 || m.Matched.Count != 2 || m.Matched.First[0].Text != "bob@acme.onmicrosoft.example" ||
		m.Preview.Confirm != 0 || m.Preview.Apps[0].Touched() != 0 {
		t.Fatalf("got %+v\n%+v", m, m.Preview)
	}
	if len(m.Groups) != 3 || m.Groups[0].To != "entra/SUPPORT" || m.Groups[0].Members != 3 || m.Groups[0].There != 3 || !m.Groups[2].Waits || m.Groups[2].To != "entra/Later" {
		t.Errorf("groups: got %+v", m.Groups)
	}
	w.must(w.migrate(m, text))
	w.pass(time.Hour)
	if calls := w.vendor.writes(); len(calls) > 0 {
		t.Errorf("the vendor was written to: %q", calls)
	}
	for _, id := range ids {
		if p := w.personOf(id); len(p.Holders) != 2 || !p.Active {
			t.Errorf("%s: got %+v", id, p)
		}
	}
	if n := w.acts(audit.SourceMigrated); n != 1 {
		t.Errorf("%d facts say so, want 1", n)
	}
	// Nothing rests on okta, and entra's word counts, by the ids that it knows.
	if r := w.removal("okta"); r.People != 0 || len(r.Frozen) > 0 {
		t.Errorf("okta's removal leaves behind %+v", r)
	}
	w.must(w.dir.RemoveSource(t.Context(), admin, "okta"))
	bob := uuid.MustParse(others[0].Value)
	_, _, err := w.dir.UpdateUser(t.Context(), entra, "req", bob, func(u directory.User) (directory.UserWrite, error) {
		return directory.UserWrite{UserName: u.UserName, Emails: u.Emails, Attributes: u.Attributes, Active: false}, nil
	})
	w.must(err)
	w.pass(time.Hour)
	if have := w.vendor.have(); len(have) != 2 || have["bob@acme.example"] != "" {
		t.Errorf("entra deactivated bob: got %v", have)
	}
}

func TestWhatKeepsASourceFromTakingOver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		arrange func(*world, directory.Source)
		blocked []string // the beginning of each
		check   func(*testing.T, provision.Migration)
	}{
		"it has pushed nothing": {
			arrange: func(*world, directory.Source) {},
			blocked: []string{"entra has no group like okta/Support, which has 3 members", "entra has no group like okta/Leads", "3 accounts are of people who are not in entra: it has 0 of the 3 active users of okta"},
			check: func(t *testing.T, m provision.Migration) {
				t.Helper()
				if m.Unknown.Count != 3 || m.Stranded.First[0].Text != "desk: granted by okta/Support (as staff on line 10)" {
					t.Errorf("got %+v", m)
				}
			},
		},
		"somebody is missing, and in no group": {
			arrange: func(w *world, entra directory.Source) {
				in := w.arrive(entra, same, "ann", "bob")
				w.groupOf(entra, "Support", in)
				w.groupOf(entra, "Leads")
			},
			blocked: []string{"1 of the people would lose an account"},
			check: func(t *testing.T, m provision.Migration) {
				t.Helper()
				if m.Unknown.Count != 1 || m.Preview.Apps[0].Delete.First[0].UserName != "cid@acme.example" {
					t.Errorf("got %+v", m)
				}
			},
		},
		"somebody is in one of the groups only: it may take over, and the plan says who has less": {
			arrange: func(w *world, entra directory.Source) {
				in := w.arrive(entra, same, "ann", "bob", "cid")
				w.groupOf(entra, "Support", in)
				w.groupOf(entra, "Leads")
			},
			check: func(t *testing.T, m provision.Migration) {
				t.Helper()
				if a := m.Preview.Apps[0]; a.Change.Count != 1 || a.Hurts[provision.Reductions].Count != 1 { // shown, and the account stays
					t.Errorf("got %+v", a)
				}
			},
		},
		"somebody is inactive here alone": {
			arrange: func(w *world, entra directory.Source) {
				in := w.arrive(entra, same, "ann", "bob", "cid")
				w.groupOf(entra, "Support", in)
				w.groupOf(entra, "Leads", in[2:])
				w.activate("ann", false)
			},
			check: func(t *testing.T, m provision.Migration) {
				t.Helper()
				if m.Out.Count != 1 || m.Out.First[0].UserName != "ann@acme.example" || m.Active != 2 || m.Linked != 2 {
					t.Errorf("got %+v", m)
				}
			},
		},
		"a user that would be linked is inactive": {
			arrange: func(w *world, entra directory.Source) {
				in := w.arrive(entra, same, "ann", "bob")
				cid := w.arrive(entra, func(u *directory.UserWrite) { upn(u); u.Active = false }, "cid")
				w.groupOf(entra, "Support", in, cid)
				w.groupOf(entra, "Leads", cid)
			},
			blocked: []string{"1 of the people would lose an account"},
			check: func(t *testing.T, m provision.Migration) {
				t.Helper()
				if m.Inactive.Count != 1 || m.Inactive.First[0].Text != "cid@acme.onmicrosoft.example is inactive in entra" {
					t.Errorf("got %+v", m.Inactive)
				}
			},
		},
		"two users are like one person": {
			arrange: func(w *world, entra directory.Source) {
				in := w.arrive(entra, same, "ann", "bob")
				cid := w.arrive(entra, upn, "cid")
				twin := w.arrive(entra, func(u *directory.UserWrite) { upn(u); u.UserName = "cid2" }, "cid")
				w.groupOf(entra, "Support", in, cid, twin)
				w.groupOf(entra, "Leads")
			},
			blocked: []string{"1 of the people would lose an account", "2 second accounts would be made"},
			check: func(t *testing.T, m provision.Migration) {
				t.Helper()
				if m.Ambiguous.Count != 1 || m.Ambiguous.First[0].UserName != "cid@acme.example" || m.Matched.Count != 0 {
					t.Errorf("got %+v", m.Ambiguous)
				}
			},
		},
		"one user is like two people": {
			arrange: func(w *world, entra directory.Source) {
				in := w.arrive(entra, same, "cid")
				one := w.arrive(entra, func(u *directory.UserWrite) { upn(u); u.Emails = []string{"ann@acme.example", "bob@acme.example"} }, "ann")
				w.groupOf(entra, "Support", in, one)
				w.groupOf(entra, "Leads", in)
			},
			blocked: []string{"2 of the people would lose an account", "1 second accounts would be made"},
			check: func(t *testing.T, m provision.Migration) {
				t.Helper()
				if m.Ambiguous.Count != 2 || m.Linked != 1 {
					t.Errorf("got %+v", m)
				}
			},
		},
		"a user there has an account of its own": {
			arrange: func(w *world, entra directory.Source) {
				in := w.arrive(entra, same, "ann", "bob")
				cid := w.arrive(entra, func(u *directory.UserWrite) { upn(u); u.Emails = append(u.Emails, "c@acme.example") }, "cid")
				w.groupOf(entra, "Support", in, cid)
				w.groupOf(entra, "Leads", cid)
				w.must(w.store.Update(w.t.Context(), func(tx store.Tx) error {
					return provision.PutAccount(tx, &provision.Account{
						ID: uuid.New(), App: "desk", Person: uuid.MustParse(cid[0].Value), VendorID: "v-own", Email: "c@acme.example",
						State: provision.Active, Origin: provision.Created, Enforced: true, Created: w.now, Modified: w.now,
					})
				}))
			},
			blocked: []string{"1 of the people would lose an account"},
			check: func(t *testing.T, m provision.Migration) {
				t.Helper()
				if m.Occupied.Count != 1 {
					t.Errorf("got %+v", m)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, entra := movers(t)
			tc.arrange(w, entra)
			m, text := w.migration()
			if len(m.Blocked) != len(tc.blocked) {
				t.Fatalf("blocked: got %q, want %q", m.Blocked, tc.blocked)
			}
			for i, want := range tc.blocked {
				if !strings.HasPrefix(m.Blocked[i], want) {
					t.Errorf("blocked: got %q, want %q", m.Blocked[i], want)
				}
			}
			tc.check(t, m)
			if len(tc.blocked) == 0 {
				return
			}
			var refused *provision.DecisionError
			if err := w.migrate(m, text); !errors.As(err, &refused) {
				t.Errorf("migrated all the same: %v", err)
			}
			if current, err := w.maps.Current(t.Context()); err != nil || current.Version() != 1 || w.acts(audit.SourceMigrated) > 0 {
				t.Errorf("the mapping is at %d, %v", current.Version(), err)
			}
		})
	}
}

// A migration that was cut goes on where it was.
func TestACutMigrationGoesOn(t *testing.T) {
	t.Parallel()
	w, entra := movers(t)
	in := w.arrive(entra, upn, "ann", "bob", "cid")
	w.groupOf(entra, "Support", in)
	w.groupOf(entra, "Leads", in[2:])
	first, _ := w.migration()
	cut := errors.New("cut")
	if err := w.engine.Migrate(t.Context(), admin, first, func() (int, error) { return 0, cut }); !errors.Is(err, cut) {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	m, text := w.migration()
	if m.Linked != 3 || m.Matched.Count != 0 || len(m.Blocked) > 0 {
		t.Fatalf("got %+v", m)
	}
	w.must(w.migrate(m, text))
	w.pass(time.Hour)
	if calls := w.vendor.writes(); len(calls) > 0 {
		t.Errorf("the vendor was written to: %q", calls)
	}
}

func (w *world) personOf(id uuid.UUID) (p directory.Person) {
	w.t.Helper()
	w.must(w.store.View(w.t.Context(), func(r store.Reader) (err error) {
		p, err = w.dir.PersonIn(r, id)
		return err
	}))
	return p
}
