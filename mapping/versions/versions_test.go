package versions_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

var admin = audit.Actor{Kind: audit.ByAdmin, Name: "ann"}

// catalog is a Catalog written down; a test may change it between two calls.
type catalog map[string]mapping.AppInfo

func (c catalog) AppInfo(connection string) (mapping.AppInfo, bool) {
	info, ok := c[connection]
	return info, ok
}

func (c catalog) Connections() []string { return slices.Sorted(maps.Keys(c)) }

// bench is a store with a directory of one source and versions over it.
type bench struct {
	testing.TB
	store     store.Store
	directory *directory.Directory
	versions  *versions.Versions
	catalog   catalog
	okta      directory.Source
	clock     time.Time
	newID     func() uuid.UUID
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, store: storetest.New(t), clock: time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)}
	b.catalog = catalog{"zoom-prod": {
		Title: "Zoom", Licences: []string{"licensed", "basic"}, DefaultLicence: "basic", Rank: []string{"licensed", "basic"},
		Actions: []string{"suspend", "delete"},
	}, "other-prod": {Title: "Other", Actions: []string{"delete"}}}
	now := func() time.Time { return b.clock }
	b.newID = audit.IDs(now)
	b.directory = directory.New(b.store, now, b.newID)
	b.versions = b.another()
	b.okta = b.source("okta")
	return b
}

// another is what a second process, or the same one after a restart, sees.
func (b *bench) another() *versions.Versions {
	return versions.New(b.store, b.directory, func() mapping.Catalog { return b.catalog }, func() time.Time { return b.clock }, b.newID)
}

func (b *bench) source(name string) directory.Source {
	b.Helper()
	s, _, err := b.directory.AddSource(b.Context(), admin, directory.NewSource{Name: name, Kind: directory.Okta})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func (b *bench) group(src directory.Source, name string) directory.Group {
	b.Helper()
	g, err := b.directory.CreateGroup(b.Context(), src, "", directory.GroupWrite{Name: name}, directory.MemberPolicy{})
	if err != nil {
		b.Fatal(err)
	}
	return g
}

func (b *bench) rename(g directory.Group, name string) directory.Group {
	b.Helper()
	g, _, err := b.directory.UpdateGroup(b.Context(), b.okta, "", g.ID, directory.MemberPolicy{}, func(directory.Group) (directory.GroupWrite, error) {
		return directory.GroupWrite{Name: name}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return g
}

func (b *bench) remove(g directory.Group) {
	b.Helper()
	if err := b.directory.DeleteGroup(b.Context(), b.okta, "", g.ID); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) apply(text string) versions.Version {
	b.Helper()
	v, err := b.versions.Apply(b.Context(), admin, []byte(text), versions.ApplyOptions{})
	if err != nil {
		b.Fatalf("apply: %v", err)
	}
	return v
}

// bind calls Bind and returns what was bound, as "app/name".
func (b *bench) bind(g directory.Group) []string {
	b.Helper()
	bound, err := b.versions.Bind(b.Context(), g)
	if err != nil {
		b.Fatalf("bind: %v", err)
	}
	var names []string
	for _, one := range bound {
		names = append(names, one.App+"/"+one.Name)
	}
	return names
}

func (b *bench) current() *mapping.Mapping {
	b.Helper()
	m, err := b.versions.Current(b.Context())
	if err != nil {
		b.Fatalf("current: %v", err)
	}
	return m
}

// boundTo checks which group a name of the app zoom has, uuid.Nil for one that waits.
func (b *bench) boundTo(name string, want uuid.UUID) mapping.Binding {
	b.Helper()
	got, _ := b.current().Binding("zoom", name)
	if got.Group != want {
		b.Errorf("%s: got the group %s, want %s", name, got.Group, want)
	}
	return got
}

// changes returns the changes of an act, oldest first.
func (b *bench) changes(act audit.Act) []audit.Change {
	b.Helper()
	var found []audit.Change
	err := b.store.View(b.Context(), func(r store.Reader) error {
		for c, err := range audit.Read(r, time.Time{}, time.Time{}) {
			if err != nil {
				return err
			}
			if c.Act == act {
				found = append(found, c)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return found
}

// zoom is a document whose one app has a grant for each group.
func zoom(groups ...string) string {
	var b strings.Builder
	b.WriteString("version: 1\napps:\n  zoom:\n    connection: zoom-prod\n    grants:\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "      - {group: %q}\n", g)
	}
	return b.String()
}

func TestBeforeTheFirstVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if m := b.current(); m.Version() != 0 || len(m.Apps()) != 0 {
		t.Errorf("got version %d with %d apps", m.Version(), len(m.Apps()))
	}
	_, err := b.versions.Export(t.Context(), 0)
	if err == nil || err.Error() != "there is no mapping version 0: none was applied yet" {
		t.Errorf("export: got %v", err)
	}
	if bound := b.bind(b.group(b.okta, "Sales")); bound != nil {
		t.Errorf("bind: got %v", bound)
	}
}

func TestApplyMakesNumberedVersions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.apply(zoom("Sales"))
	b.clock = b.clock.Add(time.Hour)
	second, err := b.versions.Apply(t.Context(), admin, []byte(zoom("Sales", "Ops")), versions.ApplyOptions{Expect: 1, Comment: "ops too", Confirmed: 4})
	if err != nil {
		t.Fatal(err)
	}
	want := versions.Version{Number: 2, At: b.clock, Actor: admin, Comment: "ops too", Confirmed: 4, Text: zoom("Sales", "Ops")}
	if diff := cmp.Diff(want, second); diff != "" {
		t.Errorf("version differs (-want +got):\n%s", diff)
	}
	got, err := b.versions.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, got); diff != "" {
		t.Errorf("the first version differs (-want +got):\n%s", diff)
	}
	list, err := b.versions.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Number != 1 || list[1].Comment != "ops too" || list[1].Text != "" {
		t.Errorf("list: got %v, %v", list, err)
	}
	if got := b.current().Version(); got != 2 {
		t.Errorf("current: got %d, want 2", got)
	}
}

func TestApplyAppendsOneChangeForEverybody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.group(b.okta, "Sales")
	b.apply(zoom("Sales", "Ops"))
	changes := b.changes(audit.MappingApplied)
	if len(changes) != 1 || !changes[0].Everybody || changes[0].Actor != admin || changes[0].App != "" {
		t.Fatalf("got %+v", changes)
	}
	if got, want := string(changes[0].Detail), `{"version":1,"bound":1}`; got != want {
		t.Errorf("detail: got %s, want %s", got, want)
	}
	if extra := b.changes(audit.MappingBound); len(extra) != 0 {
		t.Errorf("got %d changes for bindings besides", len(extra))
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(zoom("Sales"))
	tests := []struct {
		about, text string
		o           versions.ApplyOptions
		want        string
	}{
		{"a typo", "version: 1\nappps: {}", versions.ApplyOptions{}, `mapping.yaml:2:1: unknown key "appps"; did you mean apps?`},
		{"what the app cannot do", strings.Replace(zoom("Sales"), "zoom-prod", "nowhere", 1), versions.ApplyOptions{}, "mapping.yaml:4:17: apps.zoom.connection: there is no connection nowhere; known are other-prod and zoom-prod"},
		{"another version than expected", zoom("Ops"), versions.ApplyOptions{Expect: 7}, "the mapping is at version 1, not 7 as expected: look at what changed and apply again"},
		{"a long comment", zoom("Ops"), versions.ApplyOptions{Comment: strings.Repeat("x", 1001)}, "apply the mapping: the comment has 1001 bytes, more than 1000"},
	}
	for _, test := range tests {
		_, err := b.versions.Apply(t.Context(), admin, []byte(test.text), test.o)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.about, err, test.want)
		}
	}
	if got := b.current().Version(); got != 1 || len(b.changes(audit.MappingApplied)) != 1 {
		t.Errorf("a refused document changed something: version %d", got)
	}
	_, err := b.versions.Apply(t.Context(), admin, []byte("version: 2"), versions.ApplyOptions{})
	var problems *mapping.Problems
	if !errors.As(err, &problems) {
		t.Errorf("got %T, want *mapping.Problems", err)
	}
}

func TestCheckWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sales := b.group(b.okta, "Sales")
	m, err := b.versions.Check(t.Context(), []byte(zoom("sales", "Ops")))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := m.Binding("zoom", "sales"); m.Version() != 1 || got.Group != sales.ID || len(m.Waiting()) != 1 {
		t.Errorf("got version %d, %v, waiting %v", m.Version(), got, m.Waiting())
	}
	if got := b.current(); got.Version() != 0 {
		t.Errorf("Check put version %d in force", got.Version())
	}
}

func TestRollbackIsANewVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(zoom("Sales"))
	b.apply(zoom("Ops"))
	v, err := b.versions.Rollback(t.Context(), admin, 1, versions.ApplyOptions{Expect: 2})
	if err != nil {
		t.Fatal(err)
	}
	if v.Number != 3 || v.Text != zoom("Sales") || v.Comment != "back to version 1" {
		t.Errorf("got %+v", v)
	}
	if _, err := b.versions.Rollback(t.Context(), admin, 9, versions.ApplyOptions{}); err == nil || err.Error() != "there is no mapping version 9; they go from 1 to 3" {
		t.Errorf("an unknown version: got %v", err)
	}
}

func TestExportIsTheTextWithItsBindings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sales := b.group(b.okta, "Sales")
	text := "# ours\n" + zoom("Sales", "Ops")
	b.apply(text)
	want := text + "\n# --- bound by usher, for reading only; apply pays no attention to what follows ---\n" +
		"# version 1, applied 2026-07-01T09:00:00Z by \"ann\"\n" +
		"# zoom: \"Sales\" is group " + sales.ID.String() + " (\"Sales\")\n" +
		"# zoom: \"Ops\" waits for a group of that name\n"
	got, err := b.versions.Export(t.Context(), 0)
	if err != nil || string(got) != want {
		t.Fatalf("got %v\n%s\nwant\n%s", err, got, want)
	}
	b.apply(string(got))
	again, err := b.versions.Export(t.Context(), 2)
	if err != nil || strings.Replace(string(again), "version 2", "version 1", 1) != want {
		t.Errorf("an export that is applied and exported again grows: %v\n%s", err, again)
	}
}

// A version means what it meant when it was applied, whatever becomes of sources and connections.
func TestAVersionOutlivesItsWorld(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(zoom("Sales"))
	b.source("entra") // the bare name is no longer enough
	delete(b.catalog, "zoom-prod")
	m, err := b.another().Current(t.Context())
	if err != nil || m.Version() != 1 {
		t.Fatalf("got %v, %v", m, err)
	}
	if app, ok := m.App("zoom"); !ok || app.Title != "Zoom" {
		t.Errorf("got %+v", app)
	}
	sales := b.group(b.okta, "Sales")
	if got, want := b.bind(sales), []string{"zoom/Sales"}; !slices.Equal(got, want) {
		t.Errorf("bind: got %v, want %v", got, want)
	}
	if _, err := b.versions.Apply(t.Context(), admin, []byte(zoom("Sales")), versions.ApplyOptions{}); err == nil {
		t.Error("applying again fits no more, but was taken")
	}
}

func TestCurrentIsSharedUntilSomethingChanges(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(zoom("Sales"))
	first := b.current()
	if b.current() != first {
		t.Error("compiled twice")
	}
	sales := b.group(b.okta, "Sales")
	b.bind(sales)
	if second := b.current(); second == first || second != b.current() {
		t.Error("a binding must be seen at once, and be shared again")
	}
	if _, err := b.another().Apply(t.Context(), admin, []byte(zoom("Ops")), versions.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := b.current().Version(); got != 2 {
		t.Errorf("what another process applied: got version %d, want 2", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(zoom("Sales", "Ops"))
	groups := []directory.Group{b.group(b.okta, "Sales"), b.group(b.okta, "Ops")}
	work := []func(ctx context.Context) error{
		func(ctx context.Context) error { _, err := b.versions.Bind(ctx, groups[0]); return err },
		func(ctx context.Context) error { _, err := b.versions.Bind(ctx, groups[1]); return err },
		func(ctx context.Context) error { _, err := b.versions.Current(ctx); return err },
		func(ctx context.Context) error {
			_, err := b.versions.Apply(ctx, admin, []byte(zoom("Sales", "Ops")), versions.ApplyOptions{})
			return err
		},
	}
	var wg sync.WaitGroup
	for range 5 {
		for _, do := range work {
			wg.Go(func() {
				if err := do(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	b.boundTo("Sales", groups[0].ID)
	b.boundTo("Ops", groups[1].ID)
	if got := b.current().Version(); got != 6 {
		t.Errorf("got version %d, want 6", got)
	}
}
