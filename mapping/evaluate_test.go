package mapping_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
)

// The example of the architecture, person by person. Lines are those of testdata/acme.yaml.
func TestWantOfTheExample(t *testing.T) {
	t.Parallel()
	endOfYear := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	deletedAt := now.Add(-time.Hour)
	sam := func(groups ...directory.Membership) *directory.Person {
		p := person(groups...)
		p.UserName, p.Emails = "sam@acme.example", []string{"sam@acme.example"}
		return p
	}
	with := func(p *directory.Person, change func(*directory.Person)) *directory.Person {
		change(p)
		return p
	}
	french := func(p *directory.Person) { p.Profile["addresses"] = []any{map[string]any{"country": "FR"}} }
	tests := []struct {
		about  string
		app    string
		person *directory.Person
		want   mapping.Want
	}{
		{"nobody's member", "gorgias", sam(), mapping.Want{Reason: mapping.Ungranted, Text: "no grant of Gorgias applies"}},
		{"a member of one group of a set", "gorgias", sam(member(entra, "CX")), mapping.Want{
			Wanted: true, Reason: mapping.Granted, Text: "granted by entra/CX (as support on line 12)",
			Grants: []mapping.GrantHit{{Line: 12, By: "support"}}, Role: "basic-agent", Teams: []string{"Tier 1"},
			Profile: map[string]string{"name": "Kim Lee", "timezone": "UTC"},
		}},
		{"teams add up, `when` is true", "gorgias", with(sam(member(okta, "Support")), french), mapping.Want{
			Wanted: true, Reason: mapping.Granted, Text: "granted by okta/Support (as support on line 12) and okta/Support (as support on line 13)",
			Grants: []mapping.GrantHit{{Line: 12, By: "support"}, {Line: 13, By: "support"}}, Role: "basic-agent", Teams: []string{"French", "Tier 1"},
			Profile: map[string]string{"name": "Kim Lee", "timezone": "UTC"},
		}},
		{"the strongest role wins", "gorgias", sam(member(okta, "Support"), member(okta, "Support Leads")), mapping.Want{
			Wanted: true, Reason: mapping.Granted, Text: "granted by okta/Support (as support on line 12) and okta/Support Leads (line 14)",
			Grants: []mapping.GrantHit{{Line: 12, By: "support"}, {Line: 14, By: "okta/Support Leads"}}, Role: "agent", Teams: []string{"Tier 1"},
			Profile: map[string]string{"name": "Kim Lee", "timezone": "UTC"},
		}},
		{"a person by name, until a day's end", "gorgias", person(), mapping.Want{
			Wanted: true, Reason: mapping.Granted, Text: "granted by kim@acme.example (line 15, until 2027-01-01T00:00:00Z)",
			Grants: []mapping.GrantHit{{Line: 15, By: "kim@acme.example", Until: endOfYear}}, Role: "agent",
			Profile: map[string]string{"name": "Kim Lee", "timezone": "UTC"}, Next: endOfYear,
		}},
		{"deny beats every grant", "gorgias", person(member(okta, "Support"), member(okta, "Interns")), mapping.Want{
			Reason: mapping.Denied, Text: "denied by okta/Interns (line 16)",
		}},
		{"excluded", "gorgias", with(person(), func(p *directory.Person) { p.Profile["userType"] = "Guest" }), mapping.Want{
			Reason: mapping.Excluded, Text: "people.exclude leaves this person out",
		}},
		{"not active", "gorgias", with(person(), func(p *directory.Person) { p.Active, p.Inactive = false, "okta says active: false" }), mapping.Want{
			Reason: mapping.Deactivated, Text: "okta says active: false",
		}},
		{"not active beats excluded, so that a leaver is one", "zoom", with(person(), func(p *directory.Person) {
			p.Active, p.Inactive, p.Profile["userType"] = false, "nobody holds the person", "Guest"
		}), mapping.Want{Reason: mapping.Deactivated, Text: "nobody holds the person"}},
		{"only a deleted group is left", "gorgias", sam(deleted(okta, "Support Leads", deletedAt)), mapping.Want{
			Wanted: true, Reason: mapping.Frozen, Text: "granted for now by the deleted okta/Support Leads (line 14, deleted, counts until 2026-07-02T08:00:00Z)",
			Grants: []mapping.GrantHit{{Line: 14, By: "okta/Support Leads"}}, Role: "agent",
			Profile: map[string]string{"name": "Kim Lee", "timezone": "UTC"}, Next: deletedAt.Add(mapping.Freeze),
		}},
		{"a deleted group beside a living one", "zoom", sam(member(okta, "Everyone"), deleted(okta, "Sales", deletedAt)), mapping.Want{
			Wanted: true, Reason: mapping.Granted, Text: "granted by okta/Everyone (line 27) and okta/Sales (line 28, deleted, counts until 2026-07-02T08:00:00Z)",
			Grants: []mapping.GrantHit{{Line: 27, By: "okta/Everyone"}, {Line: 28, By: "okta/Sales"}}, Role: "Member", Licence: "licensed",
			Profile: map[string]string{"display_name": "Kim Lee"}, Next: deletedAt.Add(mapping.Freeze),
		}},
		{"the freeze has passed", "gorgias", sam(deleted(okta, "Support Leads", now.Add(-mapping.Freeze))), mapping.Want{
			Reason: mapping.Ungranted, Text: "no grant of Gorgias applies",
		}},
		{"a deleted group denies as long as it would grant", "gorgias", person(deleted(okta, "Interns", deletedAt)), mapping.Want{
			Reason: mapping.Denied, Text: "denied by okta/Interns (line 16, deleted, counts until 2026-07-02T08:00:00Z)", Next: deletedAt.Add(mapping.Freeze),
		}},
	}
	m := bound(t, acme, both...)
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			got := want(t, m, test.app, test.person, now)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("want differs (-want +got):\n%s", diff)
			}
		})
	}
}
