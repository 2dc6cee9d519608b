package gorgias_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-scim/usher/adapters"
	vendor "github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
)

// A list is written whole. What is made from a read that misses our own last write would undo that write, or find nothing left to do.
func TestAReadThatMissesOurOwnWriteIsNotTakenForTheTeam(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(a *oneTeam, t *testing.T, mara, nils string){
		"another joins": func(a *oneTeam, t *testing.T, mara, nils string) {
			t.Helper()
			a.change(t, []string{mara}, nil)
			a.change(t, []string{nils}, nil)
			a.want(t, mara, nils)
		},
		"who left returns": func(a *oneTeam, t *testing.T, mara, nils string) {
			t.Helper()
			a.change(t, []string{mara, nils}, nil)
			<-time.After(10 * time.Second)
			a.change(t, nil, []string{mara})
			a.change(t, []string{mara}, nil)
			a.want(t, mara, nils)
		},
		"who came leaves": func(a *oneTeam, t *testing.T, mara, nils string) {
			t.Helper()
			a.change(t, []string{mara}, nil)
			a.change(t, []string{nils}, []string{mara})
			a.want(t, nils)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, a := inBubble(t, vendor.Options{Settings: vendor.Settings{ReadLag: 4 * time.Second}})
				v.SeedTeam(vendor.Team{Name: "Tier 1"})
				mara := v.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example"})
				nils := v.SeedUser(vendor.User{Name: "Nils", Email: "nils@acme.example"})
				<-time.After(10 * time.Second)
				change(&oneTeam{v: v, a: a}, t, id(mara), id(nils))
			})
		})
	}
}

// oneTeam changes one team and looks at the vendor itself, not at what its reads show.
type oneTeam struct {
	v *vendor.Vendor
	a adapters.Teams
}

func (g *oneTeam) change(t *testing.T, add, remove []string) {
	t.Helper()
	if err := g.a.ChangeMembers(t.Context(), "Tier 1", add, remove); err != nil && !adapters.IsKind(err, adapters.Retry) {
		t.Fatal(err)
	}
}

func (g *oneTeam) want(t *testing.T, members ...string) {
	t.Helper()
	var got []string
	for _, m := range g.v.Teams()[0].Members {
		got = append(got, id(vendor.User{ID: m}))
	}
	slices.Sort(got)
	slices.Sort(members)
	if !slices.Equal(got, members) {
		t.Errorf("got members %q, want %q", got, members)
	}
}

// The vendor took the list; that the team is not there afterwards may be another tenant's word.
func TestATeamThatIsNotThereAfterItWasWrittenIsUncertain(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	u := h.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example"})
	h.SeedTeam(vendor.Team{Name: "Tier 1"})
	a := h.open(t, h.key, adapters.Deps{})
	h.Inject(wire.Fault{Kind: wire.OtherTenant, Method: "GET", Path: "/teams/*", Skip: 1})
	failsWith(t, a.ChangeMembers(t.Context(), "Tier 1", []string{id(u)}, nil), adapters.Uncertain, "reading it back failed")
	for _, c := range h.Writes() {
		if c.Method == "POST" {
			t.Errorf("got %s %s, want no team made elsewhere", c.Method, c.Path)
		}
	}
}
