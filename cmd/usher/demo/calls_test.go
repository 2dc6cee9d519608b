package demo

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox/wire"
)

func TestCallsInWords(t *testing.T) {
	t.Parallel()
	ids := directoryOfIDs{"gorgias/17": "kim.sato@acme.example", "gorgias/600": "Tier 1", "zoom/abc": "paul.berg@acme.example"}
	for _, tt := range []struct {
		name string
		call wire.Call
		want string
		who  string
	}{
		{
			"a role", wire.Call{Vendor: "gorgias", Method: "PUT", Path: "/users/17", Body: raw(`{"role":{"name":"agent"}}`), Status: 200, Changed: true},
			"PUT /users/{kim.sato}  role=agent", "kim.sato",
		},
		{
			"a new user, what matters first", wire.Call{
				Vendor: "gorgias", Method: "POST", Path: "/users", Status: 201, Changed: true,
				Body: raw(`{"external_id":"01a20012-c3fd-7003-b522-9fe154b00756","role":{"name":"agent"},"name":"Kim","email":"kim@x"}`),
			},
			"POST /users  email=kim@x, name=Kim, role=agent, external_id=01a20012…", "kim",
		},
		{
			"a list of members", wire.Call{Vendor: "gorgias", Method: "PUT", Path: "/teams/600", Body: raw(`{"members":[{"id":17},{"id":18}]}`), Status: 200, Changed: true},
			"PUT /teams/{Tier 1}  members=kim.sato 18", "Tier 1",
		},
		{
			"a transfer", wire.Call{Vendor: "zoom", Method: "DELETE", Path: "/users/abc", Query: "action=delete&transfer_email=s%40x&transfer_meeting=true", Status: 204, Changed: true},
			"DELETE /users/{paul.berg}  action=delete, transfer_email=s@x, transfer_meeting", "paul.berg",
		},
		{
			"a refusal", wire.Call{Vendor: "zoom", Method: "PATCH", Path: "/users/abc", Body: raw(`{"type":2}`), Status: 400},
			"PATCH /users/{paul.berg}  type=2  (answered with 400)", "paul.berg",
		},
		{
			"a cleared field", wire.Call{Vendor: "zoom", Method: "PATCH", Path: "/users/abc", Body: raw(`{"dept":""}`), Status: 204, Changed: true},
			"PATCH /users/{paul.berg}  dept=(none)", "paul.berg",
		},
	} {
		got, reads := ids.writes([]wire.Call{tt.call})
		if len(got) != 1 || reads != 0 {
			t.Fatalf("%s: got %d writes and %d reads", tt.name, len(got), reads)
		}
		if got[0].text != tt.want || got[0].who != tt.who {
			t.Errorf("%s: got %q about %q, want %q about %q", tt.name, got[0].text, got[0].who, tt.want, tt.who)
		}
	}
}

func TestReadsAreCountedAndTokensAreNeither(t *testing.T) {
	t.Parallel()
	got, reads := directoryOfIDs{}.writes([]wire.Call{
		{Vendor: "zoom", Method: "POST", Path: "/oauth/token", Status: 200},
		{Vendor: "zoom", Method: "GET", Path: "/users/a", Status: 404},
		{Vendor: "zoom", Method: "GET", Path: "/users", Status: 200},
	})
	if len(got) != 0 || reads != 2 {
		t.Errorf("got %d writes and %d reads, want 0 and 2", len(got), reads)
	}
}

func TestOfATeamsListsOnlyTheLastIsShown(t *testing.T) {
	t.Parallel()
	ids := directoryOfIDs{"gorgias/600": "Tier 1", "gorgias/603": "Leads"}
	put := func(team, members string) wire.Call {
		return wire.Call{Vendor: "gorgias", Method: "PUT", Path: "/teams/" + team, Body: raw(`{"members":` + members + `}`), Status: 200, Changed: true}
	}
	writes, _ := ids.writes([]wire.Call{put("600", `[{"id":1}]`), put("603", `[{"id":9}]`), put("600", `[{"id":1},{"id":2}]`)})
	var got []string
	for _, w := range lastOfEach(writes) {
		got = append(got, w.text)
		if want := map[string]int{"Tier 1": 2, "Leads": 1}[w.who]; w.times != want {
			t.Errorf("%s: got %d times, want %d", w.who, w.times, want)
		}
	}
	if diff := cmp.Diff([]string{"PUT /teams/{Tier 1}  members=1 2", "PUT /teams/{Leads}  members=9"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }
