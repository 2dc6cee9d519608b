package zoom

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
)

func TestSeats(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]adapters.Seats{
		`{"plan_base":{"type":"yearly","hosts":50,"usage":41,"active_hosts":40,"pending":2},"plan_webinar":[]}`: {{Licence: "licensed", Bought: 50, Used: 43}},
		`{"plan_webinar":[]}`: nil,
	} {
		s := newStub(t).on("GET /accounts/me/plans/usage", ok(body))
		got, err := s.open().Seats(t.Context())
		s.none(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	s := newStub(t).on("GET /accounts/me/plans/usage", reply{status: 400, body: `{"code":200,"message":"Only available for paid account."}`})
	if got, err := s.open().Seats(t.Context()); err == nil {
		t.Errorf("a free account: got %v", got)
	}
}
