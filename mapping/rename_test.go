package mapping_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/mapping"
)

func TestRenameGroups(t *testing.T) {
	t.Parallel()
	const doc = `version: 1
# Support is a set, and Sales a group.
groups:
  Support: {any: [okta/Helpdesk, "okta/Küche", 'okta/It''s']}  # okta/Helpdesk
apps:
  zoom:
    connection: zoom-prod
    grants:
      - {group: Sales, when: 'user.title == "Sales"', teams: [Sales]}
      - group: Support
      - {group: okta/Helpdesk, role: member, reason: okta/Helpdesk}
    deny: [{group: "Interns"}, {group: Sales, when: 'user.country == "FR"'}]
`
	got, err := mapping.RenameGroups([]byte(doc), map[string]string{
		"Sales": "entra/Sales", "Interns": "entra/Interns: all", "okta/Helpdesk": "entra/Helpdesk", "okta/Küche": "entra/Küche", "okta/It's": "entra/It's", "Support": "entra/Support",
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `version: 1
# Support is a set, and Sales a group.
groups:
  Support: {any: [entra/Helpdesk, 'entra/Küche', 'entra/It''s']}  # okta/Helpdesk
apps:
  zoom:
    connection: zoom-prod
    grants:
      - {group: entra/Sales, when: 'user.title == "Sales"', teams: [Sales]}
      - group: Support
      - {group: entra/Helpdesk, role: member, reason: okta/Helpdesk}
    deny: [{group: 'entra/Interns: all'}, {group: entra/Sales, when: 'user.country == "FR"'}]
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRenameGroupsRefuses(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"a name over two lines": "version: 1\napps:\n  zoom:\n    connection: c\n    grants:\n      - group: okta/Sales\n          Team\n",
		"a set that would list a name twice": "version: 1\ngroups: {s: [okta/Sales Team, entra/Sales Team]}\n" +
			"apps:\n  zoom:\n    connection: c\n    grants: [{group: s}]\n",
		"a document that is none": "version: 2\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := mapping.RenameGroups([]byte(doc), map[string]string{"okta/Sales Team": "entra/Sales Team"})
			var problems *mapping.Problems
			if !errors.As(err, &problems) || got != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
