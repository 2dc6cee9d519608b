package provision_test

import (
	"fmt"
	"testing"

	"github.com/usher-scim/usher/directory"
)

// What a mark may allocate that changes nothing: made, judged and cleared, with its share of the commits and of the change that it comes from.
func TestAllocationsOfAMarkThatChangesNothing(t *testing.T) {
	const people, most = 200, 165
	w := newWorld(t)
	w.apply(plainMapping)
	names := make([]string, people)
	for i := range names {
		names[i] = fmt.Sprintf("x%04d", i)
	}
	w.hire(names...)
	w.group("Support", names...)
	w.settle()
	n := 0
	all := testing.AllocsPerRun(3, func() {
		n++
		_, _, err := w.dir.UpdateGroup(t.Context(), w.okta, "req", w.groups["Support"], directory.MemberPolicy{}, func(g directory.Group) (directory.GroupWrite, error) {
			return directory.GroupWrite{Name: fmt.Sprint("Support ", n), ExternalID: g.ExternalID, Attributes: g.Attributes}, nil
		})
		w.must(err)
		for left := true; left; {
			expanded, err := w.engine.Expand(t.Context())
			w.must(err)
			judged, err := w.engine.Triage(t.Context(), "desk")
			w.must(err)
			left = expanded+judged > 0
		}
	})
	if got := all / people; got > most {
		t.Errorf("a mark that changes nothing: got %.1f allocations, want at most %d", got, most)
	}
}
