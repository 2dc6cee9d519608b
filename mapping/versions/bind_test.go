package versions_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
)

func TestApplyBindsLivingGroups(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sales := b.group(b.okta, "Sales")
	b.apply(zoom("SALES"))
	got := b.boundTo("SALES", sales.ID)
	want := mapping.Binding{App: "zoom", Name: "SALES", Source: b.okta.ID, Group: sales.ID, Bound: b.clock, Named: "Sales"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("binding differs (-want +got):\n%s", diff)
	}
}

func TestANameWaitsForItsGroup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(zoom("Sales", "Ops"))
	waiting, err := b.versions.Waiting(t.Context())
	if err != nil || len(waiting) != 2 || waiting[0].Name != "Sales" || waiting[0].Line != 6 {
		t.Fatalf("waiting: got %v, %v", waiting, err)
	}
	sales := b.group(b.okta, "sales")
	if got, want := b.bind(sales), []string{"zoom/Sales"}; !slices.Equal(got, want) {
		t.Errorf("bind: got %v, want %v", got, want)
	}
	b.boundTo("Sales", sales.ID)
	if waiting, err := b.versions.Waiting(t.Context()); err != nil || len(waiting) != 1 || waiting[0].Name != "Ops" {
		t.Errorf("waiting: got %v, %v", waiting, err)
	}
	if again := b.bind(sales); again != nil {
		t.Errorf("bound again: %v", again)
	}
	changes := b.changes(audit.MappingBound)
	if len(changes) != 1 || !changes[0].WholeGroup || changes[0].Group != sales.ID || changes[0].App != "zoom" || changes[0].Actor.Kind != audit.ByEngine {
		t.Errorf("changes: got %+v", changes)
	}
}

func TestEveryAppBindsForItself(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(zoom("Sales") + "  other:\n    connection: other-prod\n    grants: [{group: okta/Sales}]\n")
	if got, want := b.bind(b.group(b.okta, "Sales")), []string{"zoom/Sales", "other/okta/Sales"}; !slices.Equal(got, want) {
		t.Errorf("bind: got %v, want %v", got, want)
	}
	if got := len(b.changes(audit.MappingBound)); got != 2 {
		t.Errorf("got %d changes, want one for each binding", got)
	}
}

func TestAGroupOfAnotherSourceIsNotMeant(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	entra := b.source("entra")
	b.apply(zoom("okta/Sales"))
	if got := b.bind(b.group(entra, "Sales")); got != nil {
		t.Errorf("bind: got %v", got)
	}
}

func TestABindingSurvivesARename(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sales := b.group(b.okta, "Sales")
	b.apply(zoom("Sales"))
	renamed := b.rename(sales, "Revenue")
	if got := b.bind(renamed); got != nil {
		t.Errorf("bind: got %v", got)
	}
	if got := b.boundTo("Sales", sales.ID); got.Named != "Revenue" {
		t.Errorf("the group's name: got %q, want Revenue", got.Named)
	}
	// Another group that takes the old name gets nothing: the binding has a living group.
	if got := b.bind(b.group(b.okta, "Sales")); got != nil {
		t.Errorf("bind: got %v", got)
	}
	b.apply(zoom("Sales"))
	b.boundTo("Sales", sales.ID)
}

func TestABindingSurvivesNewVersions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sales := b.group(b.okta, "Sales")
	b.apply(zoom("Sales"))
	b.rename(sales, "Revenue")
	b.apply(zoom("Ops"))
	b.apply(zoom("Sales"))
	b.boundTo("Sales", sales.ID)
}

func TestARenameToAWaitedNameBinds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(zoom("Sales"))
	group := b.group(b.okta, "Draft")
	if got := b.bind(group); got != nil {
		t.Errorf("bind: got %v", got)
	}
	if got, want := b.bind(b.rename(group, "Sales")), []string{"zoom/Sales"}; !slices.Equal(got, want) {
		t.Errorf("bind: got %v, want %v", got, want)
	}
}

func TestADeletedGroupKeepsItsBinding(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sales := b.group(b.okta, "Sales")
	b.apply(zoom("Sales"))
	b.remove(sales)
	if got := b.bind(sales); got != nil {
		t.Errorf("bind: got %v", got)
	}
	b.boundTo("Sales", sales.ID)
	b.apply(zoom("Sales"))
	b.boundTo("Sales", sales.ID) // its members are frozen, not cut off
}

func TestARecreatedGroupTakesOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.group(b.okta, "Sales")
	b.apply(zoom("Sales"))
	b.remove(first)
	second := b.group(b.okta, "SALES")
	if got, want := b.bind(second), []string{"zoom/Sales"}; !slices.Equal(got, want) {
		t.Errorf("bind: got %v, want %v", got, want)
	}
	got := b.boundTo("Sales", second.ID)
	if diff := cmp.Diff([]uuid.UUID{first.ID}, got.Previous); diff != "" {
		t.Errorf("previous groups (-want +got):\n%s", diff)
	}
	if changes := b.changes(audit.MappingBound); len(changes) != 1 || changes[0].Group != second.ID {
		t.Errorf("changes: got %+v", changes)
	}
}

func TestARecreatedGroupTakesOverAtApply(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.group(b.okta, "Sales")
	b.apply(zoom("Sales"))
	b.remove(first)
	second := b.group(b.okta, "Sales")
	b.apply(zoom("Sales"))
	if got := b.boundTo("Sales", second.ID); !slices.Equal(got.Previous, []uuid.UUID{first.ID}) {
		t.Errorf("previous groups: got %v", got.Previous)
	}
}

func TestAGroupRecreatedUnderItsLastNameTakesOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.group(b.okta, "Sales")
	b.apply(zoom("Sales"))
	b.bind(b.rename(first, "Revenue"))
	b.remove(first)
	second := b.group(b.okta, "Revenue")
	if got, want := b.bind(second), []string{"zoom/Sales"}; !slices.Equal(got, want) {
		t.Errorf("bind: got %v, want %v", got, want)
	}
}

func TestBindLooksAtTheGroupAsItIs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(zoom("Sales"))
	created := b.group(b.okta, "Sales")
	b.rename(created, "Other")
	if got := b.bind(created); got != nil {
		t.Errorf("renamed since: got %v", got)
	}
	deleted := b.group(b.okta, "Sales")
	b.remove(deleted)
	if got := b.bind(deleted); got != nil {
		t.Errorf("deleted since: got %v", got)
	}
}

func TestRenamedFromMovesBindings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sales := b.group(b.okta, "Sales")
	b.apply(zoom("Sales"))
	b.rename(sales, "Revenue") // so that the name alone would find nothing
	b.apply("version: 1\napps:\n  meetings:\n    renamed_from: zoom\n    connection: zoom-prod\n    grants: [{group: Sales}]\n")
	m := b.current()
	if got, _ := m.Binding("meetings", "Sales"); got.Group != sales.ID || got.App != "meetings" {
		t.Errorf("the new key: got %+v", got)
	}
	if got, ok := m.Binding("zoom", "Sales"); ok {
		t.Errorf("the old key still has %+v", got)
	}
}

func TestAReplacedSourceTakesOverAtApply(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.group(b.okta, "Sales")
	b.apply(zoom("okta/Sales"))
	if err := b.directory.RemoveSource(t.Context(), admin, "okta"); err != nil {
		t.Fatal(err)
	}
	again := b.source("okta")
	b.apply(zoom("okta/Sales"))
	b.boundTo("okta/Sales", old.ID) // nobody is cut off while the new source has no such group
	sales := b.group(again, "Sales")
	if got := b.bind(sales); got != nil {
		t.Errorf("without an apply: got %v", got)
	}
	b.apply(zoom("okta/Sales"))
	if got := b.boundTo("okta/Sales", sales.ID); got.Previous != nil {
		t.Errorf("the group of another source is remembered: %v", got.Previous)
	}
}
