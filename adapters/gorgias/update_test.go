package gorgias_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
	vendor "github.com/usher-scim/usher/sandbox/gorgias"
)

func text(s string) *string { return &s }

// TestWhatIsSent compares the bodies that leave with what was asked for: only what differs, as the
// vendor takes it.
func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	mara := vendor.User{Name: "Mara Lindt", Email: "mara@acme.example", Role: "basic-agent", Timezone: "Europe/Vienna", Language: "en", Bio: "hello"}
	theirs := mara
	theirs.ExternalID = "somebody-elses"
	tests := map[string]struct {
		user   vendor.User
		change adapters.Change
		body   string // "" for no write
		kind   adapters.Kind
	}{
		"nothing":                          {mara, adapters.Change{}, "", ""},
		"everything as it is":              {mara, adapters.Change{Email: text("MARA@acme.example"), Role: text("basic-agent"), Attributes: map[string]string{"name": "Mara Lindt", "language": "en-GB"}}, "", ""},
		"a name":                           {mara, adapters.Change{Attributes: map[string]string{"name": "Mara Berg", "timezone": "Europe/Vienna"}}, `{"name":"Mara Berg"}`, ""},
		"a role":                           {mara, adapters.Change{Role: text("agent")}, `{"role":{"name":"agent"}}`, ""},
		"an external id where none is":     {mara, adapters.Change{ExternalID: text("person-1")}, `{"external_id":"person-1"}`, ""},
		"an external id over another":      {theirs, adapters.Change{ExternalID: text("person-1"), Role: text("agent")}, "", adapters.Conflict},
		"an external id that is there":     {theirs, adapters.Change{ExternalID: text("somebody-elses")}, "", ""},
		"a text cleared":                   {mara, adapters.Change{Attributes: map[string]string{"bio": "", "language": ""}}, `{"bio":null,"language":null}`, ""},
		"a text cleared that is not there": {mara, adapters.Change{Attributes: map[string]string{"country": ""}}, "", ""},
		"a time zone, which cannot be":     {mara, adapters.Change{Attributes: map[string]string{"timezone": ""}}, "", ""},
		"a language Gorgias does not have": {mara, adapters.Change{Attributes: map[string]string{"language": "de-AT"}}, "", ""},
		"a language with its region":       {mara, adapters.Change{Attributes: map[string]string{"language": "fr_CA"}}, `{"language":"fr"}`, ""},
		"a country in small letters":       {mara, adapters.Change{Attributes: map[string]string{"country": "at"}}, `{"country":"AT"}`, ""},
		"a country that is no code":        {mara, adapters.Change{Attributes: map[string]string{"country": "Austria"}}, "", adapters.Invalid},
		"an empty name":                    {mara, adapters.Change{Attributes: map[string]string{"name": " "}}, "", adapters.Invalid},
		"a field nobody has":               {mara, adapters.Change{Attributes: map[string]string{"shoe_size": "43"}}, "", adapters.Invalid},
		"another e-mail":                   {mara, adapters.Change{Email: text("berg@acme.example"), Role: text("agent")}, "", adapters.Unsupported},
		"a licence":                        {mara, adapters.Change{Licence: text("pro")}, "", adapters.Unsupported},
		"the role of a bot":                {mara, adapters.Change{Role: text("bot")}, "", adapters.Invalid},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, vendor.Options{})
			u := h.SeedUser(tc.user)
			_, err := h.open(t, h.key, adapters.Deps{}).Update(t.Context(), id(u), tc.change)
			if tc.kind == "" && err != nil || tc.kind != "" && !adapters.IsKind(err, tc.kind) {
				t.Fatalf("got %v, want kind %q", err, tc.kind)
			}
			var got string
			for _, c := range h.Calls() {
				if c.Method != "GET" {
					got += string(c.Body)
				}
			}
			if diff := cmp.Diff(parsed(t, got), parsed(t, tc.body)); diff != "" {
				t.Errorf("body: got -, want +:\n%s", diff)
			}
		})
	}
}

func TestWhatIsSentToCreate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		profile adapters.Profile
		body    string
		kind    adapters.Kind
	}{
		"the least": {adapters.Profile{Email: "Mara@Acme.example", Attributes: map[string]string{"name": "Mara Lindt"}},
			`{"email":"mara@acme.example","name":"Mara Lindt","role":{"name":"basic-agent"}}`, ""},
		"all of it": {adapters.Profile{ExternalID: "p1", Email: "mara@acme.example", Role: "admin", Attributes: map[string]string{"name": "Mara Lindt", "timezone": "Europe/Vienna", "language": "en-US", "country": "at", "bio": "hello"}},
			`{"email":"mara@acme.example","external_id":"p1","name":"Mara Lindt","role":{"name":"admin"},"timezone":"Europe/Vienna","language":"en","country":"AT","bio":"hello"}`, ""},
		"what is empty or unknown is left out": {adapters.Profile{Email: "mara@acme.example", Attributes: map[string]string{"name": "Mara Lindt", "timezone": "", "language": "de", "country": "", "bio": ""}},
			`{"email":"mara@acme.example","name":"Mara Lindt","role":{"name":"basic-agent"}}`, ""},
		"no name":           {adapters.Profile{Email: "mara@acme.example"}, "", adapters.Invalid},
		"no e-mail":         {adapters.Profile{Attributes: map[string]string{"name": "Mara"}}, "", adapters.Invalid},
		"the role of a bot": {adapters.Profile{Email: "mara@acme.example", Role: "internal-agent", Attributes: map[string]string{"name": "Mara"}}, "", adapters.Invalid},
		"a licence":         {adapters.Profile{Email: "mara@acme.example", Licence: "pro", Attributes: map[string]string{"name": "Mara"}}, "", adapters.Unsupported},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, vendor.Options{})
			_, err := h.open(t, h.key, adapters.Deps{}).Create(t.Context(), tc.profile)
			if tc.kind == "" && err != nil || tc.kind != "" && !adapters.IsKind(err, tc.kind) {
				t.Fatalf("got %v, want kind %q", err, tc.kind)
			}
			var got string
			for _, c := range h.Calls() {
				got += string(c.Body)
			}
			if diff := cmp.Diff(parsed(t, got), parsed(t, tc.body)); diff != "" {
				t.Errorf("body: got -, want +:\n%s", diff)
			}
		})
	}
}

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	if text == "" {
		return nil
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("read %q: %v", text, err)
	}
	return v
}

func TestTeamsByName(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	u := h.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example"})
	h.SeedTeam(vendor.Team{Name: "tier 1"})
	h.SeedTeam(vendor.Team{Name: "Twice"})
	h.SeedTeam(vendor.Team{Name: "Twice"})
	a := h.open(t, h.key, adapters.Deps{})
	if err := a.ChangeMembers(t.Context(), "Tier 1", []string{id(u)}, nil); err != nil {
		t.Errorf("a team in another case: got %v, want it found", err)
	}
	if n := len(h.Teams()); n != 3 {
		t.Errorf("got %d teams, want the three that were there", n)
	}
	err := a.ChangeMembers(t.Context(), "Twice", []string{id(u)}, nil)
	failsWith(t, err, adapters.Conflict, `2 teams are called "Twice"`)
	failsWith(t, a.ChangeMembers(t.Context(), " ", []string{id(u)}, nil), adapters.Invalid, "no name")
	failsWith(t, a.ChangeMembers(t.Context(), "Tier 1", []string{"0"}, nil), adapters.Invalid, "not one of Gorgias")
}

func TestWhoIsGoneKeepsNobodyOutOfATeam(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 9} { // looked up one by one, and by the list
		h := start(t, vendor.Options{})
		v := h.underTest(h.key)
		people := v.Seed(n)
		v.Drop(people[1])
		err := h.open(t, h.key, adapters.Deps{}).ChangeMembers(t.Context(), "Tier 1", people, nil)
		failsWith(t, err, adapters.Conflict, "1 of the accounts")
		if got, _ := v.TeamMembers("Tier 1"); len(got) != n-1 {
			t.Errorf("got %d members, want all %d who are there", len(got), n-1)
		}
	}
}

func TestRemovalTakesOnlyWhatGorgiasCan(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	u := h.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example"})
	a := h.open(t, h.key, adapters.Deps{})
	failsWith(t, a.Remove(t.Context(), id(u), adapters.Removal{Action: adapters.Disassociate}), adapters.Unsupported, "demote and delete")
	transfer := adapters.Removal{Action: adapters.Delete, Transfer: &adapters.Transfer{To: "1", What: []string{"tickets"}}}
	failsWith(t, a.Remove(t.Context(), id(u), transfer), adapters.Unsupported, "unassigned")
	if n := len(h.Calls()); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}
