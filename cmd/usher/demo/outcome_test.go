package demo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox"
	"github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/zoom"
)

func TestTheVendorsOwnAccountsAreWhatTheWeekBeginsWith(t *testing.T) {
	t.Parallel()
	if got := monday().differences(standings(sandbox.New(sandbox.Options{}))); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestStandingsSayWhatEachAddressHas(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{})
	kim := s.Gorgias.SeedUser(gorgias.User{Name: "Kim", Email: "Kim@acme.example", Role: "agent"})
	s.Gorgias.SeedTeam(gorgias.Team{Name: "Tier 1", Members: []int64{kim.ID}})
	s.Gorgias.SeedTeam(gorgias.Team{Name: "French", Members: []int64{kim.ID}})
	s.Zoom.SeedUser(zoom.User{Email: "kim@acme.example", FirstName: "Kim", Type: zoom.Licensed, Status: zoom.Inactive, Data: zoom.Data{Meetings: 1, Webinars: 2}})
	s.Zoom.SeedUser(zoom.User{Email: "lee@acme.example", FirstName: "Lee"})
	s.Zoom.SeedUser(zoom.User{Email: "LEE@acme.example", FirstName: "Lee"})
	got := standings(s)
	for email, want := range map[string]standing{
		"kim@acme.example": {"Kim: agent in French, Tier 1", "Kim: licensed, inactive, 1 meeting, 2 webinars"},
		"lee@acme.example": {"", "Lee: basic and again Lee: basic"}, // two accounts are as wrong as none
	} {
		if got[email] != want {
			t.Errorf("%s: got %q, want %q", email, got[email], want)
		}
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	want := outcome{"a@x": {"A: agent", "A: basic"}, "b@x": {"", "B: basic"}}
	for _, tt := range []struct {
		name string
		got  outcome
		want []string
	}{
		{"none", outcome{"a@x": {"A: agent", "A: basic"}, "b@x": {"", "B: basic"}}, nil},
		{"an account is missing", outcome{"a@x": {"A: agent", "A: basic"}}, []string{"b@x has no Zoom account and must have one (B: basic)"}},
		{
			"an account too many", outcome{"a@x": {"A: agent", "A: basic"}, "b@x": {"", "B: basic"}, "c@x": {"C: admin", ""}},
			[]string{"c@x has a Gorgias account (C: admin) and must have none"},
		},
		{
			"another role", outcome{"a@x": {"A: admin", "A: basic"}, "b@x": {"", "B: basic"}},
			[]string{`a@x at Gorgias is "A: admin" and must be "A: agent"`},
		},
	} {
		if diff := cmp.Diff(tt.want, want.differences(tt.got)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
	}
}
