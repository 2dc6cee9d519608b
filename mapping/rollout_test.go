package mapping_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
)

func TestParseShare(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"5%": 500, "0.5%": 50, "0.01%": 1, "12.34 %": 1234, "99.99%": 9999,
		"0%": 0, "100%": 0, "5": 0, "%": 0, "-1%": 0, "NaN%": 0, "Inf%": 0, "1e9%": 0, "all": 0, "": 0,
	} {
		got, err := mapping.ParseShare(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
}

// A person is in a ring by the group or by the share; a share that grows only takes people in, and about as many as it says.
func TestARingOnlyGrowsWithItsShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		group := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "group"))
		p := directory.Person{ID: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "person")), Active: true}
		member := rapid.Bool().Draw(t, "member")
		deleted := rapid.Bool().Draw(t, "deleted")
		if member {
			m := directory.Membership{Group: group}
			if deleted {
				m.Deleted = time.Unix(1, 0)
			}
			p.Memberships = append(p.Memberships, m)
		}
		small := rapid.IntRange(0, mapping.Whole).Draw(t, "small")
		large := rapid.IntRange(small, mapping.Whole).Draw(t, "large")
		in := member && !deleted && group != uuid.Nil
		if got, want := (mapping.Ring{Group: group, Share: small}).Has(&p), in || mapping.InShare(p.ID, small); got != want {
			t.Fatalf("in the ring: got %v, want %v", got, want)
		}
		if mapping.InShare(p.ID, small) && !mapping.InShare(p.ID, large) {
			t.Fatal("a larger share left somebody out")
		}
		if mapping.InShare(p.ID, 0) || !mapping.InShare(p.ID, mapping.Whole) {
			t.Fatal("nobody is in no share, and everybody in the whole")
		}
		if (mapping.Ring{}).Has(&p) {
			t.Fatal("somebody is in the empty ring")
		}
	})
	n := 0
	for i := range 20_000 {
		id := uuid.UUID{6: 0x70, 14: byte(i >> 8), 15: byte(i)}
		if mapping.InShare(id, 500) {
			n++
		}
	}
	if n < 850 || n > 1150 {
		t.Errorf("5%% of 20,000: got %d", n)
	}
}

const (
	ringNow = `
version: 1
apps:
  zoom:
    connection: zoom-prod
    mode: enforce
    grants: [{group: Sales}]
`
)

func TestRollable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ next, why string }{
		"another grant":      {strings.Replace(ringNow, "Sales", "IT", 1), ""},
		"another mode":       {strings.Replace(ringNow, "enforce", "observe", 1), "the mode of zoom from enforce to observe"},
		"another connection": {strings.Replace(ringNow, "zoom-prod", "zoom-test", 1), "the connection of zoom"},
		"no such app":        {"version: 1\napps: {}\n", "leaves out the app zoom"},
		"another key":        {strings.Replace(ringNow, "zoom:", "meet:", 1), "leaves out the app zoom"},
		"a rename":           {strings.Replace(ringNow, "mode:", "renamed_from: meet\n    mode:", 1), "renames the app zoom"},
		"a further app":      {ringNow + "  slack: {connection: slack-prod}\n", "adds the app slack"},
	} {
		now, err := mapping.Parse([]byte(ringNow))
		if err != nil {
			t.Fatal(err)
		}
		next, err := mapping.Parse([]byte(c.next))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := mapping.Rollable(now, next)
		if (got == "") != (c.why == "") || !strings.Contains(got, c.why) {
			t.Errorf("%s: got %q, want %q", name, got, c.why)
		}
	}
}
