package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

func TestFactsInWords(t *testing.T) {
	t.Parallel()
	w := &week{ids: directoryOfIDs{"zoom/abc": "samir.haddad@acme.example"}}
	why := &provision.Explanation{
		Want:  mapping.Want{Wanted: true, Text: "granted by okta/Support (line 9)", Role: "agent", Teams: []string{"French", "Tier 1"}},
		Holds: []provision.Hold{{ID: "k3j2l1a", Text: "5 people would lose zoom"}},
	}
	for _, tt := range []struct {
		act    audit.Act
		detail string
		want   string
	}{
		{audit.AccountCreated, `{"role":"agent"}`, "new account, agent in French and Tier 1; granted by okta/Support (line 9)"},
		{audit.AccountUpdated, `{}`, "account brought up to date, agent in French and Tier 1; granted by okta/Support (line 9)"},
		{audit.AccountAdopted, ``, "has an account that Usher did not make; adopted as it is"},
		{audit.AccountUnwanted, `{"text":"okta says active: false"}`, "to be taken away, because okta says active: false"},
		{audit.AccountWanted, `{"text":"granted by okta/Support"}`, "to stay after all, granted by okta/Support"},
		{audit.AccountDemoted, `{"role":"observer-agent"}`, "demoted to observer-agent, out of every team"},
		{audit.AccountRemoved, `{"transferTo":"abc"}`, "gone, verified; its data moved to samir.haddad@acme.example"},
		{audit.AccountRemoved, `{}`, "gone, verified"},
		{audit.AccountStepFailed, `{"error":"Zoom: too many requests"}`, "failed, to be tried again: Zoom: too many requests"},
		{audit.HoldOpened, `{"hold":"k3j2l1a"}`, "held for a person: 5 people would lose zoom"},
		{audit.HoldRejected, `{}`, "rejected by ida.torres, the account stays as it is"},
		{audit.RetryRequested, `{}`, ""},
		{audit.AccountCreated, `not JSON`, ""},
	} {
		c := audit.Change{Act: tt.act, Actor: audit.Actor{Name: "ida.torres"}, Detail: raw(tt.detail)}
		if got := w.words(&c, why); got != tt.want {
			t.Errorf("%s %s: got %q, want %q", tt.act, tt.detail, got, tt.want)
		}
	}
}

func TestFactsAreToldOnceAndOldestFirst(t *testing.T) {
	t.Parallel()
	w := &week{facts: known{}, teams: map[string]string{}}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	fact := func(app string, act audit.Act, second int) audit.Change {
		return audit.Change{ID: uuid.New(), App: app, Act: act, At: at.Add(time.Duration(second) * time.Second), Detail: raw(`{"text":"so"}`)}
	}
	why := &provision.Explanation{App: "zoom", Want: mapping.Want{Wanted: true, Text: "granted"}, Facts: []audit.Change{
		fact("zoom", audit.AccountWanted, 2), fact("", audit.UserActivated, 2), fact("zoom", audit.AccountUnwanted, 1),
	}}
	texts := func() (out []string) {
		for _, s := range w.about(why) {
			out = append(out, s.text)
		}
		return out
	}
	if diff := cmp.Diff([]string{"to be taken away, because so", "to stay after all, so"}, texts()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := texts(); got != nil {
		t.Errorf("told again: %q", got)
	}
	why.Want.Teams = []string{"Sales"}
	if diff := cmp.Diff([]string{"teams are now Sales; granted"}, texts()); diff != "" {
		t.Errorf("a change of teams alone: (-want +got)\n%s", diff)
	}
}

func TestWhatIsSaidOfSeveralIsOneStatement(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	all := join(nil, statement{at: at.Add(time.Second), app: "Zoom", people: []string{"Kim"}, text: "gone"})
	all = join(all, statement{at: at, app: "Zoom", people: []string{"Lee"}, text: "gone"})
	all = join(all, statement{at: at, app: "Zoom", people: []string{"Jo"}, text: "gone"})
	all = join(all, statement{at: at, app: "Gorgias", people: []string{"Jo"}, text: "gone"})
	if len(all) != 2 || all[0].String() != "Zoom for Kim, Lee and Jo: gone" || !all[0].at.Equal(at) {
		t.Errorf("got %+v", all)
	}
}
